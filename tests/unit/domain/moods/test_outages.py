"""A provider that fails call after call is out for all: asked by one, ever more rarely, and told of once."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.cascade.fallback import is_failing, is_out
from domain.moods import mood as moods
from domain.moods.mood import ModelMood, Trouble
from domain.moods.outages import LOOK_AT_MOST_S, LOOKS_PER_S, OPENS_AFTER, PROBE_AT_MOST_S, look_again_s, probe_in_s
from domain.moods.words import telling
from domain.words_to_people import WordToPeople

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
FINE = ModelMood(model="m")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def failing(*cases: str, mood: ModelMood = FINE) -> ModelMood:
    for n, case_id in enumerate(cases):
        mood = moods.failed(mood, Trouble.FAILING, "503", at(n / 10), case_id)
    return mood


def test_one_case_alone_never_closes_a_model_to_others() -> None:
    assert failing(*["a"] * 100).out_since is None
    assert failing(*["a"] * 100, "b").out_since is not None


def test_too_few_failures_or_one_good_answer_among_them_are_no_outage() -> None:
    before = failing("a", "b", "c", "d")
    assert (before.out_since, moods.held_s(before, at(1))) == (None, 0)
    answered = moods.answered(before, at(1))
    assert answered.answers
    assert failing("e", mood=answered).out_since is None


@pytest.mark.parametrize("trouble", [Trouble.MISCONFIGURED, Trouble.TOLD_TO_WAIT])
def test_another_trouble_counts_anew(trouble: Trouble) -> None:
    before = failing("a", "b", "c", "d")
    if trouble is Trouble.TOLD_TO_WAIT:
        other = moods.refused(before, "429", 1.0, at(1))
    else:
        other = moods.failed(before, trouble, "401", at(1), "e")
    assert (other.failures, other.failed_cases) == (0, [])
    assert moods.failed(other, Trouble.FAILING, "503", at(3), "f").out_since is None


def test_those_under_way_change_nothing_and_each_probe_that_fails_doubles_the_time() -> None:
    out = failing(*"abcde")
    opened = out.out_since
    assert opened == at(0.4)
    assert moods.held_s(out, opened) == probe_in_s(1)
    assert moods.failed(out, Trouble.FAILING, "503", at(1), "z") == out
    probes, now = 0, opened
    while now < at(3600):
        now += timedelta(seconds=moods.held_s(out, now))
        asking = moods.probing(out, "one", now)
        assert moods.probing(asking, "two", now).probe == "one"
        assert moods.held_s(asking, now) > 0, "all others wait"
        out = moods.failed(asking, Trouble.FAILING, "503", now, "case")
        probes += 1
    assert (out.out_since, out.since) == (opened, NOON)
    assert probes <= 7 + 3600 / PROBE_AT_MOST_S


def test_only_an_answer_to_a_probe_ends_it() -> None:
    out = failing(*"abcde")
    assert moods.answered(out, at(0.2)) == out
    over = moods.answered(moods.probing(out, "one", at(6)), at(6))
    assert (over.answers, over.out_since, over.failures, over.failed_cases) == (True, None, 0, [])


def test_a_person_s_word_has_it_asked_at_once_by_one() -> None:
    out = failing(*"abcde")
    asked = moods.resumed(out, "dana", at(1))
    assert moods.held_s(asked, at(1)) == 0
    assert moods.held_s(moods.probing(asked, "one", at(1)), at(1)) > 0
    assert asked.out_since == out.out_since


def test_a_provider_that_then_says_to_wait_is_believed() -> None:
    told = moods.refused(failing(*"abcde"), "429", 600.0, at(9))
    assert (told.trouble, told.out_since, moods.held_s(told, at(9))) == (Trouble.TOLD_TO_WAIT, None, 600.0)


def test_people_hear_once_of_an_hour_and_once_that_it_is_over() -> None:
    out, words, now = failing(*"abcde"), [], NOON
    said: list[WordToPeople] = []
    while now < at(3600):
        now += timedelta(seconds=moods.held_s(out, now))
        out = moods.failed(moods.probing(out, "p", now), Trouble.FAILING, "503", now, "case")
        out, words = telling(out, 1000, now)
        said += words
    assert [word.subject for word in said] == ["model m does not answer"]
    assert "park" in said[0].text
    out, words = telling(moods.answered(out, now + timedelta(hours=1)), 1000, now)
    assert ["answers again" in word.subject for word in words] == [True]


def test_the_next_model_of_a_tier_stands_in_while_nobody_may_ask_and_the_outage_lasts() -> None:
    out = failing(*"abcde")
    assert not is_out(out, at(1)), "a few seconds are waited out"
    for second in (6, 17, 38, 79):
        out = moods.failed(moods.probing(out, "p", at(second)), Trouble.FAILING, "503", at(second), "case")
    assert is_out(out, at(80))
    assert not is_failing(out, at(80)), "its probe is everybody's, not each process's own"
    assert not is_out(out, at(79) + timedelta(seconds=PROBE_AT_MOST_S)), "its turn: one call asks"


@pytest.mark.parametrize("waiting", [0, 1, 60, 1000, 50_000])
def test_a_case_looks_a_few_times_an_hour_and_all_of_them_a_few_times_a_second(waiting: int) -> None:
    now, looks = 0.0, 0
    while now < 3600:
        wait_s, spread_s = look_again_s(now, waiting)
        assert 60 <= wait_s <= LOOK_AT_MOST_S
        assert waiting / (0.3 * spread_s) <= LOOKS_PER_S + 0.01, "also if all are of one priority"
        now += wait_s
        looks += 1
    assert looks <= 10


def test_the_numbers_fit_each_other() -> None:
    assert OPENS_AFTER >= 3
    assert probe_in_s(10**9) == PROBE_AT_MOST_S
