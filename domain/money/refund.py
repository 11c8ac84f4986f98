"""Whether and how much is refunded: pure rules over what the system of record says.

The model proposes a `Claim`; nothing in it grants authority. Which order may come from the customer's text; how much
may be paid, to whom and whether at all come from the records. `decide_refund` is the only place that says yes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from domain.money.amount import Money, format_minor
from domain.money.claim import FAULTS, WHOLE_SHARE, Claim, Doubt, Mood, Origin, Reason, Scope, Wants
from domain.money.items import is_told_by_records, items_asked, may_mean_one
from domain.money.records import STATUSES_OF, Account, Charge, Order, OrderStatus, is_late, is_service

MinorByCurrency = dict[Annotated[str, Field(pattern="^[A-Z]{3}$")], Annotated[int, Field(ge=0)]]


class RefundPolicy(BaseModel):
    """The blueprint's rules for refunds; money in minor units by currency."""

    window_days: int = Field(default=60, ge=0)
    change_of_mind_days: int = Field(default=14, ge=0)
    undelivered_after_days: int = Field(default=14, ge=0)
    late_percent: int = Field(default=20, ge=0, le=100)
    outage_percent: int = Field(default=25, ge=0, le=100)
    approval_limit_minor: MinorByCurrency = Field(
        default_factory=lambda: {"USD": 500_000, "EUR": 500_000, "GBP": 400_000, "CHF": 500_000, "JPY": 750_000}
    )
    daily_cap_minor: MinorByCurrency = Field(
        default_factory=lambda: {"USD": 1_000_000, "EUR": 1_000_000, "GBP": 800_000, "CHF": 1_000_000, "JPY": 1_500_000}
    )


class Rule(StrEnum):
    """Which rule decided; stands in the journal and in the brief to the approver."""

    NOT_A_REFUND = "not_a_refund"
    SUSPICIOUS_TEXT = "suspicious_text"
    SENDER_NOT_VOUCHED_FOR = "sender_not_vouched_for"
    OPEN_ELSEWHERE = "open_elsewhere"
    UNREADABLE_FIELD = "unreadable_field"
    CLAIM_UNREAD = "claim_unread"
    ITEM_UNKNOWN = "item_unknown"
    SEVERAL_ORDERS = "several_orders"
    SEVERAL_WISHES = "several_wishes"
    NOT_WANTED_NOW = "not_wanted_now"
    DISPUTE_TOLD = "dispute_told"
    NO_CUSTOMER = "no_customer"
    NO_ORDER_NAMED = "no_order_named"
    ORDER_NOT_FOUND = "order_not_found"
    NOT_THE_OWNER = "not_the_owner"
    NO_CHARGE = "no_charge"
    DISPUTE_OPEN = "dispute_open"
    CURRENCY_DIFFERS = "currency_differs"
    ALREADY_REFUNDED = "already_refunded"
    WINDOW_PASSED = "window_passed"
    ABOVE_THE_CHARGE = "above_the_charge"
    NO_DUPLICATE = "no_duplicate"
    CHARGED_AS_ORDERED = "charged_as_ordered"
    ON_ITS_WAY = "on_its_way"
    DELIVERED_ALREADY = "delivered_already"
    NOT_DELIVERED_YET = "not_delivered_yet"
    STATUS_DIFFERS = "status_differs"
    SERVICE_UNKNOWN = "service_unknown"
    NOT_LATE = "not_late"
    UNKNOWN_CHARGE = "unknown_charge"
    NO_RULE = "no_rule"
    NOTHING_LEFT = "nothing_left"
    DUPLICATE = "duplicate"
    OVERCHARGE = "overcharge"
    UNDELIVERED = "undelivered"
    FAULTY = "faulty"
    LATE = "late"
    OUTAGE = "outage"
    CHANGE_OF_MIND = "change_of_mind"


