"""The story of a case in plain words, for the Web UI's current details; holds no personal data."""

import re
from collections.abc import Sequence

from domain.case import CaseInput, CaseStatus, EffectRecord, Machine
from domain.money.amount import format_minor

_REASON_CHARS = 300
_LONE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


def money_of(effects: Sequence[EffectRecord]) -> int | None:
    """Return what the effects moved, minor units, or None if no money was moved."""
    moved = [e.amount_minor for e in effects if e.amount_minor is not None]
    return sum(moved) if moved else None


def paid_line(effects: Sequence[EffectRecord]) -> str:
    """Return what the effects moved, for people; empty where no money was moved.

    >>> paid_line([EffectRecord(key="k", kind="refund", amount_minor=4500, currency="USD")])
    '45.00 USD'
    """
    moved: dict[str, int] = {}
    for effect in effects:
        if effect.amount_minor is not None and effect.currency:
            moved[effect.currency] = moved.get(effect.currency, 0) + effect.amount_minor
    return ", ".join(format_minor(minor, currency) for currency, minor in moved.items())


def ended_early(reason: str, effects: Sequence[EffectRecord]) -> str:
    """Return how a case ended that was cancelled: by whose word, and what had moved all the same.

    >>> ended_early("closed by ops: drill", [EffectRecord(key="k", kind="refund", amount_minor=4500, currency="USD")])
    'closed by ops: drill; paid: 45.00 USD'
    >>> ended_early("", [])
    'cancelled'
    """
    paid = paid_line(effects)
    return (plain(reason)[:_REASON_CHARS] or "cancelled") + (f"; paid: {paid}" if paid else "")


_MACHINES = {
    Machine.AUTO_REPLY: "an automatic reply",
    Machine.BOUNCE: "a report that a letter did not arrive",
    Machine.RECEIPT: "a receipt",
    Machine.LIST: "a newsletter or a mailing list",
    Machine.OWN: "a letter of our own",
    Machine.CALENDAR: "an answer to an invitation",
}


def unanswered(case: CaseInput) -> str:
    """Return how a case ends that no person wrote."""
    what = _MACHINES.get(case.machine, "an automatic message") if case.machine else "an automatic message"
    about = f", about {case.about_case}" if case.about_case else ""
    return f"closed unanswered: written by a machine ({what}{about})"


def format_cost(micros: int) -> str:
    """Write a cost in millionths of a US dollar for people.

    >>> format_cost(1230)
    '$0.0012'
    """
    return f"${micros / 1_000_000:.4f}"


def told(head: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return Markdown that the Web UI shows as a head and a list; values are stripped of Markdown of their own.

    An empty line stands between all of them, since the Web UI folds single line ends; no code spans, which it drops.
    """
    return "\n\n".join([head, *(f"- {name}: {plain(value)}" for name, value in rows if value)])


def case_details(status: CaseStatus, subject: str) -> str:
    """Return the current details of a case in Markdown: category, decision, money, cost, and what it waits for."""
    waits = f" — waits for {plain(status.waits_for)}" if status.waits_for else ""
    tokens = status.usage.input_tokens + status.usage.output_tokens
    return told(
        f"**{status.state.replace('_', ' ')}**{waits}",
        [
            ("until", f"{status.waits_until:%Y-%m-%d %H:%M} UTC" if status.waits_until else ""),
            ("category", status.category or "none yet"),
            ("subject", subject[:80]),
            ("decision", status.finding),
            *(("effect", effect_line(effect)) for effect in status.effects),
            ("cost", f"{format_cost(status.usage.cost_micros)} ({status.usage.calls} model calls, {tokens} tokens)"),
            ("answered by", "the embedded stand-in, at least in part" if status.usage.degraded else ""),
            ("blueprint", status.blueprint_version),
            *(("note", note) for note in status.notices[-5:]),
        ],
    )


def effect_line(effect: EffectRecord) -> str:
    """Write an effect for people: what it was, the money with its currency, its key, and whose approval it had.

    >>> effect_line(EffectRecord(key="case/shop/1/refund", kind="refund", amount_minor=4500, currency="USD"))
    'refund of 45.00 USD under case/shop/1/refund'
    """
    paid = effect.amount_minor is not None and effect.currency
    money = f" of {format_minor(effect.amount_minor or 0, effect.currency or '')}" if paid else ""
    approved = f", approved in {effect.approval_id}" if effect.approval_id else ""
    return f"{effect.kind}{money} under {effect.key}{approved}"


def plain(text: str) -> str:
    """Take the Markdown out of a text that came from outside: it is shown to people who click."""
    shown = _LONE_UNDERSCORE.sub(" ", text)  # within a word it marks nothing, and ids are copied from here
    return " ".join("".join(" " if c in "[]<>`*#|!\\" or not c.isprintable() else c for c in shown).split())
