"""What every holding pen promises, on whatever it stands: nothing that was accepted is lost, nothing is there twice."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.turns import PenLane, Priority
from ports.incoming.inbox import Inbox, InboxItem, PutOutcome

WAIT_S = 10.0  # a broker may need a moment; what is there comes at once

Another = Callable[[], Awaitable[Inbox]]
"""Opens the same pen once more, as another process would."""


def event(n: int | str, body: bytes = b'{"text": "hi"}', **more: object) -> InboxItem:
    made = InboxItem(
        case_id=f"case/shop/evt_{n}",
        source="shop",
        event_id=f"evt_{n}",
        content_type="application/json",
        body=body,
        digest=hashlib.sha256(body).hexdigest(),
        received_at=datetime.now(UTC).replace(microsecond=123_000),
        reading='{"format": null}',
    )
    return replace(made, **more)  # type: ignore[arg-type]


async def take(pen: Inbox, count: int, *, limit: int | None = None) -> list[InboxItem]:
    """Lease until `count` payloads came; fails if they do not."""
    items: list[InboxItem] = []
    for _ in range(200):
        items += await pen.lease(limit or count - len(items), 60, wait_s=WAIT_S / 20)
        if len(items) >= count:
            return items
    raise AssertionError(f"{len(items)} of {count} came")


async def stays_empty(pen: Inbox) -> bool:
    return await pen.lease(10, 60, wait_s=0.5) == []


class PenContract:
    """To be mixed into a class with the fixtures `pen` and `another`."""

    async def test_a_payload_comes_out_as_it_went_in(self, pen: Inbox) -> None:
        sent = event(1, bytes(range(256)) * 8, tenant="acme.eu", priority=Priority.URGENT)
        assert await pen.put(sent) is PutOutcome.ACCEPTED
        assert await take(pen, 1) == [replace(sent, deliveries=1)]

    async def test_the_largest_body_comes_out_as_it_went_in(self, pen: Inbox) -> None:
        sent = event(1, bytes(range(256)) * 4096)
        assert await pen.put(sent) is PutOutcome.ACCEPTED
        assert await take(pen, 1) == [replace(sent, deliveries=1)]
        await pen.ack([sent.case_id])
        assert await pen.put(sent) is PutOutcome.DUPLICATE

    async def test_duplicates_across_gateways_are_one(self, pen: Inbox, another: Another) -> None:
        second = await another()
        outcomes = await asyncio.gather(*((pen, second)[n % 2].put(event(1)) for n in range(40)))
        assert PutOutcome.CONFLICT not in outcomes
        assert await pen.put(event(1)) is await second.put(event(1)) is PutOutcome.DUPLICATE
        assert len(await take(pen, 1, limit=10)) == 1
        assert await stays_empty(second)
        await pen.ack([event(1).case_id])
        assert await stays_empty(pen)
        assert await second.put(event(1)) is PutOutcome.DUPLICATE
        assert await second.accepted() == [event(1).case_id]

    async def test_of_two_bodies_across_gateways_one_stands(self, pen: Inbox, another: Another) -> None:
        second = await another()
        bodies = b'{"text": "yes"}', b'{"text": "no"}'
        answers = await asyncio.gather(pen.put(event(1, bodies[0])), second.put(event(1, bodies[1])))
        assert PutOutcome.CONFLICT in answers
        stands = bodies[0] if answers[1] is PutOutcome.CONFLICT else bodies[1]
        assert [item.body for item in await take(pen, 1, limit=10)] == [stands]
        await pen.ack([event(1).case_id])
        assert await stays_empty(pen)

    async def test_two_workers_share_without_doubles(self, pen: Inbox, another: Another) -> None:
        second = await another()
        await asyncio.gather(*(pen.put(event(n)) for n in range(60)))
        taken: Counter[str] = Counter()
        for worker in (pen, second) * 12:
            for item in await worker.lease(10, 60):
                taken[item.event_id] += 1
                await worker.ack([item.case_id])
            if len(taken) == 60:
                break
            await asyncio.sleep(0.05)
        assert taken == Counter({f"evt_{n}": 1 for n in range(60)})
        depth = await second.depth()
        assert (depth.ready, depth.leased, depth.total) == (0, 0, 60)

    async def test_what_a_dead_worker_held_comes_to_another_one(self, pen: Inbox, another: Another) -> None:
        second = await another()
        await pen.put(event(1))
        assert len(await take(second, 1)) == 1
        await second.close()
        self.after_death()
        (item,) = await take(pen, 1)
        assert (item.event_id, item.deliveries) == ("evt_1", 2)

    def after_death(self) -> None:
        """Let the time pass after which a dead worker is noticed, where a pen needs that."""

    async def test_what_was_released_comes_back_and_does_not_count(self, pen: Inbox) -> None:
        await pen.put(event(1))
        for _ in range(4):
            (item,) = await take(pen, 1)
            assert item.deliveries - item.excused == 1
            await pen.release([item.case_id])
        await pen.release(["case/shop/unknown"])

    async def test_what_is_done_is_known_and_told(self, pen: Inbox) -> None:
        await pen.put(event(1))
        await pen.put(event(2))
        await take(pen, 2)
        await pen.ack([event(1).case_id, event(1).case_id, "case/shop/unknown"])
        assert set(await pen.acknowledged([event(1).case_id, event(2).case_id, "case/shop/unknown"])) == {
            event(1).case_id
        }
        kept = await pen.kept(event(1).case_id)
        assert kept is not None
        assert not kept.unread
        assert kept.meaning
        assert await pen.kept("case/shop/unknown") is None

    async def test_a_flood_of_one_tenant_makes_no_other_wait(self, pen: Inbox) -> None:
        await asyncio.gather(*(pen.put(event(f"f{n}", tenant="flood")) for n in range(100)))
        await asyncio.gather(*(pen.put(event(f"s{n}", tenant="small")) for n in range(4)))
        await asyncio.gather(*(pen.put(event(f"u{n}", tenant="flood", priority=Priority.URGENT)) for n in range(3)))
        first = await take(pen, 10)
        lanes = Counter(item.lane for item in first)
        assert lanes[PenLane("small")] == 4
        assert lanes[PenLane("flood", Priority.URGENT)] == 3
        assert len(await take(pen, 97)) == 97

    async def test_within_a_lane_the_oldest_comes_first(self, pen: Inbox) -> None:
        for n in range(8):
            await pen.put(event(n))
        assert [item.event_id for item in await take(pen, 8)] == [f"evt_{n}" for n in range(8)]

    async def test_depth_tells_what_waits(self, pen: Inbox) -> None:
        for n in range(5):
            await pen.put(event(n, received_at=datetime.now(UTC) - timedelta(seconds=100)))
        await take(pen, 2)
        depth = await pen.depth()
        assert (depth.ready, depth.leased, depth.total) == (3, 2, 5)
        assert depth.lanes == {"default/normal": 3}
        assert depth.oldest_s > 99
        await pen.check_writable()

    async def test_ids_come_in_pages(self, pen: Inbox) -> None:
        await asyncio.gather(*(pen.put(event(f"{n:02d}")) for n in range(25)))
        first = await pen.accepted(limit=10)
        assert first == [event(f"{n:02d}").case_id for n in range(10)]
        assert len(await pen.accepted(first[-1], limit=100)) == 15
