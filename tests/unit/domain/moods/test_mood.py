"""What ails a provider, who may ask it now, and what people are told: one word for a cause, one when it is over."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.moods import mood as moods
from domain.moods.mood import BEHIND_PROBE_S, PROBE_S, ModelMood, Trouble
from domain.moods.waits import BACKOFF_AT_MOST_S, LONGEST_S, back_in_s, sane_s, wait_s
from domain.moods.words import telling
from domain.words_to_people import WordKind, WordToPeople

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
FINE = ModelMood(model="m")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize("said", [0.0, 0.001, 0.999, -1.0, float("nan"), float("inf"), 31_536_000.0, None])
def test_no_number_makes_a_hot_loop_or_a_wait_without_end(said: float | None) -> None:
    waits = [wait_s(said, n) for n in range(1, 50)]
    assert min(waits) >= 1
    assert waits == sorted(waits)
    assert waits[-1] == BACKOFF_AT_MOST_S


@pytest.mark.parametrize("said", [1.0, 7.5, 3600.0, LONGEST_S])
def test_a_sane_time_is_waited_for_as_it_was_named(said: float) -> None:
    assert {wait_s(said, n) for n in range(1, 50)} == {said}
    assert sane_s(said) == said


@pytest.mark.parametrize("waiting", [1, 60, 6000, 10**6])
@pytest.mark.parametrize("left", [0.0, 0.5, 30.0, 3600.0])
def test_cases_come_back_not_too_often_and_none_waits_much_longer_than_needed(left: float, waiting: int) -> None:
    first, last = back_in_s(left, waiting, 0.0), back_in_s(left, waiting, 1.0)
    assert first <= last <= left + 120
    if first < left:  # early: held back again without a call, ten a second in all
        assert first >= waiting / 20


def test_of_many_that_come_after_the_time_one_probes() -> None:
    told = moods.refused(FINE, "429", 30.0, NOON)
    assert moods.held_s(told, at(29.5)) == 0.5
    assert moods.probing(told, "early", at(29.5)) == told
    probing = moods.probing(told, "a", at(30))
    assert (probing.probe, moods.probing(probing, "b", at(31)).probe) == ("a", "a")
    assert moods.held_s(probing, at(31)) == BEHIND_PROBE_S
    assert moods.probing(probing, "b", at(30 + PROBE_S)).probe == "b", "the first one died"
    assert moods.given_back(probing, "b") == probing
    assert moods.held_s(moods.given_back(probing, "a"), at(31)) == 0


def test_an_answer_ends_it_only_where_it_was_asked_after_the_time() -> None:
    told = moods.refused(FINE, "429", 30.0, NOON)
    assert moods.answered(told, at(-1)) == told
    over = moods.answered(moods.probing(told, "a", at(30)), at(30))
    assert over.answers
    assert (over.times, over.probe, over.until) == (0, "", None)


def test_a_failure_of_a_call_from_before_does_not_end_a_wait() -> None:
    told = moods.refused(FINE, "429", 30.0, NOON)
    assert moods.failed(told, Trouble.FAILING, "503", at(5)) == told
    failing = moods.failed(moods.probing(told, "a", at(30)), Trouble.FAILING, "503", at(31))
    assert (failing.trouble, failing.since, moods.held_s(failing, at(31))) == (Trouble.FAILING, at(31), 0)


def test_a_word_of_a_person_lets_one_ask_now_and_says_who() -> None:
    told = moods.refused(FINE, "429", 3600.0, NOON)
    called = moods.resumed(told, "dana", at(60))
    assert (moods.held_s(called, at(60)), called.resumed_by) == (0, "dana")
    assert moods.needs_probe(called), "one first"
    again = moods.refused(moods.probing(called, "a", at(60)), "429", 3600.0, at(61))
    assert moods.held_s(again, at(61)) == 3600
    assert moods.resumed(FINE, "dana", NOON) == FINE


# --- words --------------------------------------------------------------------------------------------------


def told_over(*changes: ModelMood, waiting: int = 7) -> list[WordToPeople]:
    """Return all words over a row of moods, one minute apart."""
    known, words = FINE.told, []
    for n, changed in enumerate(changes):
        after, new = telling(changed.model_copy(update={"told": known}), waiting, at(60 * n))
        known = after.told
        words += new
    return words


def test_a_long_wait_is_one_word_with_a_count_and_one_when_it_is_over() -> None:
    told = moods.refused(FINE, "429 slow down", 3600.0, NOON)
    begun, over = told_over(told, told, told, moods.answered(told, at(3600)), FINE)
    assert (begun.kind, begun.data["cases"], "429 slow down" in begun.text) == (WordKind.MODEL, "7", True)
    assert "until 2026-11-29 13:00:00 UTC" in begun.subject
    assert over.word_id == f"{begun.word_id}/over"
    assert over.subject == "model m answers again"


def test_a_short_wait_is_nobody_s_matter() -> None:
    told = moods.refused(FINE, "429", 20.0, NOON)
    assert told_over(told, moods.answered(told, at(30))) == []


def test_many_short_waits_in_a_row_are_one_word() -> None:
    told, known, words = FINE, dict[str, str](), list[WordToPeople]()
    for n in range(20):
        told = moods.refused(moods.probing(told, str(n), at(20 * n)), "429", 20.0, at(20 * n))
        told, new = telling(told.model_copy(update={"told": known}), 3, at(20 * n))
        known = told.told
        words += new
    assert len(words) == 1


def test_one_trouble_after_the_other_ends_with_one_word() -> None:
    told = moods.refused(FINE, "429", 3600.0, NOON)
    key = moods.failed(told, Trouble.MISCONFIGURED, "401", at(3601))
    words = told_over(told, key, moods.answered(key, at(3700)))
    assert [w.subject.split(" m ", 1)[1].split(" until")[0] for w in words] == [
        "says to wait", "takes none of our calls", "answers again",
    ]  # fmt: skip


def test_a_failing_provider_is_told_of_after_a_minute() -> None:
    failing = moods.failed(FINE, Trouble.FAILING, "503", NOON)
    assert told_over(failing) == []
    assert [w.subject for w in told_over(failing, failing)] == ["model m does not answer"]
