"""A second ticket about money that went back already: what is said instead of a no, and when nothing is paid twice."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, Field

from domain.money.amount import Money
from domain.money.claim import Claim, Reason
from domain.money.records import Account, Charge, Order
from domain.money.refund import Deny, Refund, Rule

SAME_REQUEST = timedelta(days=1)
"""So long after a payment the same sum of the same charge is the same request: a form and a mail, a double click."""


class PaidBefore(BaseModel):
    """What was paid back before.

    Attributes:
        money: in all.
        dates: the days (ISO 8601, UTC) on which Headgate paid it; empty where others paid a part of it.
        share: it is all that policy provides for, not the whole charge.
        under_way: another case is paying it at this moment; whether it will is not sure yet.
        pending: the payment provider took it, or a part of it, and has not done it yet; it may still fail.
    """

    money: Money
    dates: list[str] = Field(default_factory=list)
    share: bool = False
    under_way: bool = False
    pending: bool = False


def paid_before(decision: Refund | Deny, claim: Claim, account: Account, *, now: datetime) -> PaidBefore | None:
    """Return what was paid back before, if the decision rests on nothing but that, or would pay the same once more."""
    order = account.order
    if order is None or not order.charges:
        return None
    if isinstance(decision, Refund):
        return _same_request(decision, account, now)
    if decision.rule not in (Rule.ALREADY_REFUNDED, Rule.NOTHING_LEFT):
        return None
    if claim.amount is not None and claim.amount.minor == 0:  # who asks for nothing gets nothing
        return None
    charges = _concerned(decision, claim, order)
    minor = sum(charge.refunded_minor for charge in charges)
    if minor <= 0:
        return None
    share = decision.rule is Rule.NOTHING_LEFT and any(c.refunded_minor < c.amount_minor for c in charges)
    return _said(Money(minor=minor, currency=order.currency), account, charges, share=share)


def rule_told(denial: Deny, account: Account) -> Rule:
    """Return the rule that a letter may name: what is only about to be paid back is not said to be refunded."""
    unsure = any(paid.at is None or paid.pending for paid in account.paid_back)
    return Rule.NOTHING_LEFT if denial.rule is Rule.ALREADY_REFUNDED and unsure else denial.rule


def _same_request(refund: Refund, account: Account, now: datetime) -> PaidBefore | None:
    same = [paid for paid in account.paid_back if (paid.charge_id, paid.money) == (refund.charge_id, refund.money)]
    lately = [paid for paid in same if paid.at is None or now - paid.at < SAME_REQUEST]
    if not lately:
        return None
    last = lately[-1]
    dates = [_day(last.at)] if last.at else []
    return PaidBefore(money=refund.money, dates=dates, under_way=last.at is None, pending=last.pending)


def _concerned(denial: Deny, claim: Claim, order: Order) -> Sequence[Charge]:
    """Return the charges whose refunds were counted: of a charge taken twice it is owed once, wherever it went back."""
    if denial.rule is Rule.ALREADY_REFUNDED or claim.reason is Reason.DUPLICATE_CHARGE:
        return order.charges
    return [max(order.charges, key=lambda charge: (charge.captured_at, charge.charge_id))]


def _said(money: Money, account: Account, charges: Sequence[Charge], *, share: bool) -> PaidBefore:
    ids = {charge.charge_id for charge in charges}
    ours = [paid for paid in account.paid_back if paid.charge_id in ids]
    times = [paid.at for paid in ours if paid.at is not None]
    alone = sum(paid.money.minor for paid in ours) == money.minor
    return PaidBefore(
        money=money,
        dates=list(dict.fromkeys(map(_day, sorted(times)))) if alone else [],
        share=share,
        under_way=len(times) < len(ours),
        pending=any(paid.pending for paid in ours),
    )


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"
