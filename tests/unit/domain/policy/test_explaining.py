"""What would change a verdict is found by deciding again."""

from domain.policy.explaining import explain
from domain.policy.facts import ActionFacts, FieldOrigin
from domain.policy.needs import Needs
from domain.policy.verdict import PolicyRule
from tests.unit.domain.policy.policies import FACTS, LIMIT, POLICY, SECOND_LIMIT, known, refund

GUESSED = (FACTS.origins or {}) | {"order_id": FieldOrigin.GUESSED}


def test_one_rule_alone_would_change_it() -> None:
    (change, larger) = explain(refund(LIMIT), FACTS, POLICY).changes
    assert (change.needs, change.unless) == (Needs.NOBODY, ["it came to less than 5,000.00 USD"])
    assert (larger.needs, larger.unless) == (Needs.TWO, ["it were 20,000.00 USD or more"])


def test_rules_that_need_the_same_change_it_only_together() -> None:
    change = explain(refund(LIMIT), known(origins=GUESSED), POLICY).changes[0]
    assert change.needs is Needs.NOBODY
    assert change.rules == [PolicyRule.AMOUNT, PolicyRule.GUESSED]


def test_stricter_rules_are_taken_away_first() -> None:
    quiet = POLICY.model_copy(update={"velocities": ()})
    changes = explain(refund(SECOND_LIMIT), known(origins=GUESSED), quiet).changes
    assert [(change.needs, change.rules) for change in changes] == [
        (Needs.ONE, [PolicyRule.AMOUNT]),
        (Needs.NOBODY, [PolicyRule.AMOUNT, PolicyRule.GUESSED]),
    ]


def test_nothing_lets_a_wire_go_alone() -> None:
    explained = explain(refund(1, kind="wire"), FACTS, POLICY)
    assert all(change.needs is not Needs.NOBODY for change in explained.changes)


def test_what_goes_alone_says_from_where_on_it_would_not() -> None:
    explained = explain(refund(), known(before_minor=100_000), POLICY)
    assert [change.unless for change in explained.changes] == [["it were 4,000.00 USD or more"]]
    assert explained.as_lines()[0] == "refund of 15.00 USD: goes alone"


def test_a_kind_without_a_policy_says_where_to_write_one() -> None:
    lines = explain(refund(kind="wire"), ActionFacts(), None).as_lines()
    assert lines[0] == "wire of 15.00 USD: refused, by whatever approval"
    assert lines[-1] == "would be decided if the blueprint had a policy/wire.toml"