class Mark(StrEnum):
    """Why a refund needs a person although policy allows it."""

    AT_OR_ABOVE_LIMIT, NO_LIMIT_FOR_CURRENCY = "at_or_above_limit", "no_limit_for_currency"
    GUESSED_ORDER = "guessed_order"
    ABOVE_DAILY_CAP = "above_daily_cap"
    SHARE_OF_LARGE_CHARGE = "share_of_large_charge"
    PAID_IN_PART = "paid_in_part"
    NOT_FOR_MODELS, EDITED_INPUT = "not_for_models", "edited_input"
    DOCUMENT_REPAIRED, FIELD_DERIVED, FIELD_GUESSED = "document_repaired", "field_derived", "field_guessed"
    OTHER_ORDER_IN_DOCUMENT, ASKED_BY_FIELDS = "other_order_in_document", "asked_by_fields"


class Refund(BaseModel):
    """Pay `money` of `charge_id` back to `payee`; with `marks` only after a person approved."""

    kind: Literal["refund"] = "refund"
    rule: Rule
    order_id: str
    charge_id: str
    money: Money
    payee: str
    partial: bool
    marks: list[Mark] = Field(default_factory=list)


class Deny(BaseModel):
    """Pay nothing and say why."""

    kind: Literal["deny"] = "deny"
    rule: Rule


# The rules by which `Deny` is decided: each needs its reason in the letters of the blueprint.
DENYING = (
    Rule.NO_CHARGE,
    Rule.ALREADY_REFUNDED,
    Rule.NOTHING_LEFT,
    Rule.WINDOW_PASSED,
    Rule.NO_DUPLICATE,
    Rule.CHARGED_AS_ORDERED,
    Rule.ON_ITS_WAY,
    Rule.NOT_DELIVERED_YET,
    Rule.NOT_LATE,
)


class Ask(BaseModel):
    """Ask the customer for what is missing."""

    kind: Literal["ask"] = "ask"
    rule: Rule
    missing: list[Literal["customer", "order_id"]]
    candidate_orders: list[str] = Field(default_factory=list)


class Inform(BaseModel):
    """No refund is wanted: answer the question."""

    kind: Literal["inform"] = "inform"
    rule: Rule = Rule.NOT_A_REFUND


class ToHuman(BaseModel):
    """Policy cannot decide: a person looks at it."""

    kind: Literal["human"] = "human"
    rule: Rule


# Why a person has to read the message, the reason that tells most first; all other doubts mean that it is unread.
_RULES_OF_DOUBTS = {
    Rule.NOT_WANTED_NOW: {Doubt.WITHDRAWN, Doubt.CONDITION},
    Rule.DISPUTE_TOLD: {Doubt.DISPUTE},
    Rule.SEVERAL_ORDERS: {Doubt.OTHER_ORDER},
    Rule.SEVERAL_WISHES: {Doubt.OTHER_WISH, Doubt.OTHER_REMEDY},
    Rule.ITEM_UNKNOWN: {Doubt.ITEM},
    Rule.CLAIM_UNREAD: {Doubt.LANGUAGE},
}

# For these a single item is paid back at its price; a late parcel or an outage is not a matter of one item.
_BY_ITEM = frozenset({Reason.DAMAGED, Reason.WRONG_ITEM, Reason.NOT_RECEIVED, Reason.CHANGED_MIND})
_OF_GOODS = FAULTS | {Reason.CHANGED_MIND}
_OF_QUESTIONS = {Doubt.WITHDRAWN, Doubt.OTHER_WISH, Doubt.LANGUAGE}  # that matter where no refund is asked for, too

RefundDecision = Annotated[Refund | Deny | Ask | Inform | ToHuman, Field(discriminator="kind")]
_Verdict = Refund | Deny | ToHuman


