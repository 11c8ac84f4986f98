"""Rules of spending: what is no budget, where a day ends, and which change of a call does what."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from domain.spend.budgets import Budget, Spender, Unit, budgets_of, first_fault
from domain.spend.calls import CallState, give_up, release, settle, tokens_at_most
from domain.spend.resuming import OPENING_SPAN_S, back_in_s
from domain.spend.windows import day_of, is_zone


def budget(scope: str = "all", unit: str = "tokens", **more: object) -> Budget:
    return Budget.model_validate({"scope": scope, "cap": 10, "unit": unit, **more})


# --- what is no budget ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"cap": 0}, "cap"),
        ({"cap": -1}, "cap"),
        ({"cap": 1.5}, "cap"),
        ({"cap": "5"}, "cap"),
        ({"cap": True}, "cap"),
        ({"cap": 10**16}, "cap"),
        ({"unit": "euros"}, "unit"),
        ({"window": "week"}, "window"),
        ({"warn_at": 0}, "warn_at"),
        ({"warn_at": 1.01}, "warn_at"),
        ({"warn_at": float("nan")}, "warn_at"),
        ({"limit": 5}, "limit"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_its_key(wrong: dict[str, object], key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        budget(**{"scope": "all", **wrong})  # type: ignore[arg-type]  # that is the point
    assert [error["loc"] for error in caught.value.errors()] == [(key,)]


@pytest.mark.parametrize(
    ("budgets", "number", "key", "said"),
    [
        ([budget("everybody")], 0, "scope", "means nothing"),
        ([budget("case:case/shop/1")], 0, "scope", "means nothing"),
        ([budget("tenant:")], 0, "scope", "means nothing"),
        ([budget("all:*")], 0, "scope", "means nothing"),
        ([budget(zone="Mars/Base")], 0, "zone", "Mars/Base"),
        ([budget(zone="../../etc/passwd")], 0, "zone", "no time zone"),
        ([budget(zone="")], 0, "zone", "no time zone"),
        ([budget(unit="micros")], 0, "unit", "has no currency"),
        ([budget(unit="micros", currency="EUR")], 0, "currency", "'EUR'"),
        ([budget(currency="USD")], 0, "currency", "tokens have no currency"),
        ([budget(), budget("source:*"), budget(zone="Asia/Tokyo")], 2, "scope", "overlap"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_named(budgets: list[Budget], number: int, key: str, said: str) -> None:
    fault = first_fault(budgets)
    assert fault is not None
    assert (fault.number, fault.key) == (number, key)
    assert said in fault.said


def test_tokens_and_money_of_one_scope_are_two_budgets() -> None:
    assert first_fault([budget(), budget(unit="micros", currency="USD"), budget("case:*")]) is None


# --- whose they are ---------------------------------------------------------------------------------------


def test_a_call_is_charged_to_every_scope_that_it_is_of_in_one_order() -> None:
    spender = Spender("case/shop/1", "acme", "billing", "shop")
    scopes = ["case:*", "source:*", "kind:billing", "kind:sales", "tenant:other", "tenant:acme", "all"]
    found = [b.scope for b in budgets_of([budget(scope) for scope in scopes], spender)]
    assert found == ["all", "case:case/shop/1", "kind:billing", "source:shop", "tenant:acme"]
    assert found == [b.scope for b in budgets_of([budget(scope) for scope in reversed(scopes)], spender)]


# --- days -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "zone", "name", "hours"),
    [
        ("2026-03-29T12:00", "Europe/Berlin", "2026-03-29", 23),
        ("2026-10-25T12:00", "Europe/Berlin", "2026-10-25", 25),
        ("2026-06-15T22:30", "Europe/Berlin", "2026-06-16", 24),
        ("2026-11-30T23:30", "Asia/Kathmandu", "2026-12-01", 24),
        ("2026-09-06T12:00", "America/Santiago", "2026-09-06", 23),  # midnight itself is left out
        ("2026-04-04T12:00", "America/Santiago", "2026-04-04", 25),  # the hour before midnight comes twice
    ],
)
def test_a_day_is_the_calendars_where_its_owner_lives(now: str, zone: str, name: str, hours: int) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    day = day_of(at, zone)
    assert day.name == f"{name} {zone}"
    assert day.ends - day.opens == timedelta(hours=hours)
    assert day.opens <= at < day.ends
    assert day_of(day.ends, zone).opens == day.ends, "days meet, without a gap or an overlap"
    assert day_of(day.ends - timedelta(seconds=1), zone) == day
    assert day_of(day.opens, zone) == day


def test_names_of_folders_are_no_zones() -> None:
    assert is_zone("UTC")
    assert not any(map(is_zone, ("Europe", "/etc/localtime", "Europe/Berlin\0")))


# --- calls ------------------------------------------------------------------------------------------------

ENDED = (CallState.DONE, CallState.RELEASED)


def test_silence_never_refunds() -> None:
    for state in (CallState.SENT, CallState.UNKNOWN, *ENDED):
        assert release(state, 100) is None
    given_up = give_up(CallState.SENT, 100)
    assert given_up is not None
    assert (given_up.state, given_up.used, given_up.held) == (CallState.UNKNOWN, 100, 100)


@pytest.mark.parametrize("state", ENDED)
def test_what_has_ended_is_not_changed_any_more(state: CallState) -> None:
    assert (settle(state, 100, 30), give_up(state, 100), release(state, 100)) == (None, None, None)
    assert give_up(CallState.UNKNOWN, 100) is None


@pytest.mark.parametrize("path", ["sent settle", "sent give_up settle", "settle", "give_up", "sent give_up"])
def test_every_way_leaves_nothing_held(path: str) -> None:
    state, used, held, charged = CallState.HELD, 0, 100, 0
    for step in path.split():
        if step == "sent":
            state = CallState.SENT
            continue
        moved = settle(state, 100, 30) if step == "settle" else give_up(state, 100)
        assert moved is not None
        state, used, held, charged = moved.state, used + moved.used, held - moved.held, moved.charged
    assert held == 0
    assert used == charged
    assert used == (30 if "settle" in path else 100 if "sent" in path else 0)


def test_an_estimate_is_never_below_what_bytes_can_hold() -> None:
    assert tokens_at_most(["x" * 300]) == 132
    assert tokens_at_most(["\ud800"]) > 0, "half a character is no reason to fail"


# --- coming back ------------------------------------------------------------------------------------------


def test_urgent_cases_come_back_before_all_others() -> None:
    for level in (2, 3):
        assert back_in_s(level, 1.0, OPENING_SPAN_S) <= back_in_s(level + 1, 0.0, OPENING_SPAN_S)
    assert back_in_s(4, 1.0, OPENING_SPAN_S) == OPENING_SPAN_S
    assert back_in_s(1, 0.0, OPENING_SPAN_S) == 0.0
    assert Unit.TOKENS == "tokens"
