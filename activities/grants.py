"""Which workflow may use which tool: checked by the tool itself, at its top."""

from temporalio import activity

from domain.errors import RefusedError
from domain.routing import Category
from domain.specialists import is_granted

CATEGORY_OF_WORKFLOW: dict[str, Category] = {
    "BillingWorkflow": Category.BILLING,
    "TechnicalSupportWorkflow": Category.TECHNICAL_SUPPORT,
    "SalesWorkflow": Category.SALES,
}


def require_grant(tool: str) -> None:
    """Let the specialist go on that may use the tool, and nobody else.

    Who asks is the type of the workflow that Temporal names, not anything in its input.

    Raises:
        RefusedError: another workflow asks.
    """
    workflow_type = activity.info().workflow_type or ""
    category = CATEGORY_OF_WORKFLOW.get(workflow_type)
    if category is None or not is_granted(category, tool):
        raise RefusedError(f"tool {tool!r} is not granted to {workflow_type!r}: grants stand in domain/specialists.py")
