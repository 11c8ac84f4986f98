"""Tell people what waits in the outbox of words, at a pace that they can read."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.heartbeat import heartbeating
from domain.dead_letters.telling import counts_of
from domain.errors import ConfigurationError, ToldToWaitError, TransientError
from domain.words_to_people import PER_MINUTE, MessageToPeople, next_message, next_try_s, next_turn_s, put_off_s, rest_s
from ports.people import Notifier, WordStore

WHY_CHARS = 300


class TellRequest(BaseModel):
    """`limit` words are looked at together, `idle_s` seconds between looks at an empty outbox, for at most `max_s`.

    `failures` in a row and the times of the last messages, `sent_at`, come from the look before.
    """

    limit: int = Field(default=500, ge=1)
    idle_s: float = Field(default=1.0, gt=0)
    max_s: float = Field(default=60.0, gt=0)
    failures: int = 0
    sent_at: list[datetime] = Field(default_factory=list)


class TellResult(BaseModel):
    """How many words were told; after a failure why it was, and how long to wait, seconds."""

    told: int = 0
    failures: int = 0
    trouble: str = ""
    wait_s: float = 0.0
    sent_at: list[datetime] = Field(default_factory=list)


class TellActivities:
    """The activity of `TellWorkflow`."""

    def __init__(
        self,
        words: WordStore,
        notifier: Notifier,
        clock: Clock = utc_now,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._words = words
        self._notifier = notifier
        self._clock = clock
        self._pause = pause

    @activity.defn
    async def tell_people(self, request: TellRequest) -> TellResult:
        """Send what waits until the time is up, a message is not taken, or the worker shuts down.

        A word counts as told only after it was sent: a crash in between repeats it, under the same id.

        Raises:
            TransientError: the store cannot be reached.
        """
        ends_at = time.monotonic() + request.max_s
        result = TellResult(failures=request.failures, sent_at=request.sent_at)
        shutdown = asyncio.ensure_future(activity.wait_for_worker_shutdown())
        try:
            async with heartbeating():
                while True:
                    pause_s = await self._look(request, result)
                    left = ends_at - time.monotonic()
                    if result.wait_s > 0 or left <= 0 or shutdown.done():
                        return result
                    await self._rest(min(pause_s, left), shutdown)
        finally:
            shutdown.cancel()

    async def _look(self, request: TellRequest, result: TellResult) -> float:
        """Send one message if one is due; return how long until the next look, seconds."""
        now = self._clock()
        pause_s = rest_s(result.sent_at, now)
        if pause_s > 0:
            return pause_s
        words = await asyncio.to_thread(self._words.untold, request.limit, now)
        message = next_message(words)
        if message is None:
            return request.idle_s
        result.sent_at = [*result.sent_at, now][-PER_MINUTE:]
        try:
            await self._notifier.send(message.subject, message.text, message.data)
        except Exception as error:  # noqa: BLE001 - a word that meets a bug must not hold up the others
            await self._failed(message, words[0].refusals, error, result)
            return 0.0
        await asyncio.to_thread(self._words.told, message.word_ids, self._clock(), counts_of(words))
        result.told += len(message.word_ids)
        result.failures, result.trouble = 0, ""
        return 0.0

    async def _failed(self, message: MessageToPeople, refusals: int, error: Exception, result: TellResult) -> None:
        """Record a message that was not taken: for its own sake it is put off, else all of them wait.

        A hook may also be down for one message only. So after some tries another one has its turn.
        """
        outage = isinstance(error, TransientError | ToldToWaitError | ConfigurationError)
        result.trouble = f"{type(error).__name__}: {error}"[:WHY_CHARS]
        result.failures += 1
        said_s = error.wait_seconds if isinstance(error, ToldToWaitError) else None
        result.wait_s = next_try_s(result.failures, said_s)
        off_s = put_off_s(refusals + 1) if not outage else next_turn_s(result.failures, result.wait_s)
        again_at = self._clock() + timedelta(seconds=off_s) if off_s else None
        await asyncio.to_thread(
            self._words.failed, message.word_ids, result.trouble, again_at=again_at, refused=not outage
        )

    async def _rest(self, seconds: float, shutdown: "asyncio.Future[None]") -> None:
        pausing = asyncio.ensure_future(self._pause(seconds))
        try:
            await asyncio.wait([shutdown, pausing], return_when=asyncio.FIRST_COMPLETED)
        finally:
            pausing.cancel()
