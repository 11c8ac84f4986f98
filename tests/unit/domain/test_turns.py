"""Turns: a flood makes nobody else wait, weights count, nobody saves turns up."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.turns import OWN_LANES, PenLane, Priority, TurnRules, Turns, lane_for, lane_named, levels

FLOOD, SMALL = PenLane("flood"), PenLane("small")


def test_a_hundred_times_the_load_gets_no_more_turns() -> None:
    turns = Turns().take({FLOOD: 10_000, SMALL: 100}, 200)
    assert Counter(turns) == {FLOOD: 100, SMALL: 100}
    # Not one after all of the other: at every point they are at most a turn apart.
    assert all(abs(2 * turns[:n].count(SMALL) - n) <= 1 for n in range(1, 201))


def test_a_small_tenant_waits_at_most_twice_as_long_as_alone() -> None:
    """In batches, as the intake takes them: one message of the small one in each tenth of the pace."""
    turns, waiting, waits = Turns(), {FLOOD: 5_000, SMALL: 0}, []
    for batch in range(200):
        waiting[SMALL] += 1
        came = turns.take(waiting, 10)
        for lane in came:
            waiting[lane] -= 1
        waits.append(waiting[SMALL])
        assert batch or waits == [0]
    assert max(waits) == 0


def test_weights_of_tenants_count() -> None:
    turns = Turns(TurnRules(tenants={"big": 3}))
    taken = Counter(turns.take({PenLane("big"): 900, PenLane("one"): 900}, 400))
    assert taken == {PenLane("big"): 300, PenLane("one"): 100}


def test_urgent_comes_first_and_what_may_wait_is_not_starved() -> None:
    waiting = {PenLane("a", priority): 1_000 for priority in Priority}
    taken = Turns().take(waiting, 130)
    assert Counter(lane.priority for lane in taken) == {
        Priority.URGENT: 80, Priority.NORMAL: 40, Priority.MAY_WAIT: 10,
    }  # fmt: skip


def test_who_calls_everything_urgent_gains_nothing_over_others() -> None:
    waiting = {PenLane("loud", Priority.URGENT): 1_000, SMALL: 1_000}
    assert Counter(Turns().take(waiting, 100)) == {PenLane("loud", Priority.URGENT): 50, SMALL: 50}


def test_a_flood_of_urgent_ones_gets_a_quarter_of_the_strict_level() -> None:
    """Temporal's levels are strict: a tenant that calls all of its messages urgent must not hold up all others."""
    found = levels([Priority.NORMAL] * 10 + [Priority.URGENT] * 30)
    assert found == [3] * 10 + [2] * 10 + [3] * 20


@pytest.mark.parametrize(("priority", "level"), [("urgent", 2), ("normal", 3), ("may_wait", 4)])
def test_a_lone_case_is_on_the_level_of_its_priority(priority: str, level: int) -> None:
    assert levels([Priority(priority)]) == [level]


def test_an_idle_tenant_saves_no_turns_up() -> None:
    turns = Turns()
    turns.take({FLOOD: 1_000}, 500)
    taken = turns.take({FLOOD: 1_000, SMALL: 1_000}, 100)
    assert Counter(taken) == {FLOOD: 50, SMALL: 50}


def test_who_comes_and_goes_gets_no_more_than_his_share() -> None:
    turns, got = Turns(), Counter[PenLane]()
    for _ in range(100):
        got.update(turns.take({FLOOD: 1_000, SMALL: 1}, 1))
        got.update(turns.take({FLOOD: 1_000}, 1))
    assert got[SMALL] <= 100


@given(
    st.dictionaries(
        st.builds(PenLane, st.sampled_from("abcd"), st.sampled_from(list(Priority))), st.integers(0, 30), max_size=12
    ),
    st.integers(0, 100),
)
def test_turns_are_as_many_as_wait_and_no_lane_gets_more_than_it_has(waiting: dict[PenLane, int], limit: int) -> None:
    taken = Counter(Turns().take(waiting, limit))
    assert sum(taken.values()) == min(limit, sum(waiting.values()))
    assert all(count <= waiting[lane] for lane, count in taken.items())


@pytest.mark.parametrize("name", ["", "acme", "acme/", "acme/soon"])
def test_a_name_of_no_lane_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Priority"):
        lane_named(name)


def test_lanes_keep_their_names() -> None:
    lane = PenLane("a.b_c-1", Priority.MAY_WAIT)
    assert lane_named(lane.name) == lane


def test_tenants_beyond_the_limit_share_lanes_and_keep_them() -> None:
    known = {f"t{n}" for n in range(OWN_LANES)}
    assert lane_for("t3", known) == "t3"
    assert lane_for("late", known) == lane_for("late", known) != "late"


@pytest.mark.parametrize("rules", [{"tenants": {"a": 0}}, {"urgent": -1}, {"normal": float("nan")}, {"weight": 1}])
def test_rules_that_cannot_be_meant_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        TurnRules.model_validate(rules)
