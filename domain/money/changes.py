"""What may not change of a charge or an order once Headgate paid money back of it: the ledger rests on it.

The same rules for every way in which records arrive: files that are imported, and systems that are asked.
"""

from typing import NamedTuple

from domain.money.amount import format_minor


class ChargeTerms(NamedTuple):
    """What a refund of a charge rests on; money in minor units of `currency`, `refunded_minor` by others alone."""

    tenant: str
    order_id: str
    amount_minor: int
    currency: str
    payee: str
    refunded_minor: int


class ForbiddenChange(NamedTuple):
    """Which term may not be as it came, why not, and what to do."""

    term: str
    why: str
    remedy: str


_TERMS = (("order_id", "order_id"), ("amount", "amount_minor"), ("currency", "currency"), ("payee", "payee"))


def object_to_charge(before: ChargeTerms | None, after: ChargeTerms, *, moved_minor: int) -> list[ForbiddenChange]:
    """Return why a charge may not become what it came as.

    Args:
        before: as it stands in the store; None: it is new.
        after: as it came.
        moved_minor: what Headgate paid back of it, or is about to, minor units.
    """
    if before is not None and before.tenant != after.tenant:
        why = "expected the tenant that has this charge already: the payment provider's id of a charge is one of a kind"
        return [ForbiddenChange("tenant", why, "use the provider's own id of the charge")]
    found = []
    if before is not None and moved_minor > 0:
        for term, field in _TERMS:
            old, new = getattr(before, field), getattr(after, field)
            if old != new:
                kept = format_minor(old, before.currency) if term == "amount" else repr(old)
                why = f"expected {kept}: Headgate paid {format_minor(moved_minor, before.currency)} of it back"
                found.append(ForbiddenChange(term, why, "leave it as it was when the money went back"))
    if not found and after.refunded_minor + moved_minor > after.amount_minor:
        left = format_minor(max(after.amount_minor - moved_minor, 0), after.currency)
        why = f"expected at most {left}, which is what others can have paid back of the charge"
        if moved_minor:
            why += f" beside the {format_minor(moved_minor, after.currency)} of Headgate"
        found.append(ForbiddenChange("refunded", why, "count only what went back past Headgate"))
    return found


def object_to_order(before_customer: str, after_customer: str, *, moved: bool) -> ForbiddenChange | None:
    """Return why an order may not go to another customer, or None; `moved`: Headgate paid money back of it."""
    if before_customer == after_customer or not moved:
        return None
    why = f"expected {before_customer!r}, to whom Headgate paid money of this order back"
    return ForbiddenChange("customer_id", why, "leave the order with its customer")
