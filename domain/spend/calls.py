"""One attempt of a call, from its reservation to what it cost.

held -> sent -> done            the answer says what was used
held -> released                it was never sent
sent -> unknown -> done         nobody heard of it: charged in full; a late answer corrects that once
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple


class CallState(StrEnum):
    """Where an attempt stands."""

    HELD = "held"
    SENT = "sent"
    DONE = "done"
    RELEASED = "released"
    UNKNOWN = "unknown"


class Movement(NamedTuple):
    """What a change does to each account: what it adds to `used`, takes from `held`, and what then counts as used."""

    state: CallState
    used: int
    held: int
    charged: int


def settle(state: CallState, reserved: int, actual: int) -> Movement | None:
    """Return what an answer changes; None where it is known already. An answer shows that the call was sent.

    >>> settle(CallState.SENT, 100, 30)
    Movement(state=<CallState.DONE: 'done'>, used=30, held=100, charged=30)
    >>> settle(CallState.UNKNOWN, 100, 30)
    Movement(state=<CallState.DONE: 'done'>, used=-70, held=0, charged=30)
    """
    match state:
        case CallState.HELD | CallState.SENT:
            return Movement(CallState.DONE, actual, reserved, actual)
        case CallState.UNKNOWN:
            return Movement(CallState.DONE, actual - reserved, 0, actual)
    return None


def release(state: CallState, reserved: int) -> Movement | None:
    """Return what letting go changes; None unless it was never sent: silence never refunds."""
    return Movement(CallState.RELEASED, 0, reserved, 0) if state is CallState.HELD else None


def give_up(state: CallState, reserved: int) -> Movement | None:
    """Return what it changes that nobody will hear of a call, because its lease ran out or it was cut off."""
    if state is CallState.SENT:
        return Movement(CallState.UNKNOWN, reserved, reserved, reserved)
    return release(state, reserved)


LEASE = timedelta(minutes=65)
"""A call of which nothing was heard for so long, more than any answer may take, is charged in full; it is held in full
until then, so a budget has no more of it than after."""
KEPT = timedelta(days=90)
"""So long budgets are kept after their day, and calls two days longer: what the audit compares is there or not there
together."""
FRAME_TOKENS = 16
WORST_RATIO = 4.0


def tokens_at_most(texts: Sequence[str], schema: str = "") -> int:
    """Return how many tokens messages and the schema of their answer have at most, roughly.

    A third of the bytes of a text, half of those of a schema, which is full of signs that are tokens by themselves,
    and some for the frame of each.

    >>> tokens_at_most(["abc", "ü"]), tokens_at_most(["abc"], "{}"), tokens_at_most([])
    (50, 34, 16)
    """
    in_texts = -(-sum(map(_bytes, texts)) // 3)
    return in_texts + -(-_bytes(schema) // 2) + FRAME_TOKENS * (len(texts) + 1)


def ratio_of(actual: int, estimate: int, before: float) -> float:
    """Return by how much an estimate is too low at worst, from what a call used and what was known before.

    >>> ratio_of(150, 100, 1.0), ratio_of(90, 100, 1.2), ratio_of(10_000, 100, 1.0)
    (1.5, 1.2, 4.0)
    """
    return min(max(before, actual / max(estimate, 1)), WORST_RATIO)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
