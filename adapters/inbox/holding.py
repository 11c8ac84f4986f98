"""What a process has taken out of the broker and not finished yet."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

from adapters.inbox.envelope import Opened, unseal
from domain.errors import TransientError
from domain.inbound.webhook import meaning_of
from domain.intake import REMEMBERED_S
from domain.turns import Turns, lane_named
from ports.incoming.accepted_log import AcceptedEvent, AcceptedLog, Recorded
from ports.incoming.broker import Broker, Delivery
from ports.incoming.inbox import InboxItem

_LOG = logging.getLogger("headgate.inbox")

_LOOK_S, _LOOK_SELDOM_S = 0.03, 0.2  # how often an empty broker is asked, at first and at last
_GIVEN_UP_S = 5.0  # how often its dead letters are looked for
_RELEASED_S = 30.0  # so long what was given back waits for this process to come again; then others may have it

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
    """Takes payloads out by turns and keeps them until they are finished; not more than one `lease` runs at once."""

    def __init__(self, pen: Pen, turns: Turns) -> None:
        self._pen = pen
        self._turns = turns
        self._held: dict[str, _Held] = {}
        self._looked_at = float("-inf")
        self._later: set[asyncio.TimerHandle | asyncio.Task[None]] = set()

    async def lease(self, limit: int, lease_s: float, wait_s: float) -> list[InboxItem]:
        """Take up to `limit` payloads; wait up to `wait_s` seconds for the first."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + wait_s
        look_s = _LOOK_S
        while True:
            taking = asyncio.create_task(self._take(limit, lease_s))
            try:
                items = await asyncio.shield(taking)
            except asyncio.CancelledError:
                with suppress(TransientError):  # then it comes back by itself
                    self.release([item.case_id for item in await taking])
                raise
            if items or loop.time() >= ends_at:
                return items
            await asyncio.sleep(min(look_s, max(0.0, ends_at - loop.time())))
            look_s = min(_LOOK_SELDOM_S, look_s * 1.3)

    def release(self, case_ids: Sequence[str]) -> None:
        """Let this process take payloads again at once, and all others after some time."""
        for case_id in case_ids:
            if held := self._held.get(case_id):
                held.released = True
                held.until = asyncio.get_running_loop().time() + _RELEASED_S
        self._later.add(asyncio.get_running_loop().call_later(_RELEASED_S + 0.1, self._let_go_soon))

    async def finish(self, case_ids: Sequence[str]) -> None:
        """Write down that these are done, then tell the broker; if it does not hear of it, the log knows the copies."""
        held = {case_id: self._held[case_id] for case_id in case_ids if case_id in self._held}
        meanings = await asyncio.to_thread(_meanings, case_ids, held)
        await self._pen.log(lambda log: log.finish(meanings, datetime.now(UTC)))
        for case_id in held:
            self._held.pop(case_id, None)
        await self._settle([delivery for one in held.values() for delivery in one.deliveries])

    async def hand_over(self, case_ids: Sequence[str]) -> None:
        """Forget payloads that another pen has now, here and in the log."""
        await self._pen.log(lambda log: log.forget(case_ids))
        held = [self._held.pop(case_id) for case_id in case_ids if case_id in self._held]
        await self._settle([delivery for one in held for delivery in one.deliveries])

    def stop(self) -> None:
        """Forget what is held: the broker hands it to others once the connection is closed."""
        for later in self._later:
            later.cancel()
        self._held.clear()

    async def _take(self, limit: int, lease_s: float) -> list[InboxItem]:
        now = asyncio.get_running_loop().time()
        await self._let_go(now)
        again = [held for held in self._held.values() if held.released][:limit]
        for held in again:
            held.released, held.until = False, now + lease_s
            held.item = replace(held.item, deliveries=held.item.deliveries + 1, excused=held.item.excused + 1)
        if again:
            return [held.item for held in again]
        shared = await self._pen.shared()
        lanes = sorted(await self._pen.lanes())
        opened: list[tuple[Opened, Delivery]] = []
        if now - self._looked_at > _GIVEN_UP_S:
            self._looked_at = now
            dead = await shared.broker.given_up(lanes, limit)
            opened += [(_given_up(unseal(one.content, shared.key, one.deliveries)), one) for one in dead]
        waiting = {lane_named(lane): count for lane, count in (await shared.broker.waiting(lanes)).items()}
        turns = self._turns.take(waiting, limit - len(opened))
        if turns:
            wanted = Counter(lane.name for lane in turns)
            received = await shared.broker.receive(wanted)
            opened += [(unseal(one.content, shared.key, one.deliveries), one) for one in received]
        return await self._hold(opened, now + lease_s) if opened else []

    async def _hold(self, opened: Sequence[tuple[Opened, Delivery]], until: float) -> list[InboxItem]:
        """Keep what is to be worked and settle the rest; what fails in between goes back to the broker."""
        try:
            standing = await self._standing([one.item for one, _ in opened])
            bodies = await self._bodies([one for one, _ in opened])
        except BaseException:
            await self._give_back([delivery for _, delivery in opened])
            raise
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
                if stands.new:
                    item = _not_too_old(item)  # noqa: PLW2901 - the same item, with its fault
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
            return [_with_body(one.item, log) if one.kept else one.item for one in opened]

        return await self._pen.log(fetch)

    async def _let_go(self, now: float) -> None:
        """Give back what nobody finished in time: whoever takes it next counts it."""
        late = [case_id for case_id, held in self._held.items() if held.until <= now]
        await self._give_back([d for case_id in late for d in self._held.pop(case_id).deliveries])

    def _let_go_soon(self) -> None:
        loop = asyncio.get_running_loop()
        self._later = {later for later in self._later if isinstance(later, asyncio.Task) and not later.done()}
        self._later.add(loop.create_task(self._let_go(loop.time())))

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


def as_event(item: InboxItem) -> AcceptedEvent:
    """Return what the log remembers of a payload."""
    return AcceptedEvent(item.case_id, item.digest, item.received_at, item.content_type, item.reading)


def _given_up(opened: Opened) -> Opened:
    why = f"the broker gave it up: it was handed out {opened.item.deliveries} times in vain"
    return replace(opened, item=replace(opened.item, fault=opened.item.fault or why))


def _with_body(item: InboxItem, log: AcceptedLog) -> InboxItem:
    body = log.body(item.case_id, item.digest)
    if body is None:
        return replace(item, fault="its body, which was too large for the broker, is not in the store any more")
    return replace(item, body=body)


def _not_too_old(item: InboxItem) -> InboxItem:
    """Return the item; one that may have been done and forgotten is for a person."""
    if item.fault or item.received_at > datetime.now(UTC) - timedelta(seconds=REMEMBERED_S):
        return item
    return replace(item, fault="it came so long ago that nobody remembers whether it was worked")


def _meanings(case_ids: Sequence[str], held: dict[str, _Held]) -> dict[str, str]:
    return {case_id: _meaning(held[case_id].item) if case_id in held else "" for case_id in case_ids}


def _meaning(item: InboxItem) -> str:
    try:
        return "" if item.fault else meaning_of(item.content_type, item.body, item.reading) or ""
    except Exception as e:  # noqa: BLE001 - a payload that meets a bug is a dead letter by now, and must not come back
        _LOG.error("what %s said cannot be remembered: %s", item.case_id, type(e).__name__)
        return ""
