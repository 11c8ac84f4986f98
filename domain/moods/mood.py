"""How a model at one address behaves, as all workers see it: what ails it, since when, and who may ask it now."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from domain.moods.waits import wait_s

PROBE_S = 45.0  # longer than a call may take: a probe that died gives its turn to another one
BEHIND_PROBE_S = 3.0  # whoever comes while one probes comes back after this
WHY_CHARS = 300
LIMITED_S = 30.0


class Trouble(StrEnum):
    """What ails a provider."""

    TOLD_TO_WAIT = "told_to_wait"
    FAILING = "failing"  # no connection, 5xx
    MISCONFIGURED = "misconfigured"  # it takes no call of ours: the key, the account, the model's name
    BAD_ANSWERS = "bad_answers"


class AnswerNoted(BaseModel):
    """An answer of a model: to which task, when, and for which case where it was a bad one."""

    task: str
    at: datetime
    case_id: str = ""


class Spell(BaseModel):
    """Bad answers to one task, from so many messages that they are the provider's: since when, the last one, and how
    many answers in a row fitted since.
    """

    task: str
    since: datetime
    last_bad: datetime
    good: int = 0


class ModelMood(BaseModel):
    """What is known of a model at one address.

    Attributes:
        model: its name, with its provider.
        trouble: what ails it, None where it answers; spells of bad answers are apart.
        since: of the trouble.
        until: when it may be asked again, where it said to wait.
        times: how often in a row it said so, each time after the time that it had named before.
        why: the last error, shortened; at `at`.
        probe: who asks it first after that time; until `probe_until` the others wait for what comes of it.
        told: the ids of the words by which people know.
        bad, good: answers that the rule for spells still looks at.
        resumed_by: who ended the last wait before its time.
        limited_until: calls wait for their slot, by our own limiter; until it is noted again.
    """

    model: str
    trouble: Trouble | None = None
    since: datetime | None = None
    until: datetime | None = None
    times: int = 0
    why: str = ""
    at: datetime | None = None
    probe: str = ""
    probe_until: datetime | None = None
    told: dict[str, str] = Field(default_factory=dict)
    spells: list[Spell] = Field(default_factory=list)
    bad: list[AnswerNoted] = Field(default_factory=list)
    good: list[AnswerNoted] = Field(default_factory=list)
    resumed_by: str = ""
    limited_until: datetime | None = None

    @property
    def answers(self) -> bool:
        """Whether nothing ails it."""
        return self.trouble is None and not self.spells


def held_s(mood: ModelMood, now: datetime) -> float:
    """Return for how long a call is held back, seconds: until the time named, then while somebody else probes; 0: it
    may be made, as a probe where `needs_probe`.
    """
    if not needs_probe(mood) or mood.until is None:
        return 0.0
    if now < mood.until:
        return (mood.until - now).total_seconds()
    if mood.probe_until is not None and now < mood.probe_until:
        return min(BEHIND_PROBE_S, (mood.probe_until - now).total_seconds())
    return 0.0


def needs_probe(mood: ModelMood) -> bool:
    """Return whether one call asks alone before all others: it said to wait, and has not answered since."""
    return mood.trouble is Trouble.TOLD_TO_WAIT


def probing(mood: ModelMood, who: str, now: datetime) -> ModelMood:
    """Let `who` ask first, if nobody else does and the time is up; whose turn it is stands in `probe`."""
    if not needs_probe(mood) or held_s(mood, now) > 0:
        return mood
    return mood.model_copy(update={"probe": who, "probe_until": now + timedelta(seconds=PROBE_S)})


def given_back(mood: ModelMood, who: str) -> ModelMood:
    """End the turn of a probe that learned nothing, such as one that was cancelled."""
    return mood if mood.probe != who else mood.model_copy(update={"probe": "", "probe_until": None})


def refused(mood: ModelMood, why: str, said_s: float | None, now: datetime) -> ModelMood:
    """Note that it said to wait, `said_s` seconds where it named a time.

    Calls that were under way when the first was told are told too: they make the wait longer if they name more, but
    they are no further refusal.
    """
    waits = mood.trouble is Trouble.TOLD_TO_WAIT and mood.until is not None
    if waits and mood.until is not None and now < mood.until:
        until = max(mood.until, now + timedelta(seconds=wait_s(said_s, mood.times)))
        return mood.model_copy(update={"until": until})
    times = mood.times + 1 if waits else 1
    return _ailing(mood, Trouble.TOLD_TO_WAIT, why, now).model_copy(
        update={"until": now + timedelta(seconds=wait_s(said_s, times)), "times": times}
    )


def failed(mood: ModelMood, trouble: Trouble, why: str, now: datetime) -> ModelMood:
    """Note a call that failed for another reason. While a wait lasts it stands: the call was from before."""
    if mood.until is not None and needs_probe(mood) and now < mood.until:
        return mood
    return _ailing(mood, trouble, why, now)


def answered(mood: ModelMood, asked_at: datetime) -> ModelMood:
    """Note an answer to a call that was made at `asked_at`: the trouble is over, unless the call was made before it.

    An answer to a call from before a refusal says nothing about the time that was named after it.
    """
    from_when = mood.until if needs_probe(mood) else mood.at
    if mood.trouble is None or (from_when is not None and asked_at < from_when):
        return mood
    return mood.model_copy(
        update={
            "trouble": None, "since": None, "until": None, "times": 0, "at": None,
            "probe": "", "probe_until": None, "resumed_by": "",
        }
    )  # fmt: skip


def resumed(mood: ModelMood, by: str, now: datetime) -> ModelMood:
    """End a wait now: the next call asks, alone, and the others follow if it is answered."""
    if not needs_probe(mood):
        return mood
    until = now if mood.until is None else min(mood.until, now)
    return mood.model_copy(update={"until": until, "probe": "", "probe_until": None, "resumed_by": by})


def limited(mood: ModelMood, now: datetime) -> ModelMood:
    """Note that calls wait for their slot longer than a call may: no trouble of the model, but of the pace."""
    return mood.model_copy(update={"limited_until": now + timedelta(seconds=LIMITED_S)})


def _ailing(mood: ModelMood, trouble: Trouble, why: str, now: datetime) -> ModelMood:
    since = mood.since if mood.trouble is trouble and mood.since is not None else now
    return mood.model_copy(
        update={
            "trouble": trouble, "since": since, "until": None, "times": 0, "why": why[:WHY_CHARS], "at": now,
            "probe": "", "probe_until": None,
        }
    )  # fmt: skip
