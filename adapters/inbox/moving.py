"""From one holding pen to another without loss: what waits, and what is remembered.

A payload is in the second pen before it leaves the first, and the second knows it by its id. So whatever dies in
between, moving again ends it. Two brokers of one store share the log of accepted ids: between them messages go as they
are, and the log hears nothing of it.
"""

import asyncio
from collections import Counter

from adapters.inbox.broker_inbox import BrokerInbox
from adapters.inbox.envelope import seal, unseal
from adapters.inbox.holding import Shared
from adapters.inbox.sqlite import SqliteInbox
from domain.errors import UsageError
from domain.intake import MoveReport
from ports.incoming.inbox import PutOutcome

_PAGE = 100
_IDS = 1000
_LEASE_S = 60.0
_WAIT_S = 2.0  # for what comes late; what somebody else holds is not waited for

Pen = SqliteInbox | BrokerInbox


async def move(source: Pen, target: Pen) -> MoveReport:
    """Move all that waits, and copy all that is remembered; safe to run again, and while both are in use.

    Raises:
        UsageError: both are the same file.
        TransientError: one of the two refuses or is away; what was moved by then is moved.
    """
    report = MoveReport()
    if isinstance(source, SqliteInbox) and isinstance(target, SqliteInbox) and source.file == target.file:
        raise UsageError(f"--to {str(target.file)!r}: that is the pen itself; name another one")
    await target.check_writable()
    if isinstance(source, BrokerInbox) and isinstance(target, BrokerInbox):
        await _move_messages(source, target, report)
        here, there = await source.depth(), await target.depth()
        # They share one log: what is open there and in neither of them is held by somebody.
        report.left = max(here.ready, here.ready + here.leased - there.ready)
        return report
    await _copy_ids(source, target, report)
    await _move_payloads(source, target, report)
    await _copy_ids(source, target, report)  # of what was finished meanwhile
    depth = await source.depth()
    report.left = depth.ready + depth.leased
    return report


async def _copy_ids(source: Pen, target: Pen, report: MoveReport) -> None:
    after, copied = "", 0
    while page := await source.remembered(after, _IDS):
        await target.remember(page)
        after, copied = page[-1].case_id, copied + len(page)
    report.remembered = copied


async def _move_payloads(source: Pen, target: Pen, report: MoveReport) -> None:
    conflicts: set[str] = set()
    while items := [i for i in await source.lease(_PAGE, _LEASE_S, wait_s=_WAIT_S) if i.case_id not in conflicts]:
        # Whatever fails, what was taken is handed over, and nothing else counts as worked in vain.
        outcomes = await asyncio.gather(*(target.put(item) for item in items), return_exceptions=True)
        taken = [
            item.case_id
            for item, outcome in zip(items, outcomes, strict=True)
            if outcome in (PutOutcome.ACCEPTED, PutOutcome.DUPLICATE)
        ]
        await source.hand_over(taken)
        report.moved += len(taken)
        if failed := [outcome for outcome in outcomes if isinstance(outcome, BaseException)]:
            await source.release([item.case_id for item in items if item.case_id not in taken])
            raise failed[0]
        conflicts |= {item.case_id for item in items}.difference(taken)
    report.conflicts = sorted(conflicts)
    await source.release(report.conflicts)


async def _move_messages(source: BrokerInbox, target: BrokerInbox, report: MoveReport) -> None:
    here, there = await source.shared(), await target.shared()
    lanes = sorted(await source.lanes())
    # No more than there is now: the two may be one.
    rest = Counter(await here.broker.waiting(lanes))
    deliveries = await here.broker.given_up(lanes, _PAGE)
    while deliveries or +rest:
        if wanted := _page_of(rest):
            received = await here.broker.receive(wanted)
            rest = rest - Counter(one.lane for one in received) if received else Counter()
            deliveries += received
        messages = [(one.lane, await _fitting(one.content, target, there)) for one in deliveries]
        faults = await there.broker.publish(messages) if messages else []
        moved = [one for one, fault in zip(deliveries, faults, strict=True) if fault is None]
        await here.broker.settle(moved)
        report.moved += len(moved)
        if failed := [fault for fault in faults if fault is not None]:
            await here.broker.give_back([one for one in deliveries if one not in moved])
            raise failed[0]
        deliveries = await here.broker.given_up(lanes, _PAGE)


def _page_of(rest: "Counter[str]") -> dict[str, int]:
    """Return how many to take of each lane: a page over all of them together."""
    wanted: dict[str, int] = {}
    for lane, count in rest.items():
        if count > 0 and (left := _PAGE - sum(wanted.values())) > 0:
            wanted[lane] = min(count, left)
    return wanted


async def _fitting(content: bytes, target: BrokerInbox, there: Shared) -> bytes:
    """Return a message that the other broker takes: a body that is too large for it goes to the store."""
    if len(content) <= there.broker.max_bytes:
        return content
    opened = unseal(content, there.key, 1)
    if opened.item.fault or opened.kept:
        return content
    item = opened.item
    await target.log(lambda log: log.keep_body(item.case_id, item.digest, item.body, item.received_at))
    return seal(item, there.key, kept=True)
