"""When a question goes into a batch, and when its step asks live instead."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.batches.owed import ItemEnd
from domain.model_call import Price
from domain.model_steps import ModelStep
from domain.turns import Priority

WINDOW_S = 86_400.0
"""Both providers end a batch after a day, answered or not."""
_LIVE_SHARE = 0.25
_LIVE_AT_MOST_S = 3600.0  # no live answer may take longer


class BatchRules(BaseModel):
    """How work that may wait is asked; without `steps` everything is asked live.

    Attributes:
        steps: the questions that go into batches.
        deadline_s: how long a step may take from its question on, seconds. The last quarter of it, an hour at most, is
            for asking live.
        look_every_s: how often batches are sent and looked after, seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: tuple[ModelStep, ...] = ()
    deadline_s: float = Field(default=21_600.0, ge=600, le=WINDOW_S, allow_inf_nan=False)
    look_every_s: float = Field(default=300.0, ge=10, le=3600, allow_inf_nan=False)


def goes_to_batch(rules: BatchRules, step: ModelStep, priority: Priority, price: Price, *, asked: int = 0) -> bool:
    """Return whether a question goes into a batch.

    Args:
        rules: the blueprint's.
        step: whose question it is.
        priority: of its case.
        price: of its model on the day; one without a price for batches is asked live.
        asked: answers that the step had already: only its first question may wait, an objection to an answer and the
            denser tier are asked live, so that a step waits for one batch at most.
    """
    return step in rules.steps and priority is Priority.MAY_WAIT and price.batch is not None and asked == 0


def live_at(rules: BatchRules, since: datetime) -> datetime:
    """Return from when on a question is asked live that was put to a batch at `since`.

    >>> live_at(BatchRules(deadline_s=21_600), datetime(2026, 1, 1)), live_at(BatchRules(deadline_s=600), datetime.min)
    (datetime.datetime(2026, 1, 1, 5, 0), datetime.datetime(1, 1, 1, 0, 7, 30))
    """
    kept_s = min(rules.deadline_s * _LIVE_SHARE, _LIVE_AT_MOST_S)
    return since + timedelta(seconds=rules.deadline_s - kept_s)


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
