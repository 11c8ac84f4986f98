"""When a question goes into a batch, and when its step asks live instead."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel

from domain.batches.owed import ItemEnd
from domain.model_call import Price
from domain.model_steps import BatchRules

_LIVE_SHARE = 0.25
_LIVE_AT_MOST_S = 3600.0  # no live answer may take longer
_SPREAD_AT_MOST_S = 600.0


class BatchesState(BaseModel):
    """State of `BatchesWorkflow`: how many batches were sent, and how many have ended."""

    sent: int = 0
    ended: int = 0


def goes_to_batch(rules: BatchRules, step: str, price: Price, *, may_wait: bool) -> bool:
    """Return whether a question goes into a batch.

    Args:
        rules: the blueprint's.
        step: whose question it is.
        price: of its model on the day; one without a price for batches is asked live.
        may_wait: its case may, and it is the step's first question: an objection to an answer and the denser tier are
            asked live, so that a step waits for one batch at most.
    """
    return may_wait and step in rules.steps and price.batch is not None


def live_at(rules: BatchRules, since: datetime) -> datetime:
    """Return from when on a question is asked live that was put to a batch at `since`.

    >>> live_at(BatchRules(deadline_s=21_600), datetime(2026, 1, 1)), live_at(BatchRules(deadline_s=3600), datetime.min)
    (datetime.datetime(2026, 1, 1, 5, 0), datetime.datetime(1, 1, 1, 0, 45))
    """
    kept_s = min(rules.deadline_s * _LIVE_SHARE, _LIVE_AT_MOST_S)
    return since + timedelta(seconds=rules.deadline_s - kept_s)


class NextLook(NamedTuple):
    """When a step looks again whether its answer is there: at `at` at the earliest, or up to `spread_s` seconds later,
    so that not all look at once.
    """

    at: datetime
    spread_s: float


def next_look(rules: BatchRules, since: datetime, now: datetime) -> NextLook:
    """Return when a step looks again: rarer, the longer it waits, and as soon as it is to ask live.

    >>> at = datetime(2026, 1, 1)
    >>> looks = [next_look(BatchRules(), at, at + timedelta(hours=h)) for h in (0, 1, 3, 4)]
    >>> [(str(look.at - at), look.spread_s) for look in looks]
    [('0:10:00', 600.0), ('1:30:00', 600.0), ('4:30:00', 600.0), ('5:00:00', 600.0)]
    """
    wait = max(timedelta(seconds=2 * rules.look_every_s), (now - since) / 2)
    at = min(now + wait, live_at(rules, since))
    return NextLook(at, min(max((at - now).total_seconds(), 0.0), _SPREAD_AT_MOST_S))


class Move(StrEnum):
    """What a step does about its question."""

    WAIT = "wait"
    USE = "use"  # its answer
    ASK_LIVE = "ask_live"


def next_move(rules: BatchRules, since: datetime, end: ItemEnd | None, now: datetime, *, live: bool) -> Move:
    """Return what a step does.

    Args:
        rules: the blueprint's.
        since: when the question was put to a batch.
        end: what came of it; None: nothing yet.
        now: the time.
        live: the step went over to asking live: there is no way back, or one question would be acted on twice.
    """
    if live:
        return Move.ASK_LIVE
    if end is ItemEnd.ANSWERED:  # however late: it is paid for, and nobody has asked again
        return Move.USE
    if end is not None or now >= live_at(rules, since):
        return Move.ASK_LIVE
    return Move.WAIT


def to_be_cancelled(waiting: Collection[bool]) -> bool:
    """Return whether a batch under way is cancelled: once no step waits for any of its answers.

    One that is late for some goes on for the others: whatever is cancelled too soon is asked, and paid, again.

    Args:
        waiting: of each of its questions, whether its step waits still.
    """
    return bool(waiting) and not any(waiting)