def decide_refund(
    claim: Claim,
    account: Account,
    policy: RefundPolicy,
    *,
    now: datetime,
    suspicious: bool = False,
    vouched: bool = True,
) -> RefundDecision:
    """Decide a claim by the policy.

    Args:
        claim: what the model read out of the message.
        account: what the system of record says.
        policy: the blueprint's rules.
        now: the time of the decision, with time zone.
        suspicious: the message hid text from its reader; such a case never pays by itself.
        vouched: nothing says that the sender may be somebody else than whose name the message bears; else a person
            decides before anything is paid.
    """
    if claim.unreadable:
        return ToHuman(rule=Rule.UNREADABLE_FIELD)
    doubted = _rule_of_doubts(claim)
    if doubted is not None:
        return ToHuman(rule=doubted)
    if claim.wants is Wants.INFORMATION:
        return Inform()
    if suspicious:
        return ToHuman(rule=Rule.SUSPICIOUS_TEXT)
    if account.customer is None:
        missing: list[Literal["customer", "order_id"]] = ["customer"] if claim.order_id else ["customer", "order_id"]
        return Ask(rule=Rule.NO_CUSTOMER, missing=missing)
    if claim.order_id is None:
        return Ask(rule=Rule.NO_ORDER_NAMED, missing=["order_id"], candidate_orders=account.candidate_orders)
    order, foreign = account.order, account.order_of_somebody_else
    if order is None or foreign or order.customer_id != account.customer.customer_id:
        # The customer is asked in the same words whether it is nobody's or somebody else's.
        rule = Rule.NOT_THE_OWNER if foreign or order is not None else Rule.ORDER_NOT_FOUND
        return Ask(rule=rule, missing=["order_id"], candidate_orders=account.candidate_orders)
    verdict = _where_it_stands(_judge_order(claim, order, policy, now), claim, account, order, now)
    if not isinstance(verdict, Refund):
        return verdict
    if account.before_people:
        return ToHuman(rule=Rule.OPEN_ELSEWHERE)
    return _marked(verdict, claim, account, policy) if vouched else ToHuman(rule=Rule.SENDER_NOT_VOUCHED_FOR)


def _where_it_stands(verdict: _Verdict, claim: Claim, account: Account, order: Order, now: datetime) -> _Verdict:
    """Return the verdict, or a person where it rests on a reason that cannot be true of an order that stands there, or
    that is for something else.
    """
    fitting = STATUSES_OF.get(claim.reason)
    rests = isinstance(verdict, Refund) or verdict.rule in (Rule.NOT_DELIVERED_YET, Rule.NOT_LATE)
    differs = fitting is not None and order.status not in fitting
    if claim.reason in _OF_GOODS and account.kinds_count:
        # A delay is worth little, a fault all: where records know of a delay, or cannot, a person tells which it is.
        differs |= is_late(order, now) or (order.promised_at is None and claim.is_time_told)
    if account.status_counts and rests and differs:
        return ToHuman(rule=Rule.STATUS_DIFFERS)
    # No chair has an outage, and of a router that was bought with its connection the price is no monthly fee.
    is_outage = isinstance(verdict, Refund) and verdict.rule is Rule.OUTAGE
    if account.kinds_count and is_outage and not is_service(order):
        return ToHuman(rule=Rule.SERVICE_UNKNOWN)
    return verdict


def _rule_of_doubts(claim: Claim) -> Rule | None:
    """Return why a person has to read the message itself; of a question only what it takes back or asks besides."""
    doubts = {doubted.doubt for doubted in claim.doubts}
    for rule, kinds in _RULES_OF_DOUBTS.items():
        if doubts & kinds and (claim.wants is Wants.REFUND or doubts & _OF_QUESTIONS):
            return rule
    if claim.wants is Wants.REFUND:
        return Rule.CLAIM_UNREAD if doubts else Rule.NOT_WANTED_NOW if claim.mood is not Mood.WANTED else None
    return None


