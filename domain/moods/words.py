"""What people are told of a provider's trouble: one word for each cause, not for each case, and one when it is over."""

from datetime import datetime

from domain.moods.mood import ModelMood, Trouble
from domain.words_to_people import WordKind, WordToPeople

TELL_AFTER_S = 60.0  # a shorter wait or outage is nobody's matter: cases wait it out
_SPELL = "bad_answers/"

_SAID = {
    Trouble.TOLD_TO_WAIT: "says to wait",
    Trouble.FAILING: "does not answer",
    Trouble.MISCONFIGURED: "takes none of our calls",
}
_REMEDY = {
    Trouble.TOLD_TO_WAIT: "Cases wait, and lose no try. `headgate models resume` asks now.",
    Trouble.FAILING: "Cases climb the ladder; what becomes a dead letter is replayed with `headgate dlq replay "
    "--reason provider_down`.",
    Trouble.MISCONFIGURED: "Its cases become dead letters: mend the key, the account or the model's name, then "
    "`headgate dlq replay --reason configuration`.",
}

_IF_OUT = (
    "Its cases park without a call and lose no try; one call now and then asks whether it is back, and they come back "
    "gradually. `headgate models resume` asks now."
)
_OF_A_SPELL = (
    "Such steps are tried again on the ladder; the first few messages are with people: `headgate cases route --all "
    "--finding TEXT CATEGORY`."
)


def telling(mood: ModelMood, waiting: int, now: datetime) -> tuple[ModelMood, list[WordToPeople]]:
    """Return the mood with what people know by now, and the words that are new; `waiting` counts its cases."""
    words: list[WordToPeople] = []
    told = dict(mood.told)
    for cause, since, subject, text in _causes(mood, now):
        if cause not in told:
            told[cause] = f"model/{mood.shown}/{cause}/{since:%Y-%m-%dT%H:%M:%S.%fZ}"
            words.append(_word(told[cause], mood.shown, subject, f"{text} Cases so far: {waiting}.", waiting, now))
    over = [cause for cause in told if _is_over(mood, cause)]
    for cause in over:
        told_as = told.pop(cause)
        last = all(cause.startswith(_SPELL) or c.startswith(_SPELL) for c in told)
        if cause.startswith(_SPELL) or last:  # of several troubles in a row the end is told once
            what = f"fits again ({cause.removeprefix(_SPELL)})" if cause.startswith(_SPELL) else "answers again"
            text = f"{_ever(waiting)} They go on by themselves."
            words.append(_word(f"{told_as}/over", mood.shown, f"model {mood.shown} {what}", text, waiting, now))
    return mood.model_copy(update={"told": told}), words


def _causes(mood: ModelMood, now: datetime) -> list[tuple[str, datetime, str, str]]:
    """Return what people should know of: its cause, since when, and what is said of it."""
    found = []
    if mood.trouble is not None and mood.since is not None and _lasts(mood, now):
        until = f" until {mood.until:%Y-%m-%d %H:%M:%S} UTC" if mood.until and mood.out_since is None else ""
        subject = f"model {mood.shown} {_SAID[mood.trouble]}{until}"
        remedy = _IF_OUT if mood.out_since is not None else _REMEDY[mood.trouble]
        found.append((str(mood.trouble), mood.since, subject, f"{mood.why}. {remedy}"))
    for spell in mood.spells:
        subject = f"model {mood.shown} answers {spell.task} badly, message after message"
        text = f"Since {spell.since:%H:%M:%S} UTC. {_OF_A_SPELL}"
        found.append((f"{_SPELL}{spell.task}", spell.since, subject, text))
    return found


def _lasts(mood: ModelMood, now: datetime) -> bool:
    if mood.trouble is Trouble.MISCONFIGURED or mood.since is None:
        return True
    return (max(mood.until or now, now) - mood.since).total_seconds() >= TELL_AFTER_S


def _is_over(mood: ModelMood, cause: str) -> bool:
    if cause.startswith(_SPELL):
        return all(spell.task != cause.removeprefix(_SPELL) for spell in mood.spells)
    return mood.trouble is None


def _ever(waiting: int) -> str:
    return f"Cases that waited: {waiting}."


def _word(word_id: str, model: str, subject: str, text: str, waiting: int, now: datetime) -> WordToPeople:
    data = {"model": model, "cases": str(waiting)}
    return WordToPeople(word_id=word_id, kind=WordKind.MODEL, case_id="", subject=subject, text=text, data=data, at=now)
