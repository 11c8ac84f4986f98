"""The brief that a person reads before approving: fields from the records, and apart from them the customer's words,
quoted.
"""

from collections.abc import Sequence

from domain.briefs.request import request_lines
from domain.inbound.cleaned import CleanFlag
from domain.money.amount import format_minor
from domain.money.approval import Brief
from domain.money.claim import Claim
from domain.money.records import Account
from domain.money.refund import Mark, Refund, RefundPolicy
from domain.money.refund_action import RefundAction

_WHY_MARKED = {
    Mark.AT_OR_ABOVE_LIMIT: "what goes back of this charge is at or above the blueprint's limit of {limit}",
    Mark.NO_LIMIT_FOR_CURRENCY: "the blueprint has no limit for {currency}",
    Mark.GUESSED_ORDER: "the order number was not found word for word in the message",
    Mark.PAID_IN_PART: "a part of this charge was paid back before, and another part is asked for",
    Mark.SHARE_OF_LARGE_CHARGE: "it is a share of a charge at or above the blueprint's limit of {limit}",
    Mark.NOT_FOR_MODELS: "no model was to read it, the whole of it could not be read, or its document was mended",
    Mark.EDITED_INPUT: "an operator edited the message before the case was replayed: what is quoted may be their words",
    Mark.DOCUMENT_REPAIRED: "its document was broken and has been repaired, as two readers agree on what it says",
    Mark.FIELD_DERIVED: "a field that its document lacks was filled in from our records or from the customer's words",
    Mark.FIELD_GUESSED: "a field of its document cannot be believed and was only guessed (nothing is decided on it)",
    Mark.OTHER_ORDER_IN_DOCUMENT: "its document names another order than the message does",
    Mark.ASKED_BY_FIELDS: "the money is asked for by a field of its document, which says why",
    Mark.ABOVE_DAILY_CAP: "with it the customer's refunds of today pass the daily cap of {cap}",
}

# What most mails have says nothing for or against a claim.
_ORDINARY = frozenset({CleanFlag.QUOTED_HISTORY, CleanFlag.SIGNATURE, CleanFlag.DISCLAIMER})


def refund_brief(
    action: RefundAction,
    refund: Refund,
    claim: Claim,
    account: Account,
    *,
    policy: RefundPolicy,
    flags: Sequence[str],
    expires_after_s: float,
    message: str,
) -> Brief:
    """Say what would be paid, to whom, why, on what evidence, and what happens on either answer.

    `message` is the customer's, personal data replaced by tokens: what in it asks for the money is quoted.
    """
    money = format_minor(action.money.minor, action.money.currency)
    currency = action.money.currency
    limit = format_minor(policy.approval_limit_minor.get(currency, 0), currency)
    reasons = [
        _WHY_MARKED[mark].format(
            limit=limit,
            cap=format_minor(policy.daily_cap_minor.get(currency, 0), currency),
            currency=currency,
        )
        for mark in refund.marks
    ]
    evidence = [f"claimed: {claim.reason.replace('_', ' ')} (order number {claim.order_origin})"]
    if claim.amount is not None:
        evidence.append(f"claimed amount: {claim.amount} ({claim.amount_origin})")
    if claim.share_bp is not None:
        evidence.append(f"claimed share: {claim.share_bp / 100:g} percent of the charge")
    if account.order is not None:
        order = account.order
        evidence.append(
            f"order {order.order_id}: {order.status}, placed {order.placed_at:%Y-%m-%d}, "
            f"total {format_minor(order.total_minor, order.currency)}"
        )
        evidence.extend(
            f"charge {c.charge_id}: {format_minor(c.amount_minor, c.currency)} on {c.captured_at:%Y-%m-%d} "
            f"from {c.payee}, {format_minor(c.refunded_minor, c.currency)} refunded so far"
            for c in order.charges
        )
    told = {str(mark) for mark in refund.marks}  # as reasons
    odd = [flag.replace("_", " ") for flag in flags if flag not in _ORDINARY and flag not in told]
    if odd:
        evidence.append("the message: " + ", ".join(odd))
    return Brief(
        what=f"Refund {money} of charge {action.charge_id} (order {action.order_id})",
        for_whom=f"customer {account.customer.customer_id if account.customer else 'unknown'}, back to {action.payee}",
        why=f"Policy allows it ({refund.rule.replace('_', ' ')}), but {'; '.join(reasons)}.",
        evidence=evidence,
        request=request_lines(message, claim),
        marks=[str(mark) for mark in refund.marks],
        reasons=reasons,
        policy=f"claims within {policy.window_days} days of the charge; a person decides from {limit} of a charge on; "
        f"blueprint {action.policy_version}",
        if_approved=f"{money} goes back to {action.payee} at once and the customer is told.",
        if_rejected="Nothing is paid; the customer is told, with your reason. "
        f"So too after {expires_after_s / 3600:g} h without a decision.",
    )
