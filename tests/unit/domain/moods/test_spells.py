"""When bad answers are the provider's: several messages, a short time, few good ones among them."""

from datetime import UTC, datetime, timedelta

from domain.moods.mood import ModelMood
from domain.moods.spells import CASES, LAPSES_S, OVER_AFTER, WINDOW_S, in_spell, with_bad, with_good
from domain.moods.words import telling

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
FINE = ModelMood(model="m")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def bad(mood: ModelMood, *seconds: float, good: int = 0, same: bool = False) -> ModelMood:
    """Note bad answers to different messages, or to the same, each after so many good ones."""
    for s in seconds:
        fitted = [at(s - 0.1)] * good
        mood = with_bad(mood, "route", "one" if same else f"case {s}", fitted, at(s))
    return mood


def test_so_many_messages_in_a_row_are_a_spell_and_fewer_are_not() -> None:
    fewer = bad(FINE, *range(CASES - 1))
    assert not in_spell(fewer, "route", at(CASES))
    spell = bad(fewer, CASES)
    assert in_spell(spell, "route", at(CASES))
    assert not in_spell(spell, "claim", at(CASES))
    assert spell.spells[0].since == NOON


def test_one_message_again_and_again_is_its_own_matter() -> None:
    assert not in_spell(bad(FINE, *range(50), same=True), "route", at(50))


def test_over_a_long_time_they_are_no_spell() -> None:
    assert not in_spell(bad(FINE, *(n * WINDOW_S / 2 for n in range(20))), "route", at(10 * WINDOW_S))


def test_good_answers_among_them_speak_for_the_provider() -> None:
    assert not in_spell(bad(FINE, *range(20), good=2), "route", at(20))
    assert in_spell(bad(FINE, *range(20), good=1), "route", at(20)), "half of all: a provider that has a bad hour"


def test_good_answers_from_before_do_not_hide_it() -> None:
    """A thousand were answered well until a minute ago."""
    known = with_bad(FINE, "route", "first", [at(-n / 10) for n in range(1000)], at(60))
    assert in_spell(bad(known, *range(61, 60 + CASES)), "route", at(64))


def test_it_ends_with_good_answers_in_a_row_and_begins_anew_only_with_as_many_bad_ones() -> None:
    spell = bad(FINE, *range(CASES))
    almost = with_good(spell, "route", [at(10)] * (OVER_AFTER - 1), at(10))
    assert in_spell(almost, "route", at(10))
    not_in_a_row = with_good(bad(almost, 11), "route", [at(12)], at(12))
    assert in_spell(not_in_a_row, "route", at(12))
    over = with_good(almost, "route", [at(10)], at(10))
    assert not in_spell(over, "route", at(10))
    assert over.answers
    assert not in_spell(bad(over, 13), "route", at(13))


def test_good_answers_from_before_it_do_not_end_it() -> None:
    """Another process hands over what it remembers with its first good answer afterwards."""
    spell = bad(FINE, *range(CASES))
    assert in_spell(with_good(spell, "route", [*(at(-n) for n in range(30)), at(10)], at(10)), "route", at(10))


def test_it_outlasts_the_longest_rung_and_then_lapses() -> None:
    """Cases that come back after half an hour must not be stranded by the first bad answer."""
    spell = bad(FINE, *range(CASES))
    assert in_spell(spell, "route", at(1800 + 60))
    late = at(CASES + LAPSES_S)
    assert not in_spell(spell, "route", late)
    assert not in_spell(with_bad(spell, "route", "late", [], late), "route", late)


def test_what_is_noted_stays_small() -> None:
    mood = FINE
    for n in range(2000):
        mood = with_bad(mood, "route", f"case {n}", [at(n)] * 50, at(n))
    assert len(mood.model_dump_json()) < 12_000


def test_each_task_s_spell_is_one_word_and_one_when_it_is_over() -> None:
    mood, words = telling(bad(FINE, *range(CASES)), 4, at(4))
    for n in range(5, 60):
        mood, new = telling(bad(mood, n), n, at(n))
        words += new
    mood, new = telling(with_good(mood, "route", [at(61)] * OVER_AFTER, at(61)), 60, at(61))
    words += new
    assert [w.subject for w in words] == [
        "model m answers route badly, message after message",
        "model m fits again (route)",
    ]
    assert words[1].data["cases"] == "60"
    assert mood.told == {}
