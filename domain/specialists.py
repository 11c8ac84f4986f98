"""Which specialist may use which tool. Grants follow the route and this table, never a model's text."""

from domain.routing import Category

GRANTS: dict[Category, frozenset[str]] = {
    Category.BILLING: frozenset({"extract_claim", "find_account", "search_billing_knowledge", "refund"}),
    Category.TECHNICAL_SUPPORT: frozenset({"diagnose"}),
    Category.SALES: frozenset({"qualify_lead", "record_lead", "draft_reply"}),
}


def is_granted(category: Category, tool: str) -> bool:
    """Return whether the specialist of a category may use a tool.

    >>> is_granted(Category.SALES, "refund")
    False
    """
    return tool in GRANTS[category]
