"""Models that are watched: one that says to wait, or is out, is left alone by all workers, until one call has asked it
again.
"""

import asyncio
import math
import random
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from domain.errors import ConfigurationError, ProviderOutError, ToldToWaitError, TransientError, UnsupportedTaskError
from domain.model_call import ModelReply, ModelRequest
from domain.moods import mood as moods
from domain.moods.keys import shown_as, takes_over
from domain.moods.mood import ModelMood, Trouble
from domain.moods.outages import OUTAGE_S, look_again_s
from domain.moods.spells import NOTED_AT_MOST, WINDOW_S, in_spell, with_bad, with_good
from domain.moods.waits import back_in_s, spread_s
from ports.models.model import LanguageModel
from ports.models.moods import KnownMood, MoodStore

NOTE_LIMITED_EVERY_S = 10.0
TAKE_OVER_AGAIN_S = 60.0
LOOK_EVERY_S = 0.5  # so much later a worker learns what another one was told


class Watch:
    """What one process knows of a model, address and key; shared by all who ask it so, in one event loop.

    The store has the truth, so that all processes know it. While the store cannot be reached each goes by what it was
    told itself.

    Args:
        row: of the model and its key (`domain/moods/keys.py`).
        store: of all moods.
        clock: the time in UTC.
        chance: a number from 0 to 1, for the spread.
        outage_s: how long cases wait for a model that is out; 0: it never counts as out.
    """

    def __init__(
        self,
        row: str,
        store: MoodStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
        outage_s: float = OUTAGE_S,
    ) -> None:
        self.model = shown_as(row)
        self._row = row
        self._takes_over_at = float("-inf")
        self._outage_s = outage_s
        self._store = store
        self._clock = clock
        self._chance = chance
        self._known = KnownMood(mood=ModelMood(model=row))
        self._shared = True  # the store knows what this process knows
        self._looked_at = float("-inf")
        self._limited_at = float("-inf")
        self._turn = asyncio.Lock()  # what is read or written later is known later
        self._noted: set[str] = set()  # cases that are known to wait
        self._good: defaultdict[str, deque[datetime]] = defaultdict(lambda: deque(maxlen=NOTED_AT_MOST))
        self._logger = structlog.get_logger("headgate.models")

    async def mood(self) -> ModelMood:
        """Return what is known of the model now."""
        await self._look()
        return self._known.mood

    async def enter(self, case_id: str) -> tuple[datetime, str]:
        """Let a call pass unless it is too early; return when it began, and its name if it is the probe.

        Raises:
            ToldToWaitError: a call before this one was told to wait, and the time is not up or another call probes.
            ProviderOutError: the same, where it is out.
        """
        await self._look()
        if not moods.needs_probe(self._known.mood):
            return self._clock(), ""
        probe = uuid.uuid4().hex
        if moods.held_s(self._known.mood, self._clock()) <= 0:
            await self._change(lambda mood: moods.probing(mood, probe, self._clock()))
            if self._known.mood.probe == probe or not moods.needs_probe(self._known.mood):
                return self._clock(), self._known.mood.probe
        if self._known.mood.out_since is not None:
            raise await self._out(f"{self.model} is out, not asked: {self._known.mood.why}", case_id)
        raise await self._held(f"not asked, a call before was told to wait: {self._known.mood.why}", case_id)

    async def refused(self, error: ToldToWaitError, case_id: str) -> ToldToWaitError:
        """Hold back all calls; return the error for the call that was told: it comes back with the others."""
        said_s = error.wait_seconds if error.named else None
        before = self._known.mood.trouble
        await self._change(lambda mood: moods.refused(mood, str(error), said_s, self._clock()), waits=case_id)
        if before is not Trouble.TOLD_TO_WAIT:  # those that were under way are told too: one line is enough
            left = moods.held_s(self._known.mood, self._clock())
            self._logger.warning("a model is left alone", model=self.model, seconds=round(left, 3), why=str(error))
        return await self._held(str(error), case_id)

    async def failed(
        self, error: TransientError | ConfigurationError, case_id: str
    ) -> TransientError | ConfigurationError:
        """Note a call that failed; return the error for it: where the provider is out, it waits with the others."""
        trouble = Trouble.MISCONFIGURED if isinstance(error, ConfigurationError) else Trouble.FAILING
        before = self._known.mood.out_since
        of = case_id if self._outage_s > 0 else None
        await self._change(lambda mood: moods.failed(mood, trouble, str(error), self._clock(), of), waits=case_id)
        if self._known.mood.out_since is None:
            return error
        if before is None:
            self._logger.warning("a model is out", model=self.model, why=str(error))
        usage = error.usage if isinstance(error, TransientError) else None
        out = await self._out(f"{self.model} is out: {error}", case_id)
        out.usage = usage
        return out

    async def answered(self, began: datetime) -> None:
        """Note an answer: it ends the trouble, unless the call was made before it."""
        if self._known.mood.trouble is not None:
            await self._change(lambda mood: moods.answered(mood, began))
        if time.monotonic() >= self._takes_over_at:
            await self._take_over()

    async def given_back(self, probe: str) -> None:
        """End the turn of a probe that learned nothing; nothing to do where there is none."""
        if not probe:
            return
        await self._change(lambda mood: moods.given_back(mood, probe))

    async def limited(self) -> None:
        """Note, every few seconds at most, that our own limiter lets calls wait: the intake's pace goes by it."""
        if time.monotonic() - self._limited_at >= NOTE_LIMITED_EVERY_S:
            self._limited_at = time.monotonic()
            await self._change(lambda mood: moods.limited(mood, self._clock()))

    async def judged(self, task: str, case_id: str, *, fit: bool) -> bool:
        """Note whether an answer fitted; return whether bad ones come in a spell.

        Good ones are only remembered here, until a bad one comes: nothing is written in good times.
        """
        now, good = self._clock(), self._good[task]
        if fit:
            good.append(now)
            if not in_spell(self._known.mood, task, now):
                return False
        newest = [at for at in good if (now - at).total_seconds() < WINDOW_S]
        good.clear()
        if fit:
            await self._change(lambda mood: with_good(mood, task, newest, now))
            return self.in_spell(task)
        await self._change(lambda mood: with_bad(mood, task, case_id, newest, now), waits=case_id)
        return self.in_spell(task)

    def in_spell(self, task: str) -> bool:
        """Return whether bad answers to a task come in a spell now."""
        return in_spell(self._known.mood, task, self._clock())

    async def _take_over(self) -> None:
        """End what is known of an earlier key, once in the life of a process: keys are read at its start, and nobody
        asks by the earlier one any more who could say that its trouble is over.
        """
        self._takes_over_at = time.monotonic() + TAKE_OVER_AGAIN_S
        try:
            for known in await asyncio.to_thread(self._store.all_known):
                if takes_over(self._row, known.mood.model) and not known.mood.answers:
                    await asyncio.to_thread(self._store.change, known.mood.model, moods.replaced, self._clock())
        except (TransientError, ValueError) as error:  # the latter of a row that another version wrote
            self._logger.warning("moods of models cannot be read", model=self.model, why=str(error))
            return
        self._takes_over_at = math.inf

    async def _out(self, why: str, case_id: str) -> ProviderOutError:
        if self._shared and case_id and case_id not in self._noted:
            await self._change(lambda mood: mood, waits=case_id)
        since = self._known.mood.since or self._clock()
        lasted_s = (self._clock() - since).total_seconds()
        return ProviderOutError(why, self.model, look_again_s(lasted_s, self._known.waiting), self._outage_s)

    async def _held(self, why: str, case_id: str) -> ToldToWaitError:
        left = moods.held_s(self._known.mood, self._clock())
        if not self._shared:  # other processes do not know: nobody may come early
            return ToldToWaitError(why, left + spread_s(1) * self._chance(), held=False)
        if case_id and case_id not in self._noted:
            await self._change(lambda mood: mood, waits=case_id)
        return ToldToWaitError(why, back_in_s(left, self._known.waiting, self._chance()), held=True)

    async def _look(self) -> None:
        if time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        async with self._turn:
            if time.monotonic() - self._looked_at < LOOK_EVERY_S:
                return
            self._looked_at = time.monotonic()
            try:
                known = await asyncio.to_thread(self._store.known, self._row)
            except TransientError as error:
                self._logger.warning("moods of models cannot be read", model=self.model, why=str(error))
                return
            if self._shared or moods.held_s(self._known.mood, self._clock()) <= 0:
                self._known, self._shared = known, True
                if known.mood.answers:
                    self._noted.clear()

    async def _change(self, change: Callable[[ModelMood], ModelMood], *, waits: str | None = None) -> None:
        async with self._turn:
            try:
                self._known = await asyncio.to_thread(
                    lambda: self._store.change(self._row, change, self._clock(), waits=waits)
                )
                self._shared = True
                if waits:
                    self._noted.add(waits)
                if self._known.mood.answers:
                    self._noted.clear()
            except TransientError as error:
                self._logger.warning("moods of models cannot be written", model=self.model, why=str(error))
                self._known, self._shared = KnownMood(mood=change(self._known.mood)), False


