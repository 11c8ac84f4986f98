"""Models in order: while the first has an outage, the next stands in for it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from adapters.models.guards.watching import WatchedModel
from domain.cascade.fallback import is_failing, next_of
from domain.model_call import ModelReply, ModelRequest
from domain.moods.mood import PROBE_S
from ports.models.model import LanguageModel


class TierModels:
    """The models of one tier; each has its own mood, price and key.

    A call is made to one of them and fails with it: the next try sees the outage. So a call takes no longer than one
    model may, and a case is never answered by two models at once.

    Args:
        models: two or more, the preferred one first.
        clock: the time in UTC.
    """

    def __init__(
        self, models: Sequence[WatchedModel], clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.models = tuple(models)
        self._clock = clock
        self._asked_again: dict[int, datetime] = {}  # when a failing one is asked by this process next

    async def standing(self) -> tuple[LanguageModel, str]:
        """Return the model to ask now, and which one it stands in for."""
        now = self._clock()
        moods = [await model.watch.mood() for model in self.models]
        for n, mood in enumerate(moods):
            if is_failing(mood, now) and now < self._asked_again.get(n, now):
                moods[n] = mood.model_copy(update={"at": now})  # another call of this process asks it at the moment
        n = next_of(moods, now)
        if is_failing(moods[n], now):
            self._asked_again[n] = now + timedelta(seconds=PROBE_S)
        return self.models[n], self.models[0].watch.model if n else ""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call to the model that stands.

        Raises:
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        model, _ = await self.standing()
        return await model.complete(request)