def _judge_order(claim: Claim, order: Order, policy: RefundPolicy, now: datetime) -> _Verdict:
    if not order.charges:
        return Deny(rule=Rule.NO_CHARGE)
    if any(charge.disputed for charge in order.charges):  # the bank may give it back as well
        return ToHuman(rule=Rule.DISPUTE_OPEN)
    told = [money.currency for money in (*claim.figures, *([claim.amount] if claim.amount else []))]
    if any(currency != order.currency for currency in (*told, *(c.currency for c in order.charges))):
        return ToHuman(rule=Rule.CURRENCY_DIFFERS)
    charges = sorted(order.charges, key=lambda c: (c.captured_at, c.charge_id))
    charge = charges[-1]
    if all(c.refunded_minor >= c.amount_minor for c in charges):
        return Deny(rule=Rule.ALREADY_REFUNDED)
    if now - charge.captured_at > timedelta(days=policy.window_days):
        return Deny(rule=Rule.WINDOW_PASSED)
    if claim.amount is not None and claim.amount.minor > charge.amount_minor:
        return ToHuman(rule=Rule.ABOVE_THE_CHARGE)
    if not is_told_by_records(claim, order):
        return ToHuman(rule=Rule.CLAIM_UNREAD)
    if claim.items and (
        claim.reason not in _BY_ITEM or claim.share_bp is not None or _items_minor(claim, order) is None
    ):
        return ToHuman(rule=Rule.ITEM_UNKNOWN)
    if claim.reason in _BY_ITEM and may_mean_one(claim, order):
        return ToHuman(rule=Rule.ITEM_UNKNOWN)
    return _by_reason(claim, order, charges, policy, now)


