"""Another model of the tier stands in during an outage: not for a short wait, a bad answer or a wrong key."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.cascade.fallback import ASKED_AGAIN_S, OUTAGE_S, is_out, next_of
from domain.moods.mood import ModelMood, Trouble, answered, failed, probing, refused

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
WELL = ModelMood(model="m")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def failing(*at: float, trouble: Trouble = Trouble.FAILING) -> ModelMood:
    mood = WELL
    for second in at:
        mood = failed(mood, trouble, "503", later(second))
    return mood


def test_a_short_wait_is_waited_out() -> None:
    mood = refused(WELL, "429", OUTAGE_S - 1, NOW)
    assert not is_out(mood, NOW)
    assert not is_out(mood, later(OUTAGE_S - 2))


def test_told_to_wait_long_it_is_out_until_then_and_one_call_asks_it_again() -> None:
    mood = refused(WELL, "429", 600, NOW)
    assert is_out(mood, NOW)
    assert is_out(mood, later(599))
    assert not is_out(mood, later(601)), "somebody has to ask it"
    probed = probing(mood, "me", later(601))
    assert is_out(probed, later(602)), "the others do not wait for what comes of it"
    assert not is_out(answered(probed, later(603)), later(603))


def test_short_waits_one_after_another_become_an_outage() -> None:
    mood = WELL
    for n in range(10):
        mood = refused(mood, "429", 10, later(11 * n))
    assert is_out(mood, later(100))


def test_one_failure_is_the_ladder_s_matter() -> None:
    assert not is_out(failing(0), NOW)
    assert not is_out(failing(0, OUTAGE_S - 1), later(OUTAGE_S - 1))


def test_one_that_fails_for_a_minute_is_out_and_is_asked_again_in_time() -> None:
    mood = failing(0, 30, 70)
    assert is_out(mood, later(71))
    assert not is_out(mood, later(70 + ASKED_AGAIN_S))
    assert is_out(failing(0, 30, 70, 131), later(132)), "it was asked, and failed again"


@pytest.mark.parametrize("trouble", [Trouble.MISCONFIGURED, Trouble.BAD_ANSWERS])
def test_a_wrong_key_and_bad_answers_are_no_outage(trouble: Trouble) -> None:
    assert not is_out(failing(0, 300, trouble=trouble), later(301))


def test_the_first_that_is_not_out_is_asked_and_where_all_are_the_first() -> None:
    out = refused(WELL, "429", 600, NOW)
    assert next_of([WELL, WELL], NOW) == 0
    assert next_of([out, WELL], NOW) == 1
    assert next_of([out, out, WELL], NOW) == 2
    assert next_of([out, out], NOW) == 0
