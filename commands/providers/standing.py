"""How the models stand that are in use: the document of `headgate models status`, and one line each for people."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError, UsageError
from domain.moods.mood import ModelMood, Trouble

if TYPE_CHECKING:
    from ports.models.moods import KnownMood
    from workers.bootstrap import Parts

ANSWERING = "answering"


async def models_standing(parts: "Parts") -> dict[str, object]:
    """Return the profile and its models with their state; others only where something ails them.

    A blueprint that cannot be read is said to be so: what the store knows is shown without it.
    """
    tiers: dict[str, list[str]] = {}
    unread = ""
    try:
        for tier, order in parts.blueprint.models.get(parts.settings.models, {}).items():
            for n, choice in enumerate(order):
                tiers.setdefault(choice.asked_as, []).append(f"{tier}, stands in" if n else str(tier))
    except (ConfigurationError, UsageError) as error:
        unread = str(error)
    moods: dict[str, list[KnownMood]] = {name: [] for name in tiers}
    for known in await asyncio.to_thread(parts.moods.all_known):
        if known.mood.shown in tiers or not known.mood.answers:
            moods.setdefault(known.mood.shown, []).append(known)
    rows = []
    for name, found in moods.items():  # of several keys that one variable has, each that something ails
        ailing = [known for known in found if not known.mood.answers]
        rows += [row_of(name, tiers.get(name, []), known) for known in ailing or found[:1]]
        if not found:
            rows.append(row_of(name, tiers[name], None))
    document: dict[str, object] = {"profile": parts.settings.models, "models": rows}
    return document | {"blueprint_unread": unread} if unread else document


def row_of(name: str, tiers: list[str], known: "KnownMood | None") -> dict[str, object]:
    """Return one model: which tiers it serves, its state, until and since when, its last error, and who waits."""
    mood = known.mood if known is not None else ModelMood(model=name)
    since = [mood.since] if mood.trouble and mood.since else [spell.since for spell in mood.spells]
    return {
        "model": name,
        "tiers": tiers,
        "state": state_of(mood),
        "until": _time(mood.until),
        "since": _time(min(since, default=None)),
        "probing": bool(mood.probe),
        "resumed_by": mood.resumed_by,
        "last_error": mood.why,
        "bad_answers": {spell.task: _time(spell.since) for spell in mood.spells},
        "cases_waiting": known.waiting if known is not None else 0,
    }


def state_of(mood: ModelMood) -> str:
    """Return the state in one word: `answering`, or what ails it."""
    if mood.trouble is not None:
        return str(mood.trouble)
    return str(Trouble.BAD_ANSWERS) if mood.spells else ANSWERING


def line_of(row: dict[str, object]) -> str:
    """Write a model's state in one line.

    >>> line_of(row_of("openai gpt-x", ["small"], None))
    'openai gpt-x (small): answering'
    """
    tiers = row["tiers"]
    serves = f" ({', '.join(tiers)})" if isinstance(tiers, list) and tiers else " (not in this profile)"
    line = f"{row['model']}{serves}: {str(row['state']).replace('_', ' ')}"
    if row["state"] == ANSWERING:
        return line
    bad = row["bad_answers"]
    about = f" to {', '.join(bad)}" if isinstance(bad, dict) and bad else ""
    until = f" until {row['until']}" if row["until"] else ""
    probing = ", one call asks now" if row["probing"] else ""
    return f"{line}{about}{until}, since {row['since']}, {row['cases_waiting']} cases wait{probing}"


def _time(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
