"""Read as a policy, `[refund]` and `[approval]` say of every refund what they always said."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from domain.money.amount import Money
from domain.money.approval import (
    ApprovalDecision,
    ApprovalRequest,
    Approver,
    Brief,
    Objection,
    Standing,
    Verdict,
    object_to,
)
from domain.money.claim import Claim, Origin, Reason, Scope, Wants
from domain.money.records import Account, Charge, Customer, Order, OrderStatus
from domain.money.refund import Mark, Refund, RefundPolicy, Rule, decide_refund
from domain.money.refund_action import RefundAction
from domain.policy.decide import able_to_decide, decide
from domain.policy.needs import Needs
from domain.policy.of_refunds import policy_of_refunds, refund_facts
from domain.policy.verdict import PolicyRule, PolicyVerdict

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
RULE_OF = {
    Mark.AT_OR_ABOVE_LIMIT: PolicyRule.AMOUNT,
    Mark.NO_LIMIT_FOR_CURRENCY: PolicyRule.CURRENCY_UNKNOWN,
    Mark.GUESSED_ORDER: PolicyRule.GUESSED,
    Mark.ABOVE_DAILY_CAP: PolicyRule.VELOCITY,
    Mark.SHARE_OF_LARGE_CHARGE: PolicyRule.MARKED,
    Mark.PAID_IN_PART: PolicyRule.MARKED,
    Mark.NOT_FOR_MODELS: PolicyRule.TAINTED,
}
minor = st.integers(1, 400)
policies = st.builds(
    RefundPolicy,
    approval_limit_minor=st.dictionaries(st.sampled_from(["USD", "EUR"]), st.integers(0, 300)),
    daily_cap_minor=st.dictionaries(st.sampled_from(["USD", "EUR"]), st.integers(0, 500)),
)
claims = st.builds(
    Claim,
    wants=st.just(Wants.REFUND),
    reason=st.sampled_from([Reason.DAMAGED, Reason.CHANGED_MIND, Reason.LATE_DELIVERY, Reason.DUPLICATE_CHARGE]),
    order_id=st.just("ORD-1"),
    order_origin=st.sampled_from(Origin),
    share_bp=st.none() | st.integers(1, 10_000),
    scope=st.sampled_from(Scope),
)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    currency = draw(st.sampled_from(["USD", "EUR", "JPY"]))
    charges = []
    for number in range(draw(st.integers(1, 2))):
        amount = draw(minor)
        charges.append(
            Charge(
                charge_id=f"CH-{number}",
                amount_minor=amount,
                currency=currency,
                captured_at=NOW - timedelta(days=draw(st.integers(1, 9))),
                payee="card:1",
                refunded_minor=draw(st.just(0) | st.integers(0, amount)),
            )
        )
    order = Order(
        order_id="ORD-1",
        customer_id="C-1",
        status=OrderStatus.DELIVERED,
        placed_at=NOW - timedelta(days=10),
        delivered_at=NOW - timedelta(days=1),
        promised_at=NOW - timedelta(days=6),
        total_minor=draw(minor),
        currency=currency,
        charges=charges,
    )
    today = draw(st.integers(0, 500))
    return Account(customer=Customer(customer_id="C-1"), order=order, refunded_today_minor=today)


def by_policy(
    refund: Refund, claim: Claim, account: Account, rules: RefundPolicy, people: list[Approver], taint: str | None
) -> PolicyVerdict:
    policy = policy_of_refunds(rules, people, expires_after_s=60, remind_every_s=10)
    action = RefundAction.of(refund, case_id="case/shop/1", policy_version="v")
    return decide(action, refund_facts(refund, claim, account, taint=taint), policy)


@settings(max_examples=500)
@given(claims, accounts(), policies, st.sampled_from([None, None, "the message is suspicious"]))
def test_a_refund_needs_a_person_exactly_where_it_is_marked(
    claim: Claim, account: Account, rules: RefundPolicy, taint: str | None
) -> None:
    refund = decide_refund(claim, account, rules, now=NOW)
    assume(isinstance(refund, Refund))
    assert isinstance(refund, Refund)
    marks = [*refund.marks, *([Mark.NOT_FOR_MODELS] if taint else [])]
    verdict = by_policy(refund, claim, account, rules, [Approver(name="finance")], taint)
    event("goes alone" if verdict.goes_alone else "needs a person")
    assert verdict.needs is (Needs.ONE if marks else Needs.NOBODY)
    asking = {finding.rule for finding in verdict.findings if finding.needs is not Needs.NOBODY}
    assert asking == {RULE_OF[mark] for mark in marks}


@given(
    st.lists(
        st.builds(Approver, name=st.sampled_from(["ann", "bob", "C-1"]), limit_minor=st.none() | st.integers(-1, 300)),
        max_size=3,
        unique_by=lambda approver: approver.name,
    ),
    minor,
    st.sampled_from(["ann", "bob", "C-1", "eve"]),
)
def test_those_may_decide_whose_decision_the_gate_counts(people: list[Approver], amount: int, by: str) -> None:
    action = RefundAction(
        key="case/shop/1/refund",
        case_id="case/shop/1",
        order_id="ORD-1",
        charge_id="CH-0",
        payee="card:1",
        money=Money(minor=amount, currency="USD"),
        policy_version="v",
    )
    brief = Brief(what="", for_whom="", why="", policy="", if_approved="", if_rejected="")
    request = ApprovalRequest(
        approval_id="a",
        action=action,
        digest=action.digest(),
        brief=brief,
        requester="c-1",
        approvers=people,
        expires_after_s=60,
        remind_every_s=10,
    )
    decision = ApprovalDecision(approval_id="a", digest=action.digest(), verdict=Verdict.APPROVE, by=by)
    objection = object_to(decision, request, standing=Standing.PENDING, expired=False)
    assert objection in (None, Objection.NOT_ENTITLED, Objection.ABOVE_LIMIT, Objection.REQUESTER)
    policy = policy_of_refunds(RefundPolicy(), people, expires_after_s=60, remind_every_s=10)
    refund = Refund(
        rule=Rule.FAULTY, order_id="ORD-1", charge_id="CH-0", money=action.money, payee="card:1", partial=False
    )
    facts = refund_facts(refund, Claim(wants=Wants.REFUND, reason=Reason.DAMAGED), Account(), editors=[])
    assert (by in able_to_decide(action, facts.model_copy(update={"requester": "c-1"}), policy)) is (objection is None)
