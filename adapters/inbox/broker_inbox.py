"""The holding pen on a message broker: payloads are with the broker, the truth about event ids is in the store.

Put: the log is asked whether the event came before; if not, the payload is published, and once the broker has confirmed
it the event is written down, many in one commit; only then the sender hears 202. A gateway that dies in between leaves
a payload that nobody was promised; it is worked all the same, and the sender, who sends again, gets the same case.

Lease: what comes out of the broker is compared with the log. What is done, or is another body of an id that stands
already, is dropped; of two copies one is worked. So it does not matter how often a broker delivers.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from adapters.inbox.batching import Outcome, PutBatcher
from adapters.inbox.envelope import seal
from adapters.inbox.holding import Holding, Shared
from adapters.inbox.taken import as_event
from domain.errors import TransientError
from domain.turns import PenLane, Turns, lane_for, lane_named
from ports.incoming.accepted_log import AcceptedEvent, AcceptedLog, Recorded
from ports.incoming.broker import Broker
from ports.incoming.inbox import InboxDepth, InboxItem, KeptPayload, PutOutcome

_LOG = logging.getLogger("headgate.inbox")
_RECOUNT_S = 1.0  # how old the count of waiting payloads may be, seconds
_LANES_S = 2.0  # how long a lane that another gateway made may be unknown, seconds
_WAITS_LONG = timedelta(minutes=10)
_AGAIN_AFTER_S, _MOST_AGAIN = 3600.0, 10_000
_THREADS = 4
_FIRST_LANE = PenLane("default").name

_T = TypeVar("_T")


class BrokerInbox:
    """An `Inbox` on a broker and a log in the store, both opened with the first use.

    `max_waiting` payloads may wait, then puts are refused until some are done. A put is confirmed or refused within
    `put_timeout_s` seconds.
    """

    def __init__(
        self,
        broker: Broker,
        log: Callable[[], AcceptedLog],
        *,
        turns: Turns | None = None,
        max_waiting: int = 200_000,
        put_timeout_s: float = 4.0,
    ) -> None:
        self._broker = broker
        self._open_log = log
        self._max_waiting = max_waiting
        self._unwritten: dict[str, AcceptedEvent] = {}
        self._again: dict[str, float] = {}
        self._making_lane = asyncio.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="accepted-log")
        self._opening = threading.Lock()
        self._accepted: AcceptedLog | None = None
        self._key = b""
        self._lanes: set[str] = set()
        self._lanes_at = self._counted_at = float("-inf")
        self._waiting = 0
        self._batcher = PutBatcher(self._write, timeout_s=put_timeout_s)
        self._holding = Holding(self, turns or Turns())

    # --- the parts --------------------------------------------------------------------------------------------------

    async def shared(self) -> Shared:
        """Return the broker and the installation's key."""
        if not self._key:
            self._key = await self.log(lambda log: log.key())
        return Shared(self._broker, self._key)

    async def log(self, work: Callable[[AcceptedLog], _T]) -> _T:
        """Ask or tell the log, in a thread."""

        def run() -> _T:
            with self._opening:
                if self._accepted is None:
                    self._accepted = self._open_log()
            return work(self._accepted)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    async def lanes(self) -> set[str]:
        """Return the lanes in use; one that another gateway has just made may be missing for a moment."""
        now = asyncio.get_running_loop().time()
        if now - self._lanes_at > _LANES_S:
            self._lanes |= set(await self.log(lambda log: log.lanes()))
            self._lanes_at = now
        return self._lanes

    # --- in ---------------------------------------------------------------------------------------------------------

    async def put(self, item: InboxItem) -> PutOutcome:
        """Store a payload; returns once the broker and the store have confirmed it.

        Raises:
            TransientError: the pen is full, broker or store refuse, or did not confirm in time. Put it again later.
        """
        return await self._batcher.put(item)

    async def _write(self, batch: Sequence[InboxItem]) -> list[Outcome]:
        shared = await self.shared()
        known = await self.log(partial(_known, case_ids=[item.case_id for item in batch]))
        await self._refuse_if_full(len(batch))
        await self._write_down()
        first: dict[str, InboxItem] = {}
        for item in batch:
            if item.case_id not in known or self._may_be_lost(item, known[item.case_id]):
                first.setdefault(item.case_id, item)
        faults = await self._publish(list(first.values()), shared)
        standing = {case_id: Recorded(event.digest, new=False) for case_id, event in known.items()}
        if published := [item for item in first.values() if item.case_id not in faults]:
            events = {item.case_id: as_event(item) for item in published}
            self._unwritten |= events
            standing |= await self.log(lambda log: log.record([*events.values()]))
            for case_id in events:
                self._unwritten.pop(case_id, None)
            self._waiting += len(published)
        return [_outcome(item, first.get(item.case_id), standing, faults) for item in batch]

    async def _write_down(self) -> None:
        """Write down what was published when the store refused it: no more is published before it takes that."""
        if unwritten := dict(self._unwritten):
            await self.log(lambda log: log.record([*unwritten.values()]))
            for case_id in unwritten:
                self._unwritten.pop(case_id, None)

    def _may_be_lost(self, item: InboxItem, known: AcceptedEvent) -> bool:
        """Return whether to publish an event once more that waits for long: its broker may have lost it.

        Its sender sends it again because nobody heard of it; a copy does no harm, so there is one an hour at most.
        """
        now = asyncio.get_running_loop().time()
        if known.done_at is not None or known.digest != item.digest:
            return False
        if datetime.now(UTC) - known.received_at < _WAITS_LONG or self._again.get(item.case_id, 0.0) > now:
            return False
        if len(self._again) >= _MOST_AGAIN:
            self._again = {case_id: until for case_id, until in self._again.items() if until > now}
        self._again[item.case_id] = now + _AGAIN_AFTER_S
        return len(self._again) <= _MOST_AGAIN

    async def _publish(self, items: Sequence[InboxItem], shared: Shared) -> dict[str, TransientError]:
        """Publish payloads; return by case why some were not taken."""
        if not items:
            return {}
        messages = [(await self._lane_of(item), await self._sealed(item, shared)) for item in items]
        answers = await shared.broker.publish(messages)
        return {item.case_id: why for item, why in zip(items, answers, strict=True) if why is not None}

    async def _sealed(self, item: InboxItem, shared: Shared) -> bytes:
        sealed = seal(item, shared.key)
        if len(sealed) <= shared.broker.max_bytes:
            return sealed
        at = datetime.now(UTC)  # first: whoever reads the message must find it
        await self.log(lambda log: log.keep_body(item.case_id, item.digest, item.body, at))
        return seal(item, shared.key, kept=True)

    async def _lane_of(self, item: InboxItem) -> str:
        own = item.lane.name
        if own in self._lanes or own in await self.lanes():
            return own
        async with self._making_lane:  # batches that fly at once would each give the last lane of its own away
            tenants = {lane_named(lane).tenant for lane in self._lanes}
            lane = item.lane._replace(tenant=lane_for(item.tenant, {t for t in tenants if not t.startswith("~")})).name
            if lane not in self._lanes:
                await self.log(lambda log: log.add_lane(lane))
                self._lanes.add(lane)
            return lane

    async def _refuse_if_full(self, more: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._counted_at > _RECOUNT_S or self._waiting + more > self._max_waiting:
            self._counted_at = now
            self._waiting = (await self.log(lambda log: log.waiting()))[0]
        if self._waiting + more > self._max_waiting:
            raise TransientError(f"inbox: {self._max_waiting} payloads wait already, send again later")

    # --- out --------------------------------------------------------------------------------------------------------

    async def lease(self, limit: int, lease_s: float, *, wait_s: float = 0.0) -> list[InboxItem]:
        """Take up to `limit` payloads by turns, for `lease_s` seconds; wait up to `wait_s` seconds for the first."""
        return await self._holding.lease(limit, lease_s, wait_s)

    async def release(self, case_ids: Sequence[str]) -> None:
        """Give back what was leased: this process may take it again at once, later every one."""
        self._holding.release(case_ids)

    async def ack(self, case_ids: Sequence[str]) -> None:
        """Say that these are done: first the log hears of it, then the broker."""
        await self._holding.finish(case_ids)

    async def acknowledged(self, case_ids: Sequence[str]) -> dict[str, bool]:
        """Return those that are done; their bodies are gone from the broker."""
        known = await self.log(partial(_known, case_ids=case_ids))
        return {case_id: False for case_id, event in known.items() if event.done_at}

    async def put_back(self, case_ids: Sequence[str]) -> int:  # noqa: ARG002 - a broker keeps nothing that is done
        """Return 0: a broker keeps nothing that is done."""
        return 0

    async def kept(self, case_id: str) -> KeptPayload | None:
        """Return what is known of a payload by its case, None if it never came."""
        event = (await self.log(partial(_known, case_ids=[case_id]))).get(case_id)
        if event is None:
            return None
        return KeptPayload(event.content_type, b"", event.reading, event.meaning, unread=event.done_at is None)

    # --- moving (adapters/inbox/moving.py) ----------------------------------------------------------------------------

    async def remembered(self, after: str, limit: int) -> list[AcceptedEvent]:
        """Return what is done and remembered, in order of id, after the given one."""
        return await self.log(lambda log: log.done(after, limit))

    async def remember(self, events: Sequence[AcceptedEvent]) -> None:
        """Remember what was done in another pen."""
        await self.log(lambda log: log.record(events))

    async def hand_over(self, case_ids: Sequence[str]) -> None:
        """Forget leased payloads that another pen has now."""
        await self._holding.hand_over(case_ids)

    # --- looks ------------------------------------------------------------------------------------------------------

    async def depth(self) -> InboxDepth:
        """Count what waits: with the broker, and by the log what was taken and is not done."""
        shared = await self.shared()
        lanes = await self.lanes()
        if not lanes:  # nothing was ever put: nobody else would ask whether the broker is there
            await shared.broker.check()
        waits = await shared.broker.waiting(sorted(lanes))
        ready = sum(waits.values())
        waiting, oldest = await self.log(lambda log: log.waiting())
        total = await self.log(lambda log: log.total())
        oldest_s = (datetime.now(UTC) - oldest).total_seconds() if oldest is not None else 0.0
        return InboxDepth(
            ready=ready,
            leased=max(0, waiting - ready),
            total=total,
            oldest_s=max(0.0, oldest_s),
            lanes={lane: count for lane, count in sorted(waits.items()) if count > 0},
        )

    async def check_writable(self) -> None:
        """Return if a payload could be stored now. Raises TransientError, saying why, if not."""
        shared = await self.shared()
        await self._refuse_if_full(1)
        await shared.broker.check(sorted({_FIRST_LANE, *await self.lanes()}))

    async def accepted(self, after: str = "", limit: int = 1000) -> list[str]:
        """Return case ids that were accepted and are remembered, in order of id, after the given one."""
        return await self.log(lambda log: log.ids(after, limit))

    async def close(self) -> None:
        """Wait for what is being put, and let go of the broker; what is held goes to others."""
        await self._batcher.close()
        self._holding.stop()
        await self._broker.close()
        self._threads.shutdown(wait=False)


def _known(log: AcceptedLog, case_ids: Sequence[str]) -> dict[str, AcceptedEvent]:
    return log.known(case_ids)


def _outcome(
    item: InboxItem, leader: InboxItem | None, standing: Mapping[str, Recorded], faults: Mapping[str, TransientError]
) -> Outcome:
    """Return what became of a put; of several of one id in a batch only the `leader` was published."""
    if item.case_id in faults:
        return faults[item.case_id]
    stands = standing[item.case_id]
    if item.digest != stands.digest:
        return PutOutcome.CONFLICT
    return PutOutcome.ACCEPTED if stands.new and item is leader else PutOutcome.DUPLICATE
