"""A Redis that is asked for some milliseconds and then left alone: what uses it goes on without."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.exceptions import RedisError

ANSWERS_WITHIN_S = 0.25  # no question waits longer for Redis
ASK_AGAIN_S = 1.0  # so long Redis is left alone after it did not answer

Said = TypeVar("Said")


class CacheServer:
    """Asks, and says once when Redis goes away and when it is back.

    Args:
        within_s: how long a question waits for it, seconds.
        clock: of the pauses between attempts to reach it, seconds.
    """

    def __init__(self, within_s: float = ANSWERS_WITHIN_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.within_s = within_s
        self.clock = clock
        self._away_until = float("-inf")
        self._away = False
        self._logger = structlog.get_logger("headgate.cache")

    async def ask(self, work: Callable[[], Awaitable[Said]], within_s: float | None = None) -> Said | None:
        """Return what Redis says; None if it does not answer."""
        if self.clock() < self._away_until:
            return None
        try:
            async with asyncio.timeout(within_s or self.within_s):
                said = await work()
        except (TimeoutError, RedisError, OSError) as error:
            self._away_until = self.clock() + ASK_AGAIN_S
            if not self._away:
                self._away = True
                self._logger.warning("the answer cache does not answer: all questions are asked", why=why(error))
            return None
        if self._away:
            self._away = False
            self._logger.info("the answer cache answers again")
        return said


def why(error: Exception) -> str:
    """Return what an error says, or at least what it is."""
    return str(error) or f"no answer ({type(error).__name__})"
