"""What counts as worse: more than noise, or a single mistake that must never happen."""

import pytest

from commands.results.comparing import compare
from commands.results.result import SetResult
from tests.unit.commands.evaluating.results import VERSIONS, result, row


def rows(wrong: set[int], n: int = 40) -> list[object]:
    return [row(number, right=number not in wrong) for number in range(n)]


@pytest.mark.parametrize(
    ("before", "after", "regressed"),
    [
        (set(), {1, 2, 3, 4, 5}, False),  # p 0.0625
        (set(), {1, 2, 3, 4, 5, 6}, True),  # p 0.031
        ({11, 12, 13}, {1, 2, 3, 4, 5, 6}, False),  # 6 worse, 3 better: noise
        ({1, 2, 3, 4, 5, 6}, set(), False),  # better is no regression
        ({1, 2}, {1, 2}, False),
    ],
)
def test_more_than_noise_is_worse(before: set[int], after: set[int], regressed: bool) -> None:
    found = compare(result(rows(before)), result(rows(after)))  # type: ignore[arg-type]
    assert found.regressed is regressed
    assert found.verdict.startswith("REGRESSION") is regressed
    assert {changed.id for changed in found.rows} == {f"r{n}" for n in before ^ after}


def test_a_changed_row_says_what_it_was_and_should_be() -> None:
    found = compare(result([row(1)]), result([row(1, right=False)])).rows[0]
    assert (found.id, found.before, found.after, found.expected) == ("r1", "Billing", "Sales", "Billing")
    assert (found.was_right, found.is_right, found.new_grave) == (True, False, False)


def test_one_new_grave_mistake_is_a_regression_whatever_else_got_better() -> None:
    before = [row(number, right=False) for number in range(20)]
    after = [row(number) for number in range(19)] + [row(19, right=False, grave=True)]
    found = compare(result(before), result(after))
    assert found.regressed
    assert [changed.id for changed in found.grave] == ["r19"]
    assert "routing r19" in found.verdict


def test_a_grave_mistake_of_before_is_no_new_one() -> None:
    grave = [row(1, right=False, grave=True)]
    assert not compare(result(grave), result(grave)).regressed


def test_a_grave_mistake_in_a_row_that_was_not_answered_before_is_new() -> None:
    found = compare(result([row(1, unanswered=True), row(2)]), result([row(1, right=False, grave=True), row(2)]))
    assert [changed.id for changed in found.grave] == ["r1"]


def test_rows_that_nobody_answered_count_for_nothing() -> None:
    found = compare(
        result([row(n) for n in range(9)]), result([row(n, right=False, unanswered=True) for n in range(9)])
    )
    assert (found.regressed, found.groups[0].n) == (False, 0)


@pytest.mark.parametrize(
    ("changed", "why"), [({"digest": "d2"}, "data are other ones"), ({"limit": 5}, "--limit was not given, and is 5")]
)
def test_other_data_or_another_limit_are_not_compared(changed: dict[str, object], why: str) -> None:
    found = compare(result(rows(set())), result(rows(set(range(30))), **changed))  # type: ignore[arg-type]
    assert why in found.not_compared["routing"]
    assert (found.groups, found.rows, found.regressed) == ([], [], False)
    assert found.verdict.startswith("NOT COMPARED")


def test_sets_of_one_result_alone_are_named() -> None:
    before, after = result([row(1)]), result([row(1)])
    before.sets.append(SetResult(name="old"))
    after.sets.append(SetResult(name="new"))
    after.sets.append(SetResult(name="names", skipped="no model"))
    found = compare(before, after).not_compared
    assert found == {"new": "it was not run before", "names": "no model", "old": "it was not run this time"}


def test_another_blueprint_and_model_are_what_is_compared_and_named() -> None:
    other = VERSIONS.model_copy(update={"blueprint": "default@2", "models": {"small": ["openai x", "openai y"]}})
    found = compare(result([row(1)]), result([row(1)], versions=other))
    assert found.changed == [
        "blueprint: default@1 -> default@2",
        "models: small offline m -> small openai x or openai y",
    ]
    assert found.groups[0].n == 1


def test_groups_do_not_hide_each_other() -> None:
    """Seven lost in one group are not made up for by seven won in the other."""
    lost = [row(n, right=False) for n in range(7)]
    won = [row(n).model_copy(update={"group": "off-topic"}) for n in range(7)]
    before = [one.model_copy(update={"right": not one.right}) for one in (*lost, *won)]
    assert compare(result(before), result([*lost, *won])).regressed
