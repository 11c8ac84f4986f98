"""Start dead-lettered cases again: same case id, same keys for money, a new run; on the input as it was edited."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.heartbeat import heartbeating
from activities.intake.reading import MessageReader
from domain.blueprint import CasePolicy
from domain.dead_letters.choosing import Cursor
from domain.dead_letters.replaying import BATCH_AT_MOST, ReplayOrder, why_not_replayed
from domain.deadletter import DeadLetterRecord, next_replay
from domain.errors import (
    ConfigurationError,
    ImpossibleError,
    NotEndedError,
    RefusedError,
)
from ports.starter import CaseStarter
from ports.store import CaseStore, Renewed, ReplayableLetters, ReplayOrders

AT_ONCE = 8
WHY_CHARS = 300


class ReplayBatchRequest(BaseModel):
    """Begin up to `limit` letters of the order on record, from the place `after`."""

    replay_id: str
    after: Cursor | None = None
    limit: int = Field(ge=1, le=BATCH_AT_MOST)


class ReplayBatchResult(BaseModel):
    """What became of a batch; `after` is None where there were no more letters. `total` counts all that the run began.

    `trouble` says why one was put off: it stays open.
    """

    begun: int = 0
    passed_over: int = 0
    put_off: int = 0
    total: int = 0
    after: Cursor | None = None
    trouble: str = ""


class ReplayActivities:
    """The activity of `ReplayWorkflow`, and the replay of one letter. `policy` are the rules as they are now."""

    def __init__(
        self,
        letters: ReplayableLetters,
        cases: CaseStore,
        orders: ReplayOrders,
        starter: CaseStarter,
        reader: MessageReader,
        policy: Callable[[str], CasePolicy],
        clock: Clock = utc_now,
    ) -> None:
        self._letters = letters
        self._cases = cases
        self._orders = orders
        self._starter = starter
        self._reader = reader
        self._policy = policy
        self._clock = clock

    @activity.defn
    async def replay_batch(self, request: ReplayBatchRequest) -> ReplayBatchResult:
        """Begin a batch of an order; tried again after a crash it begins only what was not begun.

        Raises:
            TransientError: the store cannot be reached.
            RefusedError: no such order is on record: nobody gave it by a command.
            ConfigurationError: this worker has another blueprint than the order names.
        """
        order = await asyncio.to_thread(self._order, request.replay_id)
        rows = await asyncio.to_thread(
            self._letters.list_letters, order.chosen, after=request.after, limit=request.limit
        )
        before = await asyncio.to_thread(
            self._orders.begun_of, request.replay_id, [row.letter.case_id for row in rows]
        )  # what died again since waits for a person, whatever the order's filter says of times
        result = ReplayBatchResult()
        turns = asyncio.Semaphore(AT_ONCE)

        stopped = asyncio.Event()

        async def in_turn(row: DeadLetterRecord) -> None:
            async with turns:
                if not stopped.is_set():
                    await self._begin(row, order, result)

        async with heartbeating():
            await _to_the_end([in_turn(row) for row in rows if row.letter.case_id not in before], stopped)
        if len(rows) == request.limit:
            last = rows[-1].letter
            result.after = Cursor(at=last.at, dead_letter_id=last.dead_letter_id)
        result.total = await asyncio.to_thread(self._orders.begun, request.replay_id)
        return result

    def _order(self, replay_id: str) -> ReplayOrder:
        try:
            return self._orders.order(replay_id)
        except KeyError as error:
            raise RefusedError(str(error.args[0])) from None

    async def _begin(self, row: DeadLetterRecord, order: ReplayOrder, result: ReplayBatchResult) -> None:
        letter_id = row.letter.dead_letter_id
        try:
            await self.replay_one(letter_id, by=order.by, run=order.replay_id, blueprint=order.blueprint)
        except ConfigurationError:
            raise
        except ImpossibleError:  # somebody else replayed or discarded it
            result.passed_over += 1
        except Exception as error:  # noqa: BLE001 - one letter that meets a bug must not hold up all others
            result.put_off += 1
            result.trouble = f"{letter_id}: {error}"[:WHY_CHARS]
        else:
            result.begun += 1

    async def replay_one(self, dead_letter_id: str, *, by: str, run: str = "", blueprint: str = "") -> str:
        """Start the case of an open letter anew; return its id. After a crash in between, replaying again is safe.

        Args:
            dead_letter_id: the letter.
            by: who replays it.
            run: the run of many that it belongs to.
            blueprint: the version whose rules the case is worked by from now on; empty: it keeps its own.

        Raises:
            KeyError: there is no such letter.
            ImpossibleError: it is not open any more, or was replayed before and that ended; it is marked so now.
            NotEndedError, TransientError: not now.
            PoisonError: what it was edited to cannot be read by this version.
            ConfigurationError: this process has another blueprint.
        """
        row = await asyncio.to_thread(self._letters.show, dead_letter_id)
        if why := why_not_replayed(row):
            raise ImpossibleError(why)
        renewed = await asyncio.to_thread(self._renewed, row, blueprint)
        replay = next_replay(dead_letter_id)
        try:
            case = await asyncio.to_thread(self._cases.set_replay, row.letter.case_id, replay, renewed)
        except NotEndedError:
            raise
        except ValueError as error:
            await self._mark(dead_letter_id, by, run)
            raise ImpossibleError(str(error)) from None
        await self._starter.start_again(case)
        await self._mark(dead_letter_id, by, run)
        return case.case_id

    async def _mark(self, dead_letter_id: str, by: str, run: str) -> None:
        await asyncio.to_thread(self._letters.mark_replayed, dead_letter_id, by, self._clock(), run)

    def _renewed(self, row: DeadLetterRecord, blueprint: str) -> Renewed:
        """Return what the case begins with: its input as it is on record, or as its letter was edited, read anew."""
        edits = self._letters.edits(row.letter.case_id)
        own = edits[-1] if edits and edits[-1].dead_letter_id == row.letter.dead_letter_id else None
        if own is None and not blueprint:
            return Renewed(edits=len(edits))
        stored = self._cases.load(row.letter.case_id)
        renewed = self._reader.read_edit(stored, edits) if own is not None else Renewed(case=stored.case)
        assert renewed.case is not None
        case = renewed.case
        if blueprint:
            policy = self._policy(case.tenant)
            if policy.version != blueprint:
                raise ConfigurationError(
                    f"the replay is to go by the blueprint {blueprint}, and this process has {policy.version}: start "
                    "it with that one, or replay by the one that is in force"
                )
            case = case.model_copy(update={"policy": policy})
        return renewed.model_copy(update={"case": case, "edits": len(edits)})


async def _to_the_end(works: Sequence[Coroutine[None, None, None]], stopped: asyncio.Event) -> None:
    """Wait for all, although the activity is cancelled meanwhile: a case that is marked as replayed is started, too.

    Then `stopped` is set, by which those that have not begun begin nothing.

    Raises:
        CancelledError: it was cancelled.
        Exception: what the first of those that failed met.
    """
    together = asyncio.gather(*works, return_exceptions=True)
    while not together.done():
        try:
            await asyncio.shield(together)
        except asyncio.CancelledError:
            stopped.set()
    if stopped.is_set():
        raise asyncio.CancelledError
    for found in together.result():
        if isinstance(found, BaseException):
            raise found