class WatchedModel:
    """A `LanguageModel` that is not asked while it said to wait: the call fails at once and its slot is free.

    Args:
        model: what is asked otherwise.
        watch: one object for all models of the same name, address and key.
    """

    def __init__(self, model: LanguageModel, watch: Watch) -> None:
        self.model = model
        self.watch = watch
        self._background: set[asyncio.Task[None]] = set()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call, unless it is too early.

        Raises:
            ToldToWaitError: the provider says to wait, or said so to a call before.
            ProviderOutError: so many calls failed that it is out.
            TransientError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        began, probe = await self.watch.enter(request.case_id)
        try:
            reply = await self.model.complete(request)
        except ToldToWaitError as error:
            if error.held:  # nobody was asked: our own limiter has no slot yet
                await self.watch.given_back(probe)
                await self.watch.limited()
                raise
            raise await self.watch.refused(error, request.case_id) from error
        except (TransientError, ConfigurationError) as error:
            if isinstance(error, TransientError) and error.of_store:  # the model was not asked, and is not to blame
                await self.watch.given_back(probe)
                raise
            failure = await self.watch.failed(error, request.case_id)
            if failure is error:
                raise
            raise failure from error
        except UnsupportedTaskError:  # an answer, if not the one that was wanted
            await self.watch.answered(began)
            raise
        except BaseException:
            if probe:  # a cancelled task cannot wait for the store
                giving = asyncio.create_task(self.watch.given_back(probe))
                self._background.add(giving)
                giving.add_done_callback(self._background.discard)
            raise
        await self.watch.answered(began)
        return reply

    async def judged(self, request: ModelRequest, *, fit: bool) -> bool:
        """Note whether an answer fitted; return whether bad ones come in a spell."""
        return await self.watch.judged(request.schema_name, request.case_id, fit=fit)

    def in_spell(self, request: ModelRequest) -> bool:
        """Return whether bad answers to such a question come in a spell now."""
        return self.watch.in_spell(request.schema_name)
