"""What a process has taken out of the broker and not finished yet."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, Protocol, TypeVar

from adapters.inbox.envelope import Opened, unseal
from adapters.inbox.taken import as_event, given_up, meaning, not_too_old, with_body
from domain.errors import TransientError
from domain.turns import Turns, lane_named
from ports.incoming.accepted_log import AcceptedLog, Recorded
from ports.incoming.broker import Broker, Delivery
from ports.incoming.inbox import InboxItem

_LOG = logging.getLogger("headgate.inbox")

_LOOK_S = 0.03  # how soon an empty broker is asked again at first; later it says itself how often
_GIVEN_UP_S = 5.0  # how often its dead letters are looked for
_RELEASED_S = (
    90.0  # what was released waits so long for this process: longer than the longest rest of the intake's retries
)
_MOST_EXCUSED = 10_000  # payloads whose excuse is remembered beyond that; more mean that nothing gets in anyhow

_T = TypeVar("_T")


class Shared(NamedTuple):
    """What putting and taking share."""

    broker: Broker
    key: bytes


class Pen(Protocol):
    """What holds the parts together."""

    async def shared(self) -> Shared:
        """Return the broker and the installation's key."""
        ...

    async def log(self, work: Callable[[AcceptedLog], _T]) -> _T:
        """Ask or tell the log."""
        ...

    async def lanes(self) -> set[str]:
        """Return the lanes in use."""
        ...


@dataclass(slots=True)
class _Held:
    item: InboxItem
    deliveries: list[Delivery]  # more than one: copies
    until: float
    released: bool = False


