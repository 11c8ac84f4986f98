"""A spell of bad answers: so many messages in a short time that it is the provider's matter and not theirs.

One answer that cannot be read is the matter of its message: a person looks. Four messages in a row, or among as many
that were answered, are a provider that has a bad hour: their steps are tried again later, as after any other outage.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.moods.mood import AnswerNoted, ModelMood, Spell

CASES = 4  # so many different messages, badly answered ...
WINDOW_S = 600.0  # ... within this time, with no more good answers than that among them
OVER_AFTER = 4  # so many good answers in a row end it
LAPSES_S = 3600.0  # longer than the longest rung of the usual ladder: nobody asks any more, so nobody knows
NOTED_AT_MOST = 40


def with_bad(mood: ModelMood, task: str, case_id: str, good: Sequence[datetime], now: datetime) -> ModelMood:
    """Note a bad answer, asked once more included, and begin a spell where it is one.

    Args:
        mood: what is known.
        task: what was asked, such as `route` or `claim`; each has its own spells.
        case_id: the message. The same one again counts once.
        good: when other messages were answered well; those noted before are not named again.
        now: of the bad answer.
    """
    noted = _noted(mood, task, good, now)
    bad = [*noted.bad, AnswerNoted(task=task, at=now, case_id=case_id)][-NOTED_AT_MOST:]
    noted = noted.model_copy(update={"bad": bad})
    spell = _spell_of(mood, task, now)
    if spell is None:
        since = _begun(noted, task)
        if since is None:
            return noted.model_copy(update={"spells": [s for s in mood.spells if s.task != task]})
        spell = Spell(task=task, since=since, last_bad=now)
    spell = spell.model_copy(update={"last_bad": now, "good": 0})
    return noted.model_copy(update={"spells": [*(s for s in mood.spells if s.task != task), spell]})


def with_good(mood: ModelMood, task: str, good: Sequence[datetime], now: datetime) -> ModelMood:
    """Note good answers while a spell lasts; enough of them in a row end it."""
    spell = next((s for s in mood.spells if s.task == task), None)
    if spell is None:
        return mood
    in_a_row = spell.good + sum(1 for at in good if at > spell.last_bad)
    others = [s for s in mood.spells if s.task != task]
    if in_a_row < OVER_AFTER:
        return mood.model_copy(update={"spells": [*others, spell.model_copy(update={"good": in_a_row})]})
    noted = _noted(mood, task, good, now)
    return noted.model_copy(update={"spells": others, "bad": [a for a in noted.bad if a.task != task]})


def in_spell(mood: ModelMood, task: str, now: datetime) -> bool:
    """Return whether bad answers to a task are the provider's now."""
    return _spell_of(mood, task, now) is not None


def _spell_of(mood: ModelMood, task: str, now: datetime) -> Spell | None:
    return next((s for s in mood.spells if s.task == task and (now - s.last_bad).total_seconds() < LAPSES_S), None)


def _noted(mood: ModelMood, task: str, good: Sequence[datetime], now: datetime) -> ModelMood:
    """Add good answers, and forget what is older than the window."""
    oldest = now - timedelta(seconds=WINDOW_S)
    added = [AnswerNoted(task=task, at=at) for at in good]
    kept = sorted((a for a in [*mood.good, *added] if a.at > oldest), key=lambda a: a.at)[-NOTED_AT_MOST:]
    return mood.model_copy(update={"good": kept, "bad": [a for a in mood.bad if a.at > oldest]})


def _begun(mood: ModelMood, task: str) -> datetime | None:
    """Return since when the last bad answers are a spell, None where they are none."""
    last: dict[str, datetime] = {}
    for answer in reversed(mood.bad):
        if answer.task == task:
            last.setdefault(answer.case_id, answer.at)
    if len(last) < CASES:
        return None
    since = sorted(last.values())[-CASES]
    among = sum(1 for answer in mood.good if answer.task == task and answer.at >= since)
    return since if among <= CASES else None
