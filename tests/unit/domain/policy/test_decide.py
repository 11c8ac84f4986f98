"""What an action needs by its policy; above all what never goes alone."""

import pytest

from domain.policy.decide import decide
from domain.policy.facts import ActionFacts, FieldOrigin, Moved
from domain.policy.needs import Needs
from domain.policy.rules import ActionPolicy, AmountRange, Decider, Per
from domain.policy.verdict import PolicyRule
from tests.unit.domain.policy.policies import CAP, FACTS, LIMIT, POLICY, SECOND_LIMIT, known, refund

ORIGINS = FACTS.origins or {}


def test_what_nothing_speaks_against_goes_alone() -> None:
    verdict = decide(refund(LIMIT - 1), FACTS, POLICY)
    assert verdict.goes_alone
    assert verdict.rule is PolicyRule.AMOUNT
    assert verdict.findings[0].because == "4,999.99 USD is below 5,000.00 USD"


def test_a_kind_without_a_policy_is_refused() -> None:
    verdict = decide(refund(1, kind="barter"), FACTS, None)
    assert (verdict.needs, verdict.rule, verdict.deciders) == (Needs.REFUSED, PolicyRule.NO_POLICY, ())
    assert "policy/barter.toml" in verdict.findings[0].unless


@pytest.mark.parametrize("kind", ["wire", "account_change", "deletion"])
def test_what_cannot_be_called_back_needs_a_person_whatever_its_policy_says(kind: str) -> None:
    verdict = decide(refund(1, kind=kind), FACTS, POLICY)
    assert (verdict.needs, verdict.rule) == (Needs.ONE, PolicyRule.NEVER_ALONE)


@pytest.mark.parametrize(
    ("minor", "before", "needs"),
    [
        (LIMIT - 1, 0, Needs.NOBODY),
        (LIMIT, 0, Needs.ONE),
        (1, LIMIT - 1, Needs.ONE),  # in two parts
        (SECOND_LIMIT - 1, 0, Needs.ONE),
        (SECOND_LIMIT, 0, Needs.TWO),
        (1, SECOND_LIMIT - 1, Needs.TWO),
    ],
)
def test_amounts_count_with_what_went_before(minor: int, before: int, needs: Needs) -> None:
    quiet = POLICY.model_copy(update={"velocities": ()})
    verdict = decide(refund(minor), known(before_minor=before), quiet)
    assert (verdict.needs, verdict.rule) == (needs, PolicyRule.AMOUNT)


@pytest.mark.parametrize(
    ("changes", "needs", "rule"),
    [
        ({"before_minor": None}, Needs.TWO, PolicyRule.BEFORE_UNKNOWN),
        ({"origins": None}, Needs.REFUSED, PolicyRule.ORIGIN_UNKNOWN),
        ({"origins": {}}, Needs.REFUSED, PolicyRule.ORIGIN_UNKNOWN),
        ({"origins": {"payee": FieldOrigin.RECORDS}}, Needs.ONE, PolicyRule.ORIGIN_UNKNOWN),
        ({"origins": ORIGINS | {"order_id": FieldOrigin.GUESSED}}, Needs.ONE, PolicyRule.GUESSED),
        ({"origins": ORIGINS | {"payee": FieldOrigin.MODEL}}, Needs.REFUSED, PolicyRule.GUESSED),
        ({"flags": None}, Needs.TWO, PolicyRule.TEXT_UNKNOWN),
        ({"taints": None}, Needs.TWO, PolicyRule.TEXT_UNKNOWN),
        ({"taints": frozenset({"the message is suspicious"})}, Needs.ONE, PolicyRule.TAINTED),
        ({"flags": frozenset({"forwarded", "signature"})}, Needs.ONE, PolicyRule.FLAGGED),
        ({"flags": frozenset({"forwarded", "hidden_text"})}, Needs.TWO, PolicyRule.FLAGGED),
        ({"marks": None}, Needs.ONE, PolicyRule.MARKS_UNKNOWN),
        ({"marks": frozenset({"paid_in_part"})}, Needs.ONE, PolicyRule.MARKED),
        ({"customer_had": None}, Needs.ONE, PolicyRule.FIRST_TIME_CUSTOMER),
        ({"customer_had": 0}, Needs.ONE, PolicyRule.FIRST_TIME_CUSTOMER),
        ({"payee_had": None}, Needs.ONE, PolicyRule.FIRST_TIME_PAYEE),
        ({"payee_had": 0}, Needs.ONE, PolicyRule.FIRST_TIME_PAYEE),
        ({"moved": ()}, Needs.TWO, PolicyRule.VELOCITY_UNKNOWN),
        ({"moved": (*FACTS.moved, Moved(per=Per.CUSTOMER, days=1, minor=CAP - 1))}, Needs.ONE, PolicyRule.VELOCITY),
        ({"moved": (*FACTS.moved, Moved(per=Per.CUSTOMER, days=90, count=3))}, Needs.TWO, PolicyRule.VELOCITY),
        ({"moved": (FACTS.moved[0], Moved(per=Per.CUSTOMER, days=90))}, Needs.TWO, PolicyRule.VELOCITY_UNKNOWN),
    ],
)
def test_each_fact_that_is_bad_or_missing_brings_people(
    changes: dict[str, object], needs: Needs, rule: PolicyRule
) -> None:
    verdict = decide(refund(), known(**changes), POLICY)
    assert (verdict.needs, verdict.rule) == (needs, rule)
    assert verdict.findings[0].unless