class Holding:
    """Takes payloads out by turns and keeps them until they are finished; not more than one `lease` runs at once.

    What nobody finishes in time goes back to the broker by itself. What could not be compared with the log, because
    that failed, is kept and compared first the next time: a broker counts what is given back.
    """

    def __init__(self, pen: Pen, turns: Turns) -> None:
        self._pen = pen
        self._turns = turns
        self._held: dict[str, _Held] = {}
        self._unsorted: list[tuple[Opened, Delivery]] = []
        self._unsorted_until = 0.0
        self._excused: dict[str, int] = {}  # deliveries that ended for no reason of the payload's
        self._looked_at = float("-inf")
        self._look_s = _LOOK_S
        self._timer: asyncio.TimerHandle | None = None
        self._letting_go: asyncio.Task[None] | None = None

    async def lease(self, limit: int, lease_s: float, wait_s: float) -> list[InboxItem]:
        """Take up to `limit` payloads; wait up to `wait_s` seconds for the first."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + wait_s
        while True:
            taking = asyncio.create_task(self._take(limit, lease_s))
            try:
                items = await asyncio.shield(taking)
            except asyncio.CancelledError:
                with suppress(TransientError):  # then it comes back by itself
                    self.release([item.case_id for item in await taking])
                raise
            if items:
                self._look_s = _LOOK_S
            if items or loop.time() >= ends_at:
                return items
            await asyncio.sleep(min(self._look_s, max(0.0, ends_at - loop.time())))
            self._look_s = min((await self._pen.shared()).broker.look_s, self._look_s * 1.3)

    def release(self, case_ids: Sequence[str]) -> None:
        """Let this process take payloads again at once, and all others after some time."""
        for case_id in case_ids:
            if held := self._held.get(case_id):
                held.released = True
                held.until = asyncio.get_running_loop().time() + _RELEASED_S
        self._watch()

    async def finish(self, case_ids: Sequence[str]) -> None:
        """Write down that these are done, then tell the broker; if it does not hear of it, the log knows the copies."""
        held = {case_id: self._held[case_id] for case_id in case_ids if case_id in self._held}
        meanings = await asyncio.to_thread(lambda: {c: meaning(held[c].item) if c in held else "" for c in case_ids})
        await self._pen.log(lambda log: log.finish(meanings, datetime.now(UTC)))
        for case_id in held:
            self._held.pop(case_id, None)
            self._excused.pop(case_id, None)
        await self._settle([delivery for one in held.values() for delivery in one.deliveries])

    async def hand_over(self, case_ids: Sequence[str]) -> None:
        """Forget payloads that another pen has now, here and in the log."""
        await self._pen.log(lambda log: log.forget(case_ids))
        held = [self._held.pop(case_id) for case_id in case_ids if case_id in self._held]
        await self._settle([delivery for one in held for delivery in one.deliveries])

    def stop(self) -> None:
        """Forget what is held: the broker hands it to others once the connection is closed."""
        if self._timer is not None:
            self._timer.cancel()
        self._held.clear()
        self._unsorted.clear()

    async def _take(self, limit: int, lease_s: float) -> list[InboxItem]:
        now = asyncio.get_running_loop().time()
        await self._let_go(now)
        again = [held for held in self._held.values() if held.released][:limit]
        for held in again:
            held.released, held.until = False, now + lease_s
            held.item = replace(held.item, deliveries=held.item.deliveries + 1, excused=held.item.excused + 1)
        if again:
            self._watch()
            return [held.item for held in again]
        opened, self._unsorted = self._unsorted, []
        try:
            if not opened:
                await self._receive(opened, limit, now)
            return await self._hold(opened, now + lease_s) if opened else []
        except BaseException:
            self._unsorted, self._unsorted_until = opened, now + _RELEASED_S
            raise
        finally:
            self._watch()

    async def _receive(self, opened: list[tuple[Opened, Delivery]], limit: int, now: float) -> None:
        """Add what the broker gave up and what waits, by turns."""
        shared = await self._pen.shared()
        lanes = sorted(await self._pen.lanes())
        if now - self._looked_at > _GIVEN_UP_S:
            self._looked_at = now
            dead = await shared.broker.given_up(lanes, limit)
            opened += [(given_up(unseal(one.content, shared.key, one.deliveries)), one) for one in dead]
        waiting = {lane_named(lane): count for lane, count in (await shared.broker.waiting(lanes)).items()}
        if turns := self._turns.take(waiting, limit - len(opened)):
            received = await shared.broker.receive(Counter(lane.name for lane in turns))
            opened += [(unseal(one.content, shared.key, one.deliveries), one) for one in received]

    async def _hold(self, opened: Sequence[tuple[Opened, Delivery]], until: float) -> list[InboxItem]:
        """Keep what is to be worked, and settle the rest."""
        standing = await self._standing([one.item for one, _ in opened])
        bodies = await self._bodies([one for one, _ in opened])
        new: list[InboxItem] = []
        dropped: list[Delivery] = []
        for (_, delivery), item in zip(opened, bodies, strict=True):
            held, stands = self._held.get(item.case_id), standing[item.case_id]
            if stands is None or stands.digest != item.digest:
                _LOG.info("%s: a copy of what is done, or another body of its id, was dropped", item.case_id)
                dropped.append(delivery)
            elif held is not None:
                held.deliveries.append(delivery)
            else:
                excused = min(self._excused.get(item.case_id, 0), item.deliveries - 1)
                item = replace(not_too_old(item) if stands.new else item, excused=excused)  # noqa: PLW2901
                self._held[item.case_id] = _Held(item, [delivery], until)
                new.append(item)
        await self._settle(dropped)
        return new

    async def _standing(self, items: Sequence[InboxItem]) -> dict[str, Recorded | None]:
        """Return what stands for each id, None where it is done.

        What the log does not know yet was published by a gateway that has not written it down yet, or died before: the
        first to come here is accepted. The message vouches for itself.
        """

        def look(log: AcceptedLog) -> dict[str, Recorded | None]:
            known = log.known([item.case_id for item in items])
            new = [as_event(item) for item in items if item.case_id not in known]
            standing: dict[str, Recorded | None] = dict(log.record(new)) if new else {}
            return standing | {c: None if e.done_at else Recorded(e.digest, new=False) for c, e in known.items()}

        return await self._pen.log(look)

    async def _bodies(self, opened: Sequence[Opened]) -> list[InboxItem]:
        """Return the items with their bodies, also those that are in the store."""

        def fetch(log: AcceptedLog) -> list[InboxItem]:
            return [with_body(one.item, log) if one.kept else one.item for one in opened]

        return await self._pen.log(fetch)

    async def _let_go(self, now: float) -> None:
        """Give back what nobody finished in time: whoever takes it next counts it, but for what was released."""
        late = {case_id: held for case_id, held in self._held.items() if held.until <= now}
        for case_id, held in late.items():
            del self._held[case_id]
            if held.released and len(self._excused) < _MOST_EXCUSED:
                self._excused[case_id] = held.item.deliveries
        unsorted: list[Delivery] = []
        if self._unsorted and self._unsorted_until <= now:
            unsorted, self._unsorted = [delivery for _, delivery in self._unsorted], []
        await self._give_back([d for held in late.values() for d in held.deliveries] + unsorted)

    def _watch(self) -> None:
        """See to it that what is held is let go in time, whether anybody comes to lease or not."""
        ends = [held.until for held in self._held.values()] + ([self._unsorted_until] if self._unsorted else [])
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(min(ends) + 0.1, self._let_go_soon) if ends else None

    def _let_go_soon(self) -> None:
        async def let_go() -> None:
            await self._let_go(asyncio.get_running_loop().time())
            self._watch()

        self._timer = None
        self._letting_go = asyncio.get_running_loop().create_task(let_go())

    async def _settle(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            try:
                await (await self._pen.shared()).broker.settle(deliveries)
            except TransientError as e:
                _LOG.warning("the broker was not told that %d payloads are done: %s", len(deliveries), e)

    async def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            with suppress(TransientError):  # it comes back when the connection is lost
                await (await self._pen.shared()).broker.give_back(deliveries)
