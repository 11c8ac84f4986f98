"""Batches as the offline model keeps them: in memory, the last ones only, ended as soon as they are looked at."""

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from domain.errors import BadRequestError

KEPT = 64
MOST_ITEMS = 10_000
MOST_BYTES = 64 * 1024 * 1024
PAGE = 20

# Any: the wires' own free-form JSON.
Body = dict[str, Any]
Answerer = Callable[[str, Body], Awaitable[tuple[int, Body]]]
"""Returns status and body of the reply to one question, which has an id."""


class BatchMode(StrEnum):
    """What goes wrong with a batch."""

    STUCK = "batch_stuck"  # it never ends by itself
    EXPIRES = "batch_expires"  # only its first question is answered, its day is over for the others
    ITEM_FAILS = "batch_item_fails"  # its first question gets an error
    ITEM_LOST = "batch_item_lost"  # no result names its first question
    FAILS = "batch_fails"  # it is not taken, by OpenAI's wire only afterwards
    NO_REPLY = "batch_no_reply"  # it is taken, but the reply to that is lost (504)


Conduct = Callable[[], tuple[BatchMode | None, int]]
"""Tells how the next batch goes wrong, and how often it may be looked at before it ends."""
Error = Callable[[str, str], Body]
"""Writes an error body of the wire."""


@dataclass
class KeptBatch:
    """One batch; `ends` is empty until it has ended: by question the reply, or `canceled`, or `expired`."""

    number: str
    items: dict[str, Body]
    mode: BatchMode | None
    looks_left: int
    about: Body
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ends: dict[str, tuple[int, Body] | str] = field(default_factory=dict)
    has_ended: bool = False
    cancelled: bool = False

    def count(self, *ends: str) -> int:
        """Return how many ended so: `succeeded`, `errored`, `canceled` or `expired`."""
        return sum(_named(end) in ends for end in self.ends.values())

    def listed(self) -> dict[str, tuple[int, Body] | str]:
        """Return the ends that the results name."""
        lost = next(iter(self.items), None) if self.mode is BatchMode.ITEM_LOST else None
        return {item_id: end for item_id, end in self.ends.items() if item_id != lost}


def _named(end: tuple[int, Body] | str) -> str:
    if isinstance(end, str):
        return end
    return "succeeded" if end[0] == 200 else "errored"


class KeptBatches:
    """The batches of one wire.

    Args:
        conduct: how they go wrong.
        answer: the model.
        error: for a question that is told to fail.
    """

    def __init__(self, conduct: Conduct, answer: Answerer, error: Error) -> None:
        self._conduct = conduct
        self._answer = answer
        self._error = error
        self._kept: OrderedDict[str, KeptBatch] = OrderedDict()

    def take(self, items: list[tuple[object, object]], about: Body, named: str) -> KeptBatch:
        """Take a batch of ids and requests.

        Raises:
            BadRequestError: an id is none or stands twice, a request is none, or there are none or too many.
        """
        if not 0 < len(items) <= MOST_ITEMS:
            raise BadRequestError(f"the batch has {len(items)} requests, expected 1 to {MOST_ITEMS}", "requests")
        kept: dict[str, Body] = {}
        for item_id, body in items:
            if not isinstance(item_id, str) or not 0 < len(item_id) <= 64 or item_id in kept:
                raise BadRequestError(f"'custom_id': {item_id!r:.100} is no id, or stands twice", "custom_id")
            if not isinstance(body, dict) or body.get("stream"):
                raise BadRequestError(f"the request {item_id!r} is no object, or asks for a stream", "requests")
            kept[item_id] = body
        mode, looks = self._conduct()
        batch = KeptBatch(f"{named}{secrets.token_hex(12)}", kept, mode, looks, about)
        self._kept[batch.number] = batch
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return batch

    async def look(self, number: str) -> KeptBatch | None:
        """Return a batch, which ends now if it is time; None where there is none of that number."""
        batch = self._kept.get(number)
        if batch is None or batch.has_ended:
            return batch
        if batch.cancelled:
            self._end(batch, dict.fromkeys(batch.items, "canceled"))
        elif batch.mode is not BatchMode.STUCK and batch.looks_left <= 0:
            self._end(batch, {item_id: await self._end_of(batch, item_id) for item_id in batch.items})
        batch.looks_left -= 1
        return batch

    def cancel(self, number: str) -> KeptBatch | None:
        """Note that a batch is to be stopped: nothing of it is answered then. One that has ended stays as it is."""
        batch = self._kept.get(number)
        if batch is not None and not batch.has_ended:
            batch.cancelled = True
        return batch

    def newest(self, after: str | None) -> tuple[list[KeptBatch], bool]:
        """Return a page of batches, the newest first, those before `after`; and whether there are more."""
        numbers = [*reversed(self._kept)]
        start = numbers.index(after) + 1 if after is not None and after in self._kept else 0
        page = numbers[start : start + PAGE]
        return [self._kept[number] for number in page], len(numbers) > start + PAGE

    async def _end_of(self, batch: KeptBatch, item_id: str) -> tuple[int, Body] | str:
        first = item_id == next(iter(batch.items))
        if batch.mode is BatchMode.EXPIRES and not first:
            return "expired"
        if batch.mode is BatchMode.ITEM_FAILS and first:
            return 500, self._error("told to fail", "api_error")
        return await self._answer(item_id, batch.items[item_id])

    @staticmethod
    def _end(batch: KeptBatch, ends: dict[str, tuple[int, Body] | str]) -> None:
        if not batch.has_ended:  # two looked at once
            batch.ends, batch.has_ended = ends, True
