"""`headgate eval claims`: what is read out of complaints and what policy makes of it, by the code that works them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from activities.models.extract import ClaimRequest, ExtractActivities
from bench.claim_texts import ORDER, TOTAL_MINOR, MadeClaim
from domain.case import CaseInput
from domain.inbound.webhook import DEFAULT_TENANT
from domain.money.claim import Claim, Reason, Scope
from domain.money.records import Account, Charge, Customer, Order, OrderLine, OrderStatus
from domain.money.refund import Refund, RefundPolicy, decide_refund
from workers.bootstrap import Parts

Decision = Literal["refund", "approval", "deny", "ask", "inform", "human"]


class OrderFacts(BaseModel):
    """The order that a message is about, as the records have it; minor units of `currency`."""

    model_config = ConfigDict(extra="forbid")

    order_id: str
    total_minor: int = Field(ge=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    status: OrderStatus = OrderStatus.DELIVERED
    delivered_days_ago: int = 4
    promised_days_ago: int = 4
    charges: list[int] = Field(default_factory=list)  # of the total, once, where there is none
    refunded: list[int] = Field(default_factory=list)  # of each charge; nothing where there is none
    lines: list[OrderLine] = Field(default_factory=list)


class ClaimTruth(BaseModel):
    """What is right about a message. `decision` are all good ends; `asked_minor` is the most that anybody may be
    paid or asked to approve; what is None is not scored.
    """

    model_config = ConfigDict(extra="forbid")

    decision: list[Decision] = Field(min_length=1)
    asked_minor: int = Field(default=0, ge=0)
    scope: Scope | None = None
    order_id: str | None = None
    reason: Reason | None = None


class ClaimLine(BaseModel):
    """A line of the data."""

    model_config = ConfigDict(extra="forbid")

    id: str
    text: str
    subject: str = ""
    lang: str = "und"
    kind: str = "claim"
    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None
    order: OrderFacts | None = None
    other_orders: list[OrderFacts] = Field(default_factory=list)  # of the same customer
    expect: ClaimTruth

    @property
    def orders(self) -> list[OrderFacts]:
        """All orders of the customer."""
        return [*([self.order] if self.order else []), *self.other_orders]


class JudgedClaim(BaseModel):
    """A line, what was read and decided, and the money that would be paid or put before an approver, minor units."""

    line: ClaimLine
    claim: Claim
    decision: Decision
    minor: int = 0

    @property
    def right(self) -> bool:
        """Whether it ended in one of the good ways, with no more money than was asked for."""
        return self.decision in self.line.expect.decision and not self.beyond

    @property
    def beyond(self) -> bool:
        """Whether more would be paid, or put before an approver, than was asked for."""
        return self.minor > self.line.expect.asked_minor


def line_of_made(number: int, made: MadeClaim) -> ClaimLine:
    """Return a made complaint as a line; a person is always right, a refund only of what it asks for."""
    good: list[Decision] = ["human", "ask", "inform"]
    return ClaimLine(
        id=f"made-{number}",
        text=made.text,
        lang=made.lang,
        kind=made.kind,
        order=OrderFacts(order_id=ORDER, total_minor=TOTAL_MINOR, currency=made.currency),
        expect=ClaimTruth(
            decision=["refund", "approval", *good] if made.asked_minor else good, asked_minor=made.asked_minor
        ),
    )


async def judge_claims(lines: Iterable[ClaimLine], parts: Parts) -> list[JudgedClaim]:
    """Read every message as a case's would be read, and let policy decide; nothing is paid or written."""
    extract = ExtractActivities(parts.models, parts.blueprint.for_profile(parts.settings.models))
    return [await judge_claim(line, extract, parts) for line in lines]


async def judge_claim(line: ClaimLine, extract: ExtractActivities, parts: Parts) -> JudgedClaim:
    """Do so with one message. Raises as `ExtractActivities.read_claim`."""
    clean = parts.cleaner.clean(subject=line.subject, text=line.text, html=None, lang=None)
    case = CaseInput(
        case_id=f"case/eval/{line.id}",
        source="eval",
        lang=clean.lang,
        subject=clean.subject,
        text=clean.text,
        order_id=line.order_id,
        amount=line.amount,
        currency=line.currency,
        suspicious=clean.suspicious,
        received_at=datetime.now(UTC),
        policy=parts.blueprint.case_policy(DEFAULT_TENANT),
    )
    read = await extract.read_claim(ClaimRequest(case=case))
    return verdict_on(line, read.claim, case.policy.refund, suspicious=clean.suspicious)


