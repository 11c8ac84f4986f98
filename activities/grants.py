"""Which workflow may use which tool: checked by the tool itself, at its top."""

from temporalio import activity

from domain.errors import RefusedError
from domain.specialists import is_granted


def require_grant(tool: str) -> None:
    """Let the specialist go on that may use the tool, and nobody else.

    Who asks is the type of the workflow, and inside a case the activity id that the case gave the step: Temporal
    names both, nothing in the input does.

    Raises:
        RefusedError: another workflow asks.
    """
    info = activity.info()
    workflow_type = info.workflow_type or ""
    if not is_granted(workflow_type, tool, info.activity_id):
        asker = f"{workflow_type!r}, step {info.activity_id!r}"
        raise RefusedError(f"tool {tool!r} is not granted to {asker}: grants stand in domain/specialists.py")
