"""Which of a tier's models is asked: the first, unless it is out, for as long as it is."""

from collections.abc import Sequence
from datetime import datetime

from domain.moods.mood import ModelMood, Trouble, held_s, needs_probe

OUTAGE_S = 60.0  # a shorter wait or failure is waited out: another model is another mind
ASKED_AGAIN_S = 60.0  # one that fails without naming a time is asked again after this, by one call a process


def is_out(mood: ModelMood, now: datetime) -> bool:
    """Return whether a model has an outage: told to wait, or failing, for a minute or more.

    Bad answers are none, nor is a wrong key or name: the first would hide what is bad, the second who must mend it.
    """
    if mood.since is None:
        return False
    if needs_probe(mood):
        until = max(mood.until or now, now)
        return held_s(mood, now) > 0 and (until - mood.since).total_seconds() >= OUTAGE_S
    if is_failing(mood, now) and mood.at is not None:
        return (now - mood.at).total_seconds() < ASKED_AGAIN_S
    return False


def is_failing(mood: ModelMood, now: datetime) -> bool:
    """Return whether it has been failing, without being out for all, for so long that the next call to it is a question
    whether it still does.
    """
    lasts = mood.since is not None and (now - mood.since).total_seconds() >= OUTAGE_S
    return mood.trouble is Trouble.FAILING and lasts and not needs_probe(mood)


def next_of(moods: Sequence[ModelMood], now: datetime) -> int:
    """Return the position of the model to ask: the first that is not out; the first of all where each one is, which
    says how long to wait.
    """
    return next((n for n, mood in enumerate(moods) if not is_out(mood, now)), 0)
