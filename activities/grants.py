"""Which workflow may use which tool: checked by the tool itself, at its top."""

from temporalio import activity

from domain.errors import RefusedError
from domain.specialists import is_granted


def require_grant(tool: str) -> None:
    """Let the specialist go on that may use the tool, and nobody else.

    Who asks is the type of the workflow that Temporal names, not anything in its input.

    Raises:
        RefusedError: another workflow asks.
    """
    workflow_type = activity.info().workflow_type or ""
    if not is_granted(workflow_type, tool):
        raise RefusedError(f"tool {tool!r} is not granted to {workflow_type!r}: grants stand in domain/specialists.py")
