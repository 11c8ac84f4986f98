"""Which dead letters are meant: what people write on a command line, and what it cannot mean."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.dead_letters.choosing import LetterFilter, case_meant, kinds_of, moment, statuses_of
from domain.deadletter import DeadLetterStatus
from domain.errors import FailureKind, UsageError

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "2x",
        "-2h",
        "h",
        "2h3m",
        "1e9h",
        "yesterday",
        "2026-13-01",
        "2026-06-15T25:00",
        "15.06.2026",
        "٢h",
        "nan",
    ],
)
def test_what_is_no_time_is_named_with_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match=r"--since .*expected a span such as"):
        moment("--since", text, NOON)


def test_a_span_out_of_all_bounds_is_no_time() -> None:
    with pytest.raises(UsageError):
        moment("--until", "999999w", NOON)


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("90s", timedelta(seconds=90)),
        ("1.5h", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("1w", timedelta(days=7)),
        ("30 m", timedelta(minutes=30)),
    ],
)
def test_a_span_counts_back_from_now(text: str, back: timedelta) -> None:
    assert moment("--since", text, NOON) == NOON - back


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-06-15", NOON.replace(hour=0)),
        ("2026-06-15T09:30", NOON.replace(hour=9, minute=30)),
        ("2026-06-15 09:30:01", NOON.replace(hour=9, minute=30, second=1)),
        ("2026-06-15T09:30Z", NOON.replace(hour=9, minute=30)),
        ("2026-06-15T09:30+02:00", NOON.replace(hour=7, minute=30)),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, at: datetime) -> None:
    assert moment("--since", text, NOON) == at


def test_no_time_is_none() -> None:
    assert moment("--since", None, NOON) is None


def test_reasons_are_kinds_of_failure_or_the_word_for_an_outage() -> None:
    with pytest.raises(UsageError, match="reason 'away': expected one of provider_down, transient"):
        kinds_of(["transient", "away"])
    assert kinds_of([]) == []
    assert kinds_of(["bug", "provider_down", "transient"]) == [
        FailureKind.BUG, FailureKind.TRANSIENT, FailureKind.TOLD_TO_WAIT,
    ]  # fmt: skip


def test_a_status_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match="status 'gone': expected one of open, replayed, discarded, all"):
        statuses_of("gone")
    assert statuses_of("all") == list(DeadLetterStatus)
    assert statuses_of("open") == [DeadLetterStatus.OPEN]


def test_only_the_open_ones_are_meant_unless_said_otherwise_and_a_status_narrows_nothing() -> None:
    assert LetterFilter().statuses == [DeadLetterStatus.OPEN]
    assert not LetterFilter(statuses=list(DeadLetterStatus)).narrows
    for field in ({"ids": ["x"]}, {"kinds": [FailureKind.BUG]}, {"sources": ["shop"]}, {"tenants": ["t"]},
                  {"steps": ["route"]}, {"case_id": "case/a/b"}, {"since": NOON}, {"until": NOON}):  # fmt: skip
        assert LetterFilter.model_validate(field).narrows


def test_a_case_is_named_by_its_letters_too() -> None:
    assert case_meant("case/shop/e1/dead/2") == "case/shop/e1"
    assert case_meant(None) is None


def test_nothing_is_chosen_that_is_yet_to_come_but_what_is_named() -> None:
    day = timedelta(days=1)
    assert LetterFilter().up_to(NOON).until == NOON
    assert LetterFilter(until=NOON + day).up_to(NOON).until == NOON
    assert LetterFilter(until=NOON - day).up_to(NOON).until == NOON - day
    assert LetterFilter(ids=["case/shop/e1/dead/1"]).up_to(NOON).until is None
