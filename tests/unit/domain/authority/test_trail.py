"""Nobody changes what happened to an approval unseen."""

import json
from datetime import timedelta

import pytest

from domain.authority.trail import (
    Happened,
    TrailEvent,
    TrailRow,
    asked,
    breaks_in,
    ended,
    missing_of,
    refused,
    reminded,
    sealed_row,
)
from domain.money.approval import Standing
from tests.contracts.store_samples import NOW, approval_request, approval_result, big_action
from tests.fakes.signing import signed_on

REQUEST = approval_request(big_action())
DECISION = signed_on(REQUEST)
EVENTS = [
    asked(REQUEST, NOW),
    reminded(REQUEST.approval_id, REQUEST.action.case_id, 1, NOW + timedelta(minutes=10)),
    refused(REQUEST, DECISION, "the amount is above this person's limit \ud800\0", NOW + timedelta(minutes=11)),
    ended(REQUEST, approval_result(REQUEST), DECISION, NOW + timedelta(minutes=12)),
]


def chained(events: list[TrailEvent]) -> list[TrailRow]:
    rows: list[TrailRow] = []
    for event in events:
        rows.append(sealed_row(event, rows[-1] if rows else None))
    return rows


def other(row: TrailRow, **changes: object) -> TrailRow:
    return row.model_copy(update=changes)


def test_a_trail_as_it_was_written_is_whole() -> None:
    rows = chained(EVENTS)
    assert list(breaks_in(rows)) == []
    assert list(breaks_in([])) == []
    assert all(row.body.isascii() for row in rows)
    assert [row.event.what for row in rows] == [Happened.ASKED, Happened.REMINDED, Happened.REFUSED, Happened.APPROVED]


@pytest.mark.parametrize("at", range(4))
def test_a_changed_row_is_named(at: int) -> None:
    rows = chained(EVENTS)
    said = json.loads(rows[at].body) | {"said": "nothing to see"}
    rows[at] = other(rows[at], body=json.dumps(said, sort_keys=True, separators=(",", ":")))
    assert list(breaks_in(rows)) == [f"row {at + 1} ({rows[at].event_id}) was changed"]


@pytest.mark.parametrize("at", range(3))
def test_a_row_that_was_written_anew_with_its_hash_breaks_the_next(at: int) -> None:
    rows = chained(EVENTS)
    event = rows[at].event.model_copy(update={"said": "nothing to see"})
    rows[at] = sealed_row(event, rows[at - 1] if at else None)
    [said] = breaks_in(rows)
    assert said.startswith(f"row {at + 2} ")


@pytest.mark.parametrize(
    ("gone", "said"), [([0], "row 1 is missing"), ([1], "row 2 is missing"), ([1, 2], "rows 2 to 3 are missing")]
)
def test_a_missing_row_is_named(gone: list[int], said: str) -> None:
    rows = [row for at, row in enumerate(chained(EVENTS)) if at not in gone]
    assert list(breaks_in(rows)) == [said]


def test_rows_that_changed_places_are_named() -> None:
    rows = chained(EVENTS)
    rows[1], rows[2] = other(rows[2], number=2), other(rows[1], number=3)
    assert len(list(breaks_in(rows))) >= 2


@pytest.mark.parametrize("column", ["approval_id", "case_id", "event_id"])
def test_a_row_cannot_be_hidden_under_another_case(column: str) -> None:
    rows = chained(EVENTS)
    rows[1] = other(rows[1], **{column: "case/shop/other"})
    assert any("row 2" in said and "changed" in said for said in breaks_in(rows))


@pytest.mark.parametrize(
    ("standing", "found", "said"),
    [
        (Standing.PENDING, set(), "asked for is missing"),
        (Standing.APPROVED, {Happened.APPROVED}, "asked for is missing"),
        (Standing.APPROVED, {Happened.ASKED, Happened.REFUSED}, "approved on record, and the trail has nothing"),
        (Standing.APPROVED, {Happened.ASKED, Happened.REJECTED}, "the trail has rejected"),
        (Standing.PENDING, {Happened.ASKED, Happened.APPROVED}, "pending on record, and the trail has approved"),
        (Standing.PENDING, {Happened.ASKED, Happened.REMINDED}, None),
        (Standing.EXPIRED, {Happened.ASKED, Happened.EXPIRED}, None),
    ],
)
def test_the_trail_tells_what_stands_on_record(standing: Standing, found: set[Happened], said: str | None) -> None:
    told = missing_of("case/1/approval/1", standing, found)
    assert told is None if said is None else said in (told or "")


def test_the_same_refused_decision_is_one_event_and_another_is_another() -> None:
    again = refused(REQUEST, DECISION, "late", NOW + timedelta(hours=1))
    assert refused(REQUEST, DECISION, "late", NOW).event_id == again.event_id
    bare = DECISION.model_copy(update={"seal": None})
    assert refused(REQUEST, bare, "late", NOW).event_id != again.event_id
