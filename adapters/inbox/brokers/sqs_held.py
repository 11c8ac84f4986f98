"""What this process holds in queues of SQS, for as long as it takes."""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from adapters.inbox.brokers.sqs_faults import sqs_faults
from adapters.inbox.brokers.sqs_queues import SqsQueues
from domain.errors import HeadgateError, TransientError

_LOG = logging.getLogger("headgate.inbox")

_BATCH = 10  # SQS takes no more at once
# What is another one's by now, or gone: nothing to be done.
_NOT_OURS = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight", "InvalidReceiptHandle")


class SqsHandle(NamedTuple):
    """A message in a queue, by the name that it has for this delivery only."""

    queue: str
    receipt: str


class SqsHolding:
    """What is held is hidden from others for `held_s` seconds, again and again."""

    def __init__(self, queues: SqsQueues, held_s: int) -> None:
        self._queues = queues
        self._held_s = held_s
        self._held: dict[SqsHandle, float] = {}
        self._closing = asyncio.Event()
        self._beat: asyncio.Task[None] | None = None

    def hold(self, handles: Iterable[SqsHandle]) -> None:
        """Hold what was just received."""
        # The first of them may have come when the call began.
        self._held.update(dict.fromkeys(handles, time.monotonic() + self._held_s - self._queues.call_s))
        if self._beat is None and self._held:
            self._closing.clear()
            self._beat = asyncio.create_task(self._keep())

    def let_go(self, handles: Iterable[SqsHandle]) -> None:
        """Go on holding these no longer: unless they were settled, they come again."""
        for handle in handles:
            self._held.pop(handle, None)

    async def delete(self, handles: list[SqsHandle]) -> None:
        """Delete messages.

        Raises:
            TransientError: some may be there still.
        """
        await self._change(handles, "delete_message_batch", {})

    async def show(self, handles: list[SqsHandle]) -> None:
        """Let others take messages, at once.

        Raises:
            TransientError: some are for others only in a while.
        """
        await self._hide(handles, 0)

    async def leave(self) -> None:
        """Let others take all of it."""
        if self._beat is not None:
            self._closing.set()
            await self._beat
        self._beat = None
        with suppress(HeadgateError):  # they are for others in a while
            await self.show(list(self._held))
        self._held.clear()

    async def _hide(self, handles: list[SqsHandle], seconds: int) -> list[SqsHandle]:
        return await self._change(handles, "change_message_visibility_batch", {"VisibilityTimeout": seconds})

    async def _change(self, handles: list[SqsHandle], operation: str, more: dict[str, object]) -> list[SqsHandle]:
        """Do something to messages; return those that are not ours any more."""

        async def change(batch: list[SqsHandle]) -> list[SqsHandle]:
            entries = [{"Id": str(n), "ReceiptHandle": handle.receipt, **more} for n, handle in enumerate(batch)]
            async with sqs_faults(self._queues):
                answer = await self._queues.ask(operation, QueueUrl=batch[0].queue, Entries=entries)
            failed = answer.get("Failed", [])
            for entry in failed:
                if not str(entry.get("Code", "")).endswith(_NOT_OURS):
                    raise TransientError(f"SQS: {entry.get('Code')}: {entry.get('Message')}")
            return [batch[int(entry["Id"])] for entry in failed]

        results = await asyncio.gather(*map(change, _batches(handles)), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [handle for result in results if isinstance(result, list) for handle in result]

    async def _keep(self) -> None:
        """Go on holding what is held, for as long as the process lives."""
        trouble = False
        while not self._closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._held_s / 6)
            now = time.monotonic()
            soon = [handle for handle, until in self._held.items() if until - now < self._held_s * 2 / 3]
            try:
                gone = await self._hide(soon, self._held_s)
            except HeadgateError as e:
                if not trouble:
                    _LOG.warning("what is held at the broker may come to others, trying again: %s", e)
                trouble = True
                continue
            trouble = False
            for handle in soon:
                if handle in self._held:
                    self._held[handle] = now + self._held_s
            self.let_go(gone)


def _batches(handles: Iterable[SqsHandle]) -> list[list[SqsHandle]]:
    queues: dict[str, list[SqsHandle]] = {}
    for handle in handles:
        queues.setdefault(handle.queue, []).append(handle)
    return [of_one[n : n + _BATCH] for of_one in queues.values() for n in range(0, len(of_one), _BATCH)]
