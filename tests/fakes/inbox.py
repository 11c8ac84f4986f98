"""A holding pen in memory, for tests: the same answers as the real ones, gone with the process."""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from domain.errors import TransientError
from domain.inbound.webhook import meaning_of
from domain.turns import PenLane, Turns
from ports.incoming.inbox import InboxDepth, InboxItem, KeptPayload, PutOutcome


class FakeInbox:
    """An `Inbox` in a dict; `broken` makes every put fail as a full disk would."""

    def __init__(self, *, max_waiting: int = 200_000, clock: Callable[[], float] = time.time) -> None:
        self.broken = False
        self._turns = Turns()
        self._max_waiting = max_waiting
        self._clock = clock
        self._items: dict[str, InboxItem] = {}
        self._leases: dict[str, float] = {}
        self._acked: set[str] = set()
        self._meanings: dict[str, str] = {}

    async def put(self, item: InboxItem) -> PutOutcome:
        """Keep a payload."""
        if self.broken:
            raise TransientError("inbox: disk is full")
        known = self._items.get(item.case_id)
        if known is not None:
            return PutOutcome.DUPLICATE if known.digest == item.digest else PutOutcome.CONFLICT
        if len(self._items) - len(self._acked) >= self._max_waiting:
            raise TransientError(f"inbox: {self._max_waiting} payloads wait already, send again later")
        self._items[item.case_id] = item
        return PutOutcome.ACCEPTED

    async def lease(self, limit: int, lease_s: float, *, wait_s: float = 0.0) -> list[InboxItem]:
        """Take up to `limit` payloads, oldest first; wait for the first."""
        ends_at = time.monotonic() + wait_s
        while not (items := self._leased(limit, lease_s)) and time.monotonic() < ends_at:  # noqa: ASYNC110 - a fake
            await asyncio.sleep(0.005)
        return items

    def _leased(self, limit: int, lease_s: float) -> list[InboxItem]:
        now = self._clock()
        free = [i for i in self._items if i not in self._acked and self._leases.get(i, 0.0) <= now]
        by_lane: defaultdict[PenLane, deque[str]] = defaultdict(deque)
        for case_id in free:
            by_lane[self._items[case_id].lane].append(case_id)
        turns = self._turns.take({lane: len(ids) for lane, ids in by_lane.items()}, limit)
        open_ids = [by_lane[lane].popleft() for lane in turns]
        for case_id in open_ids:
            self._leases[case_id] = now + lease_s
            item = self._items[case_id]
            self._items[case_id] = replace(item, deliveries=item.deliveries + 1)
        return [self._items[i] for i in open_ids]

    async def release(self, case_ids: Sequence[str]) -> None:
        """Give back what was leased."""
        for case_id in case_ids:
            if self._leases.pop(case_id, None) is not None:
                item = self._items[case_id]
                self._items[case_id] = replace(item, excused=item.excused + 1)

    async def ack(self, case_ids: Sequence[str]) -> None:
        """Say that these are done."""
        for case_id in case_ids:
            if case_id in self._items and case_id not in self._acked:
                self._acked.add(case_id)
                item = self._items[case_id]
                self._meanings[case_id] = meaning_of(item.content_type, item.body, item.reading) or ""

    async def acknowledged(self, case_ids: Sequence[str]) -> dict[str, bool]:
        """Return those that are done; their bodies stay."""
        return {case_id: True for case_id in case_ids if case_id in self._acked}

    async def put_back(self, case_ids: Sequence[str]) -> int:
        """Let payloads be taken once more."""
        found = self._acked.intersection(case_ids)
        self._acked -= found
        for case_id in found:
            self._leases.pop(case_id, None)
        return len(found)

    async def kept(self, case_id: str) -> KeptPayload | None:
        """Return what is known of a payload."""
        item = self._items.get(case_id)
        if item is None:
            return None
        return KeptPayload(item.content_type, item.body, item.reading, self._meanings.get(case_id, ""))

    async def depth(self) -> InboxDepth:
        """Count what waits."""
        now = self._clock()
        waiting = [i for i in self._items if i not in self._acked]
        free = [i for i in waiting if self._leases.get(i, 0.0) <= now]
        oldest = min((self._items[i].received_at for i in waiting), default=None)
        age = (datetime.fromtimestamp(now, UTC) - oldest).total_seconds() if oldest is not None else 0.0
        return InboxDepth(
            ready=len(free),
            leased=len(waiting) - len(free),
            total=len(self._items),
            oldest_s=max(0.0, age),
            lanes=dict(sorted(Counter(self._items[i].lane.name for i in free).items())),
        )

    async def check_writable(self) -> None:
        """Return: memory takes what there is."""

    async def accepted(self, after: str = "", limit: int = 1000) -> list[str]:
        """Return case ids ever accepted, in order of id."""
        return sorted(i for i in self._items if i > after)[:limit]

    async def close(self) -> None:
        """Do nothing: there is nothing to let go of."""
