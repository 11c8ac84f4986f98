"""How fast letters are replayed, which ones, and when a run ends."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.dead_letters.choosing import LetterFilter
from domain.dead_letters.replaying import (
    BATCH_AT_MOST,
    FASTEST_PER_SECOND,
    PASSES_AT_MOST,
    SLOWEST_PER_SECOND,
    ReplayOrder,
    ReplayState,
    batch_size,
    goes_round_again,
    is_forgotten,
    rate_of,
    run_id,
    why_not_replayed,
)
from domain.deadletter import DeadLetterRecord, DeadLetterStatus
from domain.errors import UsageError
from tests.unit.domain.test_deadletter import LETTER


@pytest.mark.parametrize(
    "text",
    ["", "fast", "0", "0/s", "-5/s", "5/d", "5 s", "201/s", "99999/s", "0.5/h", "nan", "inf", "5//s", "٥/s"],
)
def test_a_rate_that_nobody_can_keep_is_named_with_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match=r"--rate .*expected letters per second, minute or hour, such as 5/s"):
        rate_of(text)


@pytest.mark.parametrize(
    ("text", "per_second"),
    [
        ("5/s", 5),
        ("5", 5),
        ("5 / sec", 5),
        ("90/m", 1.5),
        ("30/minute", 0.5),
        ("1/h", 1 / 3600),
        ("0.5/s", 0.5),
        ("200/s", 200),
    ],
)
def test_a_rate_is_letters_per_second_minute_or_hour(text: str, per_second: float) -> None:
    assert rate_of(text) == pytest.approx(per_second)


@given(st.floats(SLOWEST_PER_SECOND, FASTEST_PER_SECOND))
def test_a_batch_is_never_empty_and_never_more_than_two_seconds_worth(per_second: float) -> None:
    assert 1 <= batch_size(per_second) <= max(1, min(BATCH_AT_MOST, 2 * per_second))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (DeadLetterStatus.DISCARDED, r"is discarded \(by maria: spam\)"),
        (DeadLetterStatus.REPLAYED, "is replayed, only"),
    ],
)
def test_only_open_letters_can_be_replayed(status: DeadLetterStatus, said: str) -> None:
    record = DeadLetterRecord(letter=LETTER, status=status, changed_by="maria", reason="spam")
    why = why_not_replayed(record)
    assert why is not None
    assert re.search(said, why)


def test_an_open_letter_can() -> None:
    assert why_not_replayed(DeadLetterRecord(letter=LETTER, status=DeadLetterStatus.OPEN)) is None


@pytest.mark.parametrize(
    ("put_off", "begun_in_pass", "passes", "again"),
    [
        (0, 0, 0, False),
        (0, 50, 0, False),
        (3, 0, 0, True),
        (3, 0, PASSES_AT_MOST, False),
        (3, 1, PASSES_AT_MOST, True),  # whoever comes on goes on
    ],
)
def test_a_run_goes_round_for_what_it_could_not_begin_but_not_for_ever(
    put_off: int, begun_in_pass: int, passes: int, again: bool
) -> None:
    state = ReplayState(replay_id="replay/x", per_second=1, put_off=put_off, begun_in_pass=begun_in_pass, passes=passes)
    assert goes_round_again(state) is again


@pytest.mark.parametrize("name", ["case/shop/e1", "intake/default", "x", "replay/x", ""])
def test_no_run_has_the_id_of_anything_else(name: str) -> None:
    assert run_id(name).startswith("replay/")


def test_a_run_that_temporal_does_not_know_is_not_started_only_in_its_first_hour() -> None:
    at = datetime(2026, 6, 15, 12, tzinfo=UTC)
    order = ReplayOrder(replay_id="replay/r1", chosen=LetterFilter(), per_second=5, by="dana", at=at)
    assert not is_forgotten(order, 0, at + timedelta(hours=1))
    assert is_forgotten(order, 0, at + timedelta(hours=1, seconds=1))
    assert is_forgotten(order, 1, at)