def verdict_on(line: ClaimLine, claim: Claim, policy: RefundPolicy, *, suspicious: bool) -> JudgedClaim:
    """Return what policy makes of a claim, with the order of its line as the records have it."""
    now = datetime.now(UTC)
    verdict = decide_refund(claim, _account(line.orders, claim.order_id, now), policy, now=now, suspicious=suspicious)
    if not isinstance(verdict, Refund):
        return JudgedClaim(line=line, claim=claim, decision=verdict.kind)
    decision: Decision = "approval" if verdict.marks else "refund"
    return JudgedClaim(line=line, claim=claim, decision=decision, minor=verdict.money.minor)


def _account(orders: Sequence[OrderFacts], named: str | None, now: datetime) -> Account:
    customer = Customer(customer_id="C-1")
    candidates = [facts.order_id for facts in orders]
    facts = next((facts for facts in orders if facts.order_id == named), None)
    if facts is None:
        return Account(customer=customer, candidate_orders=candidates if named is not None else [])
    order = _order(facts, customer, now)
    return Account(customer=customer, order=order, candidate_orders=candidates, status_counts=True, kinds_count=True)


def _order(facts: OrderFacts, customer: Customer, now: datetime) -> Order:
    captured = now - timedelta(days=facts.delivered_days_ago + 3)
    charges = [
        Charge(
            charge_id=f"CH-{n}",
            amount_minor=minor,
            currency=facts.currency,
            captured_at=captured,
            payee="card:1",
            refunded_minor=facts.refunded[n] if n < len(facts.refunded) else 0,
        )
        for n, minor in enumerate(facts.charges or [facts.total_minor])
    ]
    return Order(
        order_id=facts.order_id,
        customer_id=customer.customer_id,
        status=facts.status,
        placed_at=captured,
        delivered_at=now - timedelta(days=facts.delivered_days_ago) if facts.status is OrderStatus.DELIVERED else None,
        promised_at=now - timedelta(days=facts.promised_days_ago),
        total_minor=facts.total_minor,
        currency=facts.currency,
        charges=charges,
        lines=facts.lines,
    )


def score_claims(judged: Sequence[JudgedClaim]) -> dict[str, object]:
    """Return the figures. `unread` is the share that goes to a person because the claim is not read for sure."""
    fields: dict[str, list[bool]] = defaultdict(list)
    for one in judged:
        expect, claim = one.line.expect, one.claim
        for name, right, found in (
            ("scope", expect.scope, claim.scope),
            ("order", expect.order_id, claim.order_id),
            ("reason", expect.reason, claim.reason),
        ):
            if right is not None:
                fields[name].append(right == found)
    beyond = [one for one in judged if one.beyond]
    return {
        **_figures(judged),
        "paid_beyond_ids": [one.line.id for one in beyond][:20],
        "fields": {name: {"n": len(hits), "right": _share(sum(hits), len(hits))} for name, hits in fields.items()},
        "per_kind": _by(judged, lambda one: one.line.kind),
        "per_lang": _by(judged, lambda one: one.line.lang),
        "wrong": [_told(one) for one in judged if not one.right][:50],
    }


def _figures(judged: Sequence[JudgedClaim]) -> dict[str, object]:
    unread = sum(one.claim.scope is Scope.UNREAD for one in judged)
    return {
        "n": len(judged),
        "right": _share(sum(one.right for one in judged), len(judged)),
        "paid": sum(one.decision == "refund" for one in judged),
        "paid_beyond": sum(one.beyond for one in judged),
        "unread": _share(unread, len(judged)),
        "decisions": dict(Counter(one.decision for one in judged)),
    }


def _by(judged: Sequence[JudgedClaim], key: Callable[[JudgedClaim], str]) -> dict[str, object]:
    groups: dict[str, list[JudgedClaim]] = defaultdict(list)
    for one in judged:
        groups[key(one)].append(one)
    return {name: _figures(group) for name, group in sorted(groups.items())}


def _told(one: JudgedClaim) -> dict[str, object]:
    return {
        "id": one.line.id,
        "expected": one.line.expect.decision,
        "decided": one.decision,
        "minor": one.minor,
        "asked_minor": one.line.expect.asked_minor,
        "doubts": sorted({str(doubted.doubt) for doubted in one.claim.doubts}),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
