"""After a 429, every call of this process to that model fails fast until the time that the provider named."""

import random
import time
from collections.abc import Callable

import structlog

from adapters.models.wires.retry_after import LONGEST_S
from domain.errors import ToldToWaitError
from domain.model_call import ModelReply, ModelRequest
from ports.model import LanguageModel

SPREAD_S = 2.0
"""Calls that wait for the same moment come back spread over this many seconds after it, never before."""


class Pause:
    """Until when a model at one address is left alone; shared by all who ask it there, in one event loop.

    Only time ends it. An answer that arrives meanwhile is to a call from before the refusal, and says nothing about
    the time that was named after it.

    Args:
        clock: seconds that only go forward.
        chance: a number from 0 to 1, for the spread.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._until = 0.0
        self._why = ""
        self._logger = structlog.get_logger("headgate.models")

    def check(self) -> None:
        """Let a call pass unless it is too early.

        Raises:
            ToldToWaitError: a call before this one was told to wait, and the time is not up.
        """
        left = self._until - self._clock()
        if left > 0:
            raise ToldToWaitError(f"not asked, a call before was told to wait: {self._why}", self._spread(left))

    def begin(self, told: ToldToWaitError) -> ToldToWaitError:
        """Hold back all calls until the time that was named; a longer pause under way stays.

        Returns:
            the error for the call that was told: it comes back with the others.
        """
        now = self._clock()
        until = now + min(max(told.wait_seconds, 0.0), LONGEST_S)
        if self._until <= now < until:  # those that were under way are told too: one line is enough
            self._logger.warning("a model is left alone", seconds=round(until - now, 3), why=str(told))
        if until > self._until:
            self._until, self._why = until, str(told)
        return ToldToWaitError(str(told), self._spread(max(self._until - now, 0.0)))

    def _spread(self, seconds: float) -> float:
        return seconds + self._chance() * SPREAD_S


class PausingModel:
    """A `LanguageModel` that is not asked while its pause lasts: the call fails at once and its slot is free.

    Args:
        model: what is asked otherwise.
        pause: one object for all models of the same name at the same address.
    """

    def __init__(self, model: LanguageModel, pause: Pause) -> None:
        self.model = model
        self.pause = pause

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call, unless it is too early.

        Raises:
            ToldToWaitError: the provider says to wait, or said so to a call before.
            TransientError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        self.pause.check()
        try:
            return await self.model.complete(request)
        except ToldToWaitError as e:
            raise self.pause.begin(e) from e
