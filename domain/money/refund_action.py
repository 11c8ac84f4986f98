"""A refund as an action of the ledger, and what it must still fulfil when it is paid."""

from typing import Literal

from domain.money.action import Action, Terms
from domain.money.records import Account
from domain.money.refund import Refund, RefundPolicy


def refund_key(case_id: str) -> str:
    """Return the key under which a case pays a refund; there is no other, so a case pays one, whoever asks.

    >>> refund_key("case/shop/evt_1")
    'case/shop/evt_1/refund'
    """
    return f"{case_id}/refund"


class RefundAction(Action):
    """Pay money of a charge back to the instrument that it came from."""

    kind: Literal["refund"] = "refund"
    order_id: str
    charge_id: str

    @classmethod
    def of(cls, refund: Refund, *, case_id: str, policy_version: str) -> "RefundAction":
        """Return the action by which a case pays a refund."""
        return cls(
            key=refund_key(case_id),
            case_id=case_id,
            order_id=refund.order_id,
            charge_id=refund.charge_id,
            payee=refund.payee,
            money=refund.money,
            policy_version=policy_version,
        )


class RefundTerms(Terms):
    """What a refund must still fulfil when it is paid: another case of the customer may have been paid since.

    They come from whoever pays. The ledger takes limit and cap from the policy that the case was admitted with, and
    these only where they are stricter. Minor units of the action's currency; None: nothing more to check.

    Attributes:
        limit_minor: from here on all that goes back of the charge needs a person.
        daily_cap_minor: the customer's refunds of a day stay within it.
        seen_back_minor: what the decision saw as paid back of the charge.
        customer_id: whose order it was when that was decided.
        at_provider_minor: what the payment provider says went back of the charge by others, asked just now.
    """

    limit_minor: int | None = None
    daily_cap_minor: int | None = None
    seen_back_minor: int | None = None
    customer_id: str | None = None
    at_provider_minor: int | None = None

    @classmethod
    def of(cls, action: RefundAction, account: Account, policy: RefundPolicy) -> "RefundTerms":
        """Return the terms of a refund that was decided on what the account says."""
        currency = action.money.currency
        charges = account.order.charges if account.order else []
        return cls(
            # A currency without a limit has the limit zero: nothing of it is paid without a person.
            limit_minor=policy.approval_limit_minor.get(currency, 0),
            daily_cap_minor=policy.daily_cap_minor.get(currency),
            # Five tickets at once must not each get a percentage that is owed once.
            seen_back_minor=sum(c.refunded_minor for c in charges if c.charge_id == action.charge_id),
            customer_id=account.customer.customer_id if account.customer else None,
        )
