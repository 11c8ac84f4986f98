"""How a model behaves, by address and key, as all workers see it: what ails it, since when, and who may ask it now."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from domain.moods.keys import shown_as
from domain.moods.outages import OPENS_CASES, is_persistent, probe_in_s
from domain.moods.waits import wait_s

PROBE_S = 45.0  # longer than a call may take: a probe that died gives its turn to another one
BEHIND_PROBE_S = 3.0  # whoever comes while one probes comes back after this
WHY_CHARS = 300
LIMITED_S = 30.0
_NOT_OUT: dict[str, object] = {"failures": 0, "failed_cases": [], "out_since": None}


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
    """What is known of a model at one address, asked by one key.

    Attributes:
        model: the row: its name, with its provider, and the mark of the key.
        trouble: what ails it, None where it answers; spells of bad answers are apart.
        since: of the trouble.
        until: when it may be asked again, where it said to wait.
        times: how often in a row it said so, each time after the time that it had named before.
        why: the last error, shortened; at `at`.
        probe: who asks it first after that time; until `probe_until` the others wait for what comes of it.
        told: the ids of the words by which people know.
        bad, good: answers that the rule for spells still looks at.
        resumed_by: who ended the last wait before its time.
        failures: calls that failed in a row; of `failed_cases`, as many of them as matter.
        out_since: it is out: so many failed that it is asked by one call at a time, ever more rarely.
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
    failures: int = 0
    failed_cases: list[str] = Field(default_factory=list)
    out_since: datetime | None = None
    limited_until: datetime | None = None

    @property
    def shown(self) -> str:
        """What people call the model; nothing of the key in it but the name of its variable."""
        return shown_as(self.model)

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
    """Return whether one call asks alone before all others: it said to wait, or is out, and has
    not answered since.
    """
    return mood.trouble is Trouble.TOLD_TO_WAIT or mood.out_since is not None


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


def failed(mood: ModelMood, trouble: Trouble, why: str, now: datetime, case_id: str | None = None) -> ModelMood:
    """Note a call that failed for another reason. While a wait lasts it stands: the call was from before.

    So many in a row that it is out are followed by a wait of our own, longer each time that a probe fails; those
    without a case (None) are never so many.
    """
    if mood.until is not None and needs_probe(mood) and now < mood.until:
        return mood
    after = _ailing(mood, trouble, why, now)
    if trouble is not Trouble.FAILING or case_id is None:
        return after
    goes_on = mood.trouble is Trouble.FAILING
    cases = mood.failed_cases if goes_on else []
    if case_id not in cases and len(cases) < OPENS_CASES:
        cases = [*cases, case_id]
    failures = mood.failures + 1 if goes_on else 1
    after = after.model_copy(update={"failures": failures, "failed_cases": cases})
    if mood.out_since is None and not is_persistent(failures, len(cases)):
        return after
    times = mood.times + 1 if mood.out_since is not None else 1
    until = now + timedelta(seconds=probe_in_s(times))
    return after.model_copy(update={"out_since": mood.out_since or now, "times": times, "until": until})


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
            "probe": "", "probe_until": None, "resumed_by": "", **_NOT_OUT,
        }
    )  # fmt: skip


def resumed(mood: ModelMood, by: str, now: datetime) -> ModelMood:
    """End a wait now: the next call asks, alone, and the others follow if it is answered."""
    if not needs_probe(mood):
        return mood
    until = now if mood.until is None else min(mood.until, now)
    return mood.model_copy(update={"until": until, "probe": "", "probe_until": None, "resumed_by": by})


def replaced(mood: ModelMood) -> ModelMood:
    """Forget what ailed it: nobody asks by that key any more, and people who know of trouble hear that it is over."""
    return ModelMood(model=mood.model, told=mood.told)


def limited(mood: ModelMood, now: datetime) -> ModelMood:
    """Note that calls wait for their slot longer than a call may: no trouble of the model, but of the pace."""
    return mood.model_copy(update={"limited_until": now + timedelta(seconds=LIMITED_S)})


def _ailing(mood: ModelMood, trouble: Trouble, why: str, now: datetime) -> ModelMood:
    since = mood.since if mood.trouble is trouble and mood.since is not None else now
    return mood.model_copy(
        update={
            "trouble": trouble, "since": since, "until": None, "times": 0, "why": why[:WHY_CHARS], "at": now,
            "probe": "", "probe_until": None, **_NOT_OUT,
        }
    )  # fmt: skip