def _by_reason(  # noqa: C901 - one case for each reason, side by side as policies are read
    claim: Claim, order: Order, charges: Sequence[Charge], policy: RefundPolicy, now: datetime
) -> _Verdict:
    charge = charges[-1]
    full = charge.amount_minor
    match claim.reason:
        case Reason.DUPLICATE_CHARGE:
            twin = any(c.amount_minor == full and c.charge_id != charge.charge_id for c in charges)
            # Equal charges may be instalments: only what was taken beyond the order's total was taken twice.
            over = sum(c.amount_minor for c in charges) - order.total_minor
            if not twin or over <= 0:
                return Deny(rule=Rule.NO_DUPLICATE)
            # It is owed once: what was paid back on any of the charges counts against it.
            back = sum(c.refunded_minor for c in charges)
            return _pay(Rule.DUPLICATE, claim, order, charge, over, back_minor=back)
        case Reason.OVERCHARGED:
            over = full - order.total_minor
            return _pay(Rule.OVERCHARGE, claim, order, charge, over) if over > 0 else Deny(rule=Rule.CHARGED_AS_ORDERED)
        case Reason.NOT_RECEIVED:
            return _undelivered(claim, order, charge, policy, now)
        case Reason.DAMAGED | Reason.WRONG_ITEM:
            if order.status is not OrderStatus.DELIVERED:
                return Deny(rule=Rule.NOT_DELIVERED_YET)
            return _pay(Rule.FAULTY, claim, order, charge, full)
        case Reason.LATE_DELIVERY:
            if not is_late(order, now):
                return Deny(rule=Rule.NOT_LATE)
            return _pay(Rule.LATE, claim, order, charge, full * policy.late_percent // 100)
        case Reason.SERVICE_OUTAGE:
            return _pay(Rule.OUTAGE, claim, order, charge, full * policy.outage_percent // 100)
        case Reason.CHANGED_MIND:
            if now - charge.captured_at > timedelta(days=policy.change_of_mind_days):
                return Deny(rule=Rule.WINDOW_PASSED)
            return _pay(Rule.CHANGE_OF_MIND, claim, order, charge, full)
        case Reason.UNKNOWN_CHARGE:
            return ToHuman(rule=Rule.UNKNOWN_CHARGE)
        case Reason.OTHER:
            return ToHuman(rule=Rule.NO_RULE)


def _undelivered(claim: Claim, order: Order, charge: Charge, policy: RefundPolicy, now: datetime) -> _Verdict:
    if order.status is OrderStatus.DELIVERED:
        return ToHuman(rule=Rule.DELIVERED_ALREADY)
    overdue = now - order.placed_at > timedelta(days=policy.undelivered_after_days)
    if order.status in (OrderStatus.LOST, OrderStatus.CANCELLED) or overdue:
        return _pay(Rule.UNDELIVERED, claim, order, charge, charge.amount_minor)
    return Deny(rule=Rule.ON_ITS_WAY)


def _pay(
    rule: Rule, claim: Claim, order: Order, charge: Charge, entitled_minor: int, *, back_minor: int | None = None
) -> _Verdict:
    """Pay what is owed, never more than was asked for or than is left of the charge.

    What was paid back before (`back_minor`, else all of this charge) counts against what is owed: whoever complains
    five times about one late parcel gets its percentage once.
    """
    back = charge.refunded_minor if back_minor is None else back_minor
    left = min(entitled_minor - back, charge.amount_minor - charge.refunded_minor)
    minor = min(left, _asked_minor(claim, order, charge, left))
    if minor <= 0:
        return Deny(rule=Rule.NOTHING_LEFT)
    return Refund(
        rule=rule,
        order_id=order.order_id,
        charge_id=charge.charge_id,
        money=Money(minor=minor, currency=charge.currency),
        payee=charge.payee,
        partial=minor < charge.amount_minor,
    )


def _asked_minor(claim: Claim, order: Order, charge: Charge, left: int) -> int:
    """Return how much is asked for, minor units: the amount, what the items cost, the share of the price (rounded
    down), or all there is.
    """
    asked = [left]
    if claim.amount is not None:
        asked.append(claim.amount.minor)
    if claim.items:
        asked.append(_items_minor(claim, order) or 0)
    if claim.share_bp is not None:
        asked.append(charge.amount_minor * claim.share_bp // WHOLE_SHARE)
    return min(asked)


def _items_minor(claim: Claim, order: Order) -> int | None:
    """Return what the items asked for cost by the lines of the order, None where that is not sure."""
    return found.minor if (found := items_asked(claim.items, order.lines)) is not None else None


def _marked(refund: Refund, claim: Claim, account: Account, policy: RefundPolicy) -> Refund:
    marks: list[Mark] = []
    limit = policy.approval_limit_minor.get(refund.money.currency)
    # All that goes back of a charge counts: who asks for it in two parts must not get it without a person.
    charges = account.order.charges if account.order else []
    back_before = sum(charge.refunded_minor for charge in charges if charge.charge_id == refund.charge_id)
    if limit is None:
        marks.append(Mark.NO_LIMIT_FOR_CURRENCY)
    elif back_before + refund.money.minor >= limit:
        marks.append(Mark.AT_OR_ABOVE_LIMIT)
    # What was computed from a share is not what the customer wrote: of a large charge a person looks at it.
    if claim.share_bp is not None and limit is not None and any(c.amount_minor >= limit for c in charges):
        marks.append(Mark.SHARE_OF_LARGE_CHARGE)
    if back_before and claim.scope is Scope.PART:  # a correction of what was paid already, or one part more?
        marks.append(Mark.PAID_IN_PART)
    if claim.order_origin is Origin.GUESSED:
        marks.append(Mark.GUESSED_ORDER)
    cap = policy.daily_cap_minor.get(refund.money.currency)
    if cap is not None and account.refunded_today_minor + refund.money.minor > cap:
        marks.append(Mark.ABOVE_DAILY_CAP)
    return refund.model_copy(update={"marks": marks})


def describe(decision: RefundDecision) -> str:
    """Say a decision in one line, for the Web UI and the journal; holds no personal data.

    >>> describe(Deny(rule=Rule.WINDOW_PASSED))
    'deny: window passed'
    """
    rule = decision.rule.replace("_", " ")
    if isinstance(decision, Refund):
        extent = "partial refund" if decision.partial else "refund"
        money = format_minor(decision.money.minor, decision.money.currency)
        return f"{extent} of {money} on {decision.order_id}: {rule}"
    return f"{decision.kind}: {rule}"
