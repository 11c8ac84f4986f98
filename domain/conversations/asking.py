"""When a customer is asked once more instead of being refused."""

from domain.money.records import Account
from domain.money.refund import Ask, Deny, RefundDecision, Rule

# To whom an order belongs is not told: an order of somebody else is asked about as one that does not exist.
_MISTYPED = frozenset({Rule.ORDER_NOT_FOUND, Rule.NOT_THE_OWNER})


def asked_again(decision: RefundDecision, account: Account, *, in_conversation: bool) -> RefundDecision:
    """Return what is asked of a customer whose answer names an order that is not theirs; every other decision stays.

    Only in a conversation: who was asked for the order may have mistyped it.
    """
    if in_conversation and isinstance(decision, Deny) and decision.rule in _MISTYPED:
        return Ask(rule=decision.rule, missing=["order_id"], candidate_orders=account.candidate_orders)
    return decision