def test_of_an_action_of_which_nothing_is_known_every_rule_speaks() -> None:
    verdict = decide(refund(), ActionFacts(), POLICY)
    spoke = {finding.rule for finding in verdict.findings}
    unknown = {rule for rule in PolicyRule if rule.endswith("_unknown")} - {PolicyRule.CURRENCY_UNKNOWN}
    assert unknown <= spoke
    assert not verdict.goes_alone


def test_a_currency_without_ranges_needs_what_the_strictest_range_does() -> None:
    verdict = decide(refund(1, "XTS"), FACTS, POLICY)
    assert (verdict.needs, verdict.rule) == (Needs.TWO, PolicyRule.CURRENCY_UNKNOWN)
    empty = ActionPolicy(deciders=POLICY.deciders)
    assert decide(refund(1), FACTS, empty).needs is Needs.ONE


@pytest.mark.parametrize(
    "ranges",
    [
        [(0, 100, Needs.NOBODY), (50, None, Needs.ONE)],  # they overlap
        [(0, 100, Needs.NOBODY), (200, None, Needs.ONE)],  # a gap
        [(10, None, Needs.NOBODY)],
        [(0, 100, Needs.NOBODY)],  # no end
        [(0, None, Needs.NOBODY), (0, None, Needs.NOBODY)],
        [(0, 100, Needs.ONE), (100, None, Needs.NOBODY)],  # more needs less
        [(0, 0, Needs.NOBODY), (0, None, Needs.NOBODY)],
    ],
)
@pytest.mark.parametrize("minor", [1, 60, 150, 500])
def test_ranges_that_cannot_be_kept_let_nothing_go(ranges: list[tuple[int, int | None, Needs]], minor: int) -> None:
    made = tuple(AmountRange(currency="USD", from_minor=a, below_minor=b, needs=n) for a, b, n in ranges)
    verdict = decide(refund(minor), FACTS, POLICY.model_copy(update={"ranges": made}))
    assert (verdict.needs, verdict.rule) == (Needs.ONE, PolicyRule.RANGES_UNSOUND)


def test_only_who_is_entitled_to_the_amount_decides() -> None:
    assert decide(refund(), FACTS, POLICY).deciders == ("cfo", "dana", "omar")
    assert decide(refund(1_000_001), FACTS, POLICY).deciders == ("cfo", "omar")
    assert decide(refund(1, "EUR"), FACTS, POLICY).deciders == ("cfo", "omar")  # dana has no limit in euros


def test_neither_requester_nor_editor_decides_however_they_write_their_name() -> None:
    verdict = decide(refund(), known(requester=" CFO", editors=frozenset({"Dana "})), POLICY)
    assert verdict.deciders == ("omar",)
    assert verdict.ask_next == ()


def test_two_people_are_two_people() -> None:
    same = (Decider(name="cfo", any_amount=True), Decider(name="CFO", any_amount=True))
    verdict = decide(refund(SECOND_LIMIT), FACTS, POLICY.model_copy(update={"deciders": same}))
    assert (verdict.needs, verdict.rule) == (Needs.REFUSED, PolicyRule.NOBODY_LEFT)
    assert "needs two people" in verdict.findings[0].because


def test_where_nobody_is_left_to_decide_it_is_refused_not_let_go() -> None:
    verdict = decide(refund(LIMIT), FACTS, POLICY.model_copy(update={"deciders": ()}))
    assert (verdict.needs, verdict.rule) == (Needs.REFUSED, PolicyRule.NOBODY_LEFT)


def test_a_role_that_was_not_resolved_is_nobody() -> None:
    roled = POLICY.model_copy(update={"deciders": (Decider(role="finance", any_amount=True),)})
    assert decide(refund(LIMIT), FACTS, roled).needs is Needs.REFUSED
    known_roles = roled.with_people({"finance": ("ann", "bob")})
    assert decide(refund(LIMIT), FACTS, known_roles).deciders == ("ann", "bob")


@pytest.mark.parametrize("member", ["ann", "Ann"])
def test_a_persons_own_limit_stands_over_that_of_the_role(member: str) -> None:
    own = (Decider(role="finance", any_amount=True), Decider(name="ann", limits_minor={"USD": 100}))
    policy = POLICY.model_copy(update={"deciders": own}).with_people({"finance": (member, "bob")})
    assert decide(refund(LIMIT), FACTS, policy).deciders == ("bob",)


def test_who_waits_how_long_and_what_expiry_means_stands_in_the_verdict() -> None:
    verdict = decide(refund(LIMIT), FACTS, POLICY)
    assert (verdict.expires_after_s, verdict.on_expiry) == (POLICY.expires_after_s, "reject")
    assert (verdict.ask_next, verdict.ask_next_after_s) == (("cfo",), 3_600)
