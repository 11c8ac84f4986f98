"""The story of a case in plain words, for the Web UI's current details; holds no personal data."""

from collections.abc import Sequence

from domain.case import CaseStatus, EffectRecord
from domain.money import format_minor


def money_of(effects: Sequence[EffectRecord]) -> int | None:
    """Return what the effects moved, minor units, or None if no money was moved."""
    moved = [e.amount_minor for e in effects if e.amount_minor is not None]
    return sum(moved) if moved else None


def format_cost(micros: int) -> str:
    """Write a cost in millionths of a US dollar for people.

    >>> format_cost(1230)
    '$0.0012'
    """
    return f"${micros / 1_000_000:.4f}"


def case_details(status: CaseStatus, subject: str) -> str:
    """Return the current details of a case in Markdown: category, decision, money, cost, and what it waits for."""
    lines = [f"**{status.state.replace('_', ' ')}**" + (f" — waits for {status.waits_for}" if status.waits_for else "")]
    if status.waits_until is not None:
        lines.append(f"- until: {status.waits_until:%Y-%m-%d %H:%M} UTC")
    lines.append(f"- category: {status.category or 'none yet'}")
    if subject:
        lines.append(f"- subject: {_plain(subject[:80])}")
    if status.finding:
        lines.append(f"- decision: {_plain(status.finding)}")
    for effect in status.effects:
        money = (
            format_minor(effect.amount_minor, effect.currency)
            if effect.amount_minor is not None and effect.currency
            else ""
        )
        approved = f", approved in {effect.approval_id}" if effect.approval_id else ""
        lines.append(f"- effect: {effect.kind} {money} `{effect.key}`{approved}")
    tokens = status.usage.input_tokens + status.usage.output_tokens
    lines.append(f"- cost: {format_cost(status.usage.cost_micros)} ({status.usage.calls} model calls, {tokens} tokens)")
    lines.append(f"- blueprint: {status.blueprint_version}")
    lines.extend(f"- note: {_plain(note)}" for note in status.notices[-5:])
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Take the Markdown out of a text that came from outside: it is shown to people who click."""
    return " ".join("".join(" " if c in "[]()<>`*_#|!\\" or not c.isprintable() else c for c in text).split())
