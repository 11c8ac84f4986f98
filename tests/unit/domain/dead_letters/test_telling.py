"""One word for each kind and hour, which counts all that it speaks of."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.dead_letters.telling import counted_in, counts_of, hour_of, joined, rest_of, word_on_letters
from domain.words_to_people import WordToPeople
from tests.unit.domain.test_deadletter import LETTER

AT = datetime(2026, 6, 15, 12, 40, tzinfo=UTC)
HOUR = AT.replace(minute=0)
DIED = LETTER.model_copy(update={"at": AT, "last_error": "away\r\n<!channel>"})


def word(count: int = 1, hour: datetime = HOUR, first_at: datetime = AT) -> WordToPeople:
    return word_on_letters(DIED, hour=hour, count=count, first_at=first_at)


@pytest.mark.parametrize("minutes", [0, 59, 59.999])
def test_an_hour_begins_in_utc(minutes: float) -> None:
    there = datetime(2026, 6, 15, 14, 0, tzinfo=UTC).astimezone() + timedelta(minutes=minutes)
    assert hour_of(there) == datetime(2026, 6, 15, 14, tzinfo=UTC)


def test_the_word_says_kind_how_many_and_the_command_to_list_them() -> None:
    said = word(3)
    assert said.subject == "3 dead letters of the kind transient so far in this hour"
    assert "`headgate dlq list --reason transient --since 2026-06-15T12:40`" in said.text
    assert said.data["command"] == "headgate dlq list --reason transient --since 2026-06-15T12:40"
    assert "<" not in said.text
    assert (said.at, counted_in(said)) == (AT, (3, AT))


def test_the_word_of_the_next_hour_waits_for_it_and_says_since_when() -> None:
    said = word(2, hour=HOUR + timedelta(hours=1))
    assert said.at == HOUR + timedelta(hours=1)
    assert said.subject == "2 dead letters of the kind transient since 12:40 UTC"
    assert said.word_id != word().word_id


def test_what_came_while_a_word_was_told_is_told_with_the_next_hour() -> None:
    assert rest_of(word(5), 5) is None
    rest = rest_of(word(5), 2)
    assert rest is not None
    assert (counted_in(rest)[0], rest.at) == (3, HOUR + timedelta(hours=1))
    assert rest.word_id == word(hour=HOUR + timedelta(hours=1)).word_id


def test_two_words_on_a_kind_are_joined_in_the_one_that_waits() -> None:
    waiting, rest = word(2, hour=HOUR + timedelta(hours=1), first_at=AT + timedelta(minutes=30)), rest_of(word(5), 2)
    assert rest is not None
    both = joined(waiting, rest)
    assert (both.word_id, counted_in(both)) == (waiting.word_id, (5, AT))
    assert both.subject == "5 dead letters of the kind transient since 12:40 UTC"
    assert both.data["command"] in both.text
    assert both.data["command"].endswith("--since 2026-06-15T12:40")
    assert counted_in(joined(rest, waiting)) == (5, AT)


def test_other_words_count_nothing() -> None:
    other = word().model_copy(update={"word_id": "case/shop/e1/approval/1"})
    assert counts_of([other, word(4)]) == {word().word_id: 4}
