"""Refunds by the rules that were there first, `[refund]` and `[approval]`, read as a policy, and the facts of a refund.

By both, `decide` says of a refund what `decide_refund` marks and the ledger checks.
"""

from collections.abc import Sequence

from domain.money.approval import Approver
from domain.money.claim import Claim, Origin
from domain.money.records import Account
from domain.money.refund import Mark, Refund, RefundPolicy
from domain.policy.facts import ActionFacts, FieldOrigin, Moved
from domain.policy.needs import Needs
from domain.policy.rules import ANY_CURRENCY, ActionPolicy, AmountRange, Decider, Per, Velocity

OF_THE_KIND = frozenset({Mark.SHARE_OF_LARGE_CHARGE, Mark.PAID_IN_PART})
"""Marks that only a refund can have; the others are a policy's own rules."""
_ORIGINS = {
    Origin.GIVEN: FieldOrigin.GIVEN,
    Origin.QUOTED: FieldOrigin.GIVEN,
    Origin.GUESSED: FieldOrigin.GUESSED,
}


def policy_of_refunds(
    refund: RefundPolicy, approvers: Sequence[Approver], *, expires_after_s: float, remind_every_s: float
) -> ActionPolicy:
    """Return the policy that `[refund]` and `[approval]` are: it asks for one person, and looks at no history."""
    return ActionPolicy(
        ranges=tuple(
            one for currency, limit in sorted(refund.approval_limit_minor.items()) for one in _split(currency, limit)
        ),
        velocities=(Velocity(per=Per.CUSTOMER, days=1, most_minor=refund.daily_cap_minor),),
        first_time_customer=Needs.NOBODY,
        first_time_payee=Needs.NOBODY,
        deciders=tuple(_decider(approver) for approver in approvers),
        expires_after_s=expires_after_s,
        remind_every_s=remind_every_s,
    )


def _split(currency: str, limit: int) -> list[AmountRange]:
    above = AmountRange(currency=currency, from_minor=limit, needs=Needs.ONE)
    return [AmountRange(currency=currency, below_minor=limit, needs=Needs.NOBODY), above] if limit else [above]


def _decider(approver: Approver) -> Decider:
    if approver.limit_minor is None:
        return Decider(name=approver.name, any_amount=True)
    if approver.limit_minor < 0:  # as the gate compares: it may decide nothing
        return Decider(name=approver.name)
    return Decider(name=approver.name, limits_minor={ANY_CURRENCY: approver.limit_minor})


def refund_facts(
    refund: Refund,
    claim: Claim,
    account: Account,
    *,
    flags: Sequence[str] = (),
    taint: str | None = None,
    editors: Sequence[str] = (),
) -> ActionFacts:
    """Return what is known of a refund when it is decided.

    Args:
        refund: what would be paid.
        claim: what was read out of the message.
        account: what the records say.
        flags: those of the message.
        taint: why a person has to look at its case whatever the amount (`why_a_person`).
        editors: who edited the input.
    """
    charges = account.order.charges if account.order else []
    return ActionFacts(
        before_minor=sum(charge.refunded_minor for charge in charges if charge.charge_id == refund.charge_id),
        origins={
            "order_id": _ORIGINS[claim.order_origin],
            "payee": FieldOrigin.RECORDS,
            "money": FieldOrigin.DERIVED,
        },
        flags=frozenset(flags),
        taints=frozenset({taint} if taint else ()),
        marks=frozenset(mark.value for mark in refund.marks if mark in OF_THE_KIND),
        moved=(Moved(per=Per.CUSTOMER, days=1, minor=account.refunded_today_minor),),
        requester=account.customer.customer_id if account.customer else "unknown",
        editors=frozenset(editors),
    )
