"""What a broker under the holding pen promises, on any broker. Sub-classed with a `new_broker` fixture."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import pytest

from domain.errors import TransientError
from ports.incoming.broker import Broker, Delivery

NewBroker = Callable[[], Awaitable[Broker]]
"""Opens one more object on the same lanes, as another process would; closed after the test by the fixture."""

SOON_S = 20.0  # a broker may take a moment; a promise that is broken takes longer than this
LANE = "acme/normal"


async def take(broker: Broker, lane: str, number: int, *, within_s: float = SOON_S) -> list[Delivery]:
    """Receive until so many messages came, or none came for `within_s` seconds."""
    taken: list[Delivery] = []
    give_up_at = time.monotonic() + within_s
    while len(taken) < number and time.monotonic() < give_up_at:
        came = await broker.receive({lane: number - len(taken)})
        assert {delivery.lane for delivery in came} <= {lane}
        taken += came
        if not came:
            await asyncio.sleep(0.05)
    return taken


async def wait_for_waiting(broker: Broker, expected: dict[str, int]) -> None:
    """Wait until that many messages wait: brokers may count a moment late."""
    give_up_at = time.monotonic() + SOON_S
    while (counted := await broker.waiting(list(expected))) != expected:
        assert time.monotonic() < give_up_at, f"{counted} wait instead of {expected}"
        await asyncio.sleep(0.05)


async def publish(broker: Broker, lane: str, contents: Sequence[bytes]) -> None:
    results = await broker.publish([(lane, content) for content in contents])
    assert results == [None] * len(contents)


def numbered(count: int) -> list[bytes]:
    return [b"message %d" % number for number in range(count)]


def contents(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [delivery.content for delivery in deliveries]


class BrokerContract:
    """`keeps_order` is False for a broker that promises no order; `held_s` is how long a message is held in the test
    that nothing runs out, seconds: longer than whatever the adapter under test has to extend.
    """

    keeps_order = True
    held_s = 1.0

    @pytest.fixture
    async def broker(self, new_broker: NewBroker) -> Broker:
        return await new_broker()

    # --- in and out

    async def test_a_lane_is_emptied_in_the_order_in_which_it_was_filled(self, broker: Broker) -> None:
        await publish(broker, LANE, numbered(30))
        await publish(broker, LANE, [b"last"])
        came = contents(await take(broker, LANE, 31))
        expected = [*numbered(30), b"last"]
        assert came == expected if self.keeps_order else sorted(came) == sorted(expected)

    async def test_no_more_is_taken_than_was_asked_for(self, broker: Broker, new_broker: NewBroker) -> None:
        lanes = {"acme/normal": 7, "acme/high": 4, "umbrella/normal": 3}
        results = await broker.publish([(lane, b"%d" % n) for lane, count in lanes.items() for n in range(count)])
        assert results == [None] * 14
        await wait_for_waiting(broker, lanes)
        held: Counter[str] = Counter()
        give_up_at = time.monotonic() + SOON_S
        while held.total() < 5 and time.monotonic() < give_up_at:
            came = await broker.receive(
                {"acme/normal": 3 - held["acme/normal"], "umbrella/normal": 2 - held["umbrella/normal"]}
            )
            held.update(delivery.lane for delivery in came)
        assert held == {"acme/normal": 3, "umbrella/normal": 2}
        # What was not asked for is not held by the one that asked: another process gets all of it.
        await wait_for_waiting(broker, {"acme/normal": 4, "acme/high": 4, "umbrella/normal": 1})
        other = await new_broker()
        assert len(await take(other, "acme/normal", 5, within_s=3.0)) == 4
        assert len(await take(other, "umbrella/normal", 1)) == 1

    async def test_one_who_asked_in_vain_holds_nothing_that_comes_later(
        self, broker: Broker, new_broker: NewBroker
    ) -> None:
        await publish(broker, LANE, [b"first"])
        idle = await new_broker()
        await broker.settle(await take(idle, LANE, 1))
        assert await idle.receive({LANE: 10, "never/normal": 10}) == []
        await publish(broker, LANE, numbered(5))
        assert len(await take(broker, LANE, 5)) == 5

    async def test_a_lane_that_was_never_used_is_empty(self, broker: Broker) -> None:
        await publish(broker, LANE, [b"one"])
        assert await broker.receive({"never/normal": 5, "neither/high": 1}) == []
        assert await broker.given_up(["never/normal"], 5) == []
        await wait_for_waiting(broker, {"never/normal": 0, LANE: 1, "neither/high": 0})
        assert contents(await take(broker, LANE, 1)) == [b"one"]

    async def test_nothing_asked_is_nothing_done(self, broker: Broker) -> None:
        await publish(broker, LANE, [b"one"])
        assert await broker.publish([]) == []
        assert await broker.receive({}) == []
        assert await broker.receive({LANE: 0}) == []
        assert await broker.waiting([]) == {}
        assert await broker.given_up([LANE], 0) == []
        await broker.settle([])
        await broker.give_back([])
        assert len(await take(broker, LANE, 1)) == 1

    async def test_lanes_with_names_alike_are_different_lanes(self, broker: Broker) -> None:
        names = [
            "a/b.c",
            "a.b/c",
            "a/b/c",
            "a.b.c",
            "a~b/c",
            "a~2Fb",
            "a_b/c",
            "a-b/c",
            "A/b/c",
            "a//b",
            "a/",
            ".",
            "~",
        ]
        names += ["n" * 81 + "/urgent-1", "n" * 81 + "/urgent-2"]
        assert await broker.publish([(name, name.encode()) for name in names]) == [None] * len(names)
        for name in names:
            [came] = await take(broker, name, 1)
            assert (came.lane, came.content) == (name, name.encode())
        assert await broker.receive(dict.fromkeys(names, 1)) == []

    async def test_every_byte_and_a_mebibyte_arrive_as_they_were_sent(self, broker: Broker) -> None:
        every_byte = bytes(range(256))
        large = (every_byte * 4096)[: broker.max_bytes]
        sent = [every_byte, large, b"\x00", "Grüße 🦆".encode()]
        await publish(broker, LANE, sent)
        assert sorted(contents(await take(broker, LANE, 4))) == sorted(sent)

    async def test_what_is_too_large_is_refused_and_the_others_are_taken(self, broker: Broker) -> None:
        too_large = bytes(broker.max_bytes + 1)
        before, refused, after = await broker.publish([(LANE, b"before"), (LANE, too_large), (LANE, b"after")])
        assert (before, after) == (None, None)
        assert isinstance(refused, TransientError)
        assert sorted(contents(await take(broker, LANE, 3, within_s=1.0))) == [b"after", b"before"]

    async def test_the_same_bytes_twice_are_two_messages(self, broker: Broker) -> None:
        await publish(broker, LANE, [b"same", b"same"])
        assert contents(await take(broker, LANE, 2)) == [b"same", b"same"]

    async def test_500_at_once_are_all_confirmed_and_all_there(self, broker: Broker) -> None:
        lanes = [f"tenant-{number}/normal" for number in range(5)]
        sent = [(lanes[number % 5], b"%d" % number) for number in range(500)]
        results = await asyncio.gather(*(broker.publish([message]) for message in sent))
        assert results == [[None]] * 500
        came = [(delivery.lane, delivery.content) for lane in lanes for delivery in await take(broker, lane, 100)]
        assert sorted(came) == sorted(sent)
        assert await broker.receive(dict.fromkeys(lanes, 10)) == []

    # --- whose a message is

    async def test_what_is_settled_never_comes_again(self, broker: Broker, new_broker: NewBroker) -> None:
        await publish(broker, LANE, numbered(4))
        taken = await take(broker, LANE, 4)
        await broker.settle(taken[:1])
        await broker.settle(taken[1:])
        await broker.close()
        other = await new_broker()
        assert await take(other, LANE, 1, within_s=2.0) == []
        await wait_for_waiting(other, {LANE: 0})

    async def test_settled_twice_is_no_error(self, broker: Broker) -> None:
        await publish(broker, LANE, numbered(2))
        taken = await take(broker, LANE, 2)
        await broker.settle(taken)
        await broker.settle(taken)
        await broker.give_back(taken)
        await broker.settle([taken[0], taken[0]])
        await publish(broker, LANE, [b"next"])
        assert contents(await take(broker, LANE, 1)) == [b"next"]
        await wait_for_waiting(broker, {LANE: 0})

    async def test_what_is_held_is_nobody_elses(self, broker: Broker, new_broker: NewBroker) -> None:
        await publish(broker, LANE, numbered(3))
        held = await take(broker, LANE, 3)
        other = await new_broker()
        assert await take(other, LANE, 1, within_s=self.held_s) == []
        await broker.settle(held)
        await broker.close()
        assert await take(other, LANE, 1, within_s=2.0) == []

    async def test_what_is_given_back_comes_to_anybody_and_counts(self, broker: Broker, new_broker: NewBroker) -> None:
        await publish(broker, LANE, [b"one"])
        [first] = await take(broker, LANE, 1)
        assert first.deliveries == 1
        await broker.give_back([first])
        other = await new_broker()
        [second] = await take(other, LANE, 1)
        assert (second.content, second.deliveries) == (b"one", 2)
        # Whoever gave it back has no say any more.
        await broker.settle([first])
        await other.give_back([second])
        [third] = await take(broker, LANE, 1)
        assert third.deliveries == 3

    async def test_what_a_dead_process_held_comes_again_and_counts(self, broker: Broker, new_broker: NewBroker) -> None:
        await publish(broker, LANE, numbered(3))
        dying = await new_broker()
        held = await take(dying, LANE, 2)
        assert [delivery.deliveries for delivery in held] == [1, 1]
        await dying.close()
        came = await take(broker, LANE, 3)
        assert {delivery.content: delivery.deliveries for delivery in came} == {
            b"message 0": 2,
            b"message 1": 2,
            b"message 2": 1,
        }

    async def test_what_came_too_often_is_given_up_with_its_lane(self, broker: Broker, new_broker: NewBroker) -> None:
        await publish(broker, LANE, [b"poison"])
        given_up: list[Delivery] = []
        give_up_at = time.monotonic() + 3 * SOON_S
        while not given_up and time.monotonic() < give_up_at:
            await broker.give_back(await broker.receive({LANE: 1}))
            given_up = await broker.given_up([LANE, "never/normal"], 5)
        assert [(delivery.lane, delivery.content) for delivery in given_up] == [(LANE, b"poison")]
        await wait_for_waiting(broker, {LANE: 0})
        # Nobody else has it until it is given back, and once settled it is gone.
        other = await new_broker()
        assert await other.given_up([LANE], 5) == []
        await broker.give_back(given_up)
        again: list[Delivery] = []
        while not again and time.monotonic() < give_up_at:
            again = await other.given_up([LANE], 5)
        assert contents(again) == [b"poison"]
        await other.settle(again)
        await other.close()
        assert await broker.given_up([LANE], 5) == []
        assert await broker.receive({LANE: 1}) == []

    async def test_two_who_receive_share_without_doubles(self, broker: Broker, new_broker: NewBroker) -> None:
        await publish(broker, LANE, numbered(120))
        other = await new_broker()
        came: list[bytes] = []

        async def work(mine: Broker) -> None:
            give_up_at = time.monotonic() + SOON_S
            while len(came) < 120 and time.monotonic() < give_up_at:
                taken = await mine.receive({LANE: 7})
                came.extend(contents(taken))
                await mine.settle(taken)

        await asyncio.gather(work(broker), work(other))
        assert sorted(came) == sorted(numbered(120))

    async def test_calls_of_all_kinds_at_once_do_not_disturb_each_other(self, broker: Broker) -> None:
        lanes = [f"tenant-{number}/normal" for number in range(4)]
        came: list[bytes] = []

        async def fill(lane: str) -> None:
            for number in range(10):
                await publish(broker, lane, [f"{lane} {number}".encode()])

        async def empty(lane: str) -> None:
            mine = 0
            give_up_at = time.monotonic() + SOON_S
            while mine < 10 and time.monotonic() < give_up_at:
                taken = await broker.receive({lane: 3, "never/normal": 1})
                mine += len(taken)
                came.extend(contents(taken))
                await broker.settle(taken)

        async def look() -> None:
            for _ in range(10):
                assert set(await broker.waiting([*lanes, "never/normal"])) == {*lanes, "never/normal"}
                await broker.check()

        await asyncio.gather(*map(fill, lanes), *map(empty, lanes), look(), look())
        assert sorted(came) == sorted(f"{lane} {number}".encode() for lane in lanes for number in range(10))

    async def test_a_call_that_is_cancelled_loses_nothing(self, broker: Broker, new_broker: NewBroker) -> None:
        await publish(broker, LANE, numbered(40))
        for pause in (0.0, 0.0005, 0.002, 0.005, 0.02):
            call = asyncio.ensure_future(broker.receive({LANE: 40}))
            await asyncio.sleep(pause)
            if call.done():
                await broker.give_back(call.result())
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        # What such a call had taken is nobody's until its process ends, at the latest.
        await broker.close()
        came = await take(await new_broker(), LANE, 40)
        assert sorted(contents(came)) == sorted(numbered(40))

    async def test_it_is_ready_and_can_be_closed_twice(self, broker: Broker) -> None:
        await broker.check()
        await broker.close()
        await broker.close()


class RestartContract:
    """What holds when the broker itself is killed. Sub-classed with a `kill_and_restart` fixture beside `new_broker`:
    it kills the broker at once, keeps it away for some seconds and returns when it is up again. `keeps_holders` is True
    for a broker that knows afterwards who held what.
    """

    keeps_holders = False

    async def test_what_was_confirmed_is_there_after_the_broker_was_killed(
        self, new_broker: NewBroker, kill_and_restart: Callable[[], Awaitable[None]]
    ) -> None:
        broker = await new_broker()
        confirmed: list[bytes] = []
        refused = 0
        up_again = asyncio.ensure_future(kill_and_restart())
        number = 0
        after = 0
        while after < 5:
            batch = [b"%d" % n for n in range(number, number + 20)]
            number += 20
            try:
                async with asyncio.timeout(SOON_S):  # nothing hangs
                    results = await broker.publish([(LANE, content) for content in batch])
            except TransientError as e:
                results = [e] * len(batch)
            confirmed += [content for content, result in zip(batch, results, strict=True) if result is None]
            if any(results):
                refused += 1
                await asyncio.sleep(0.05)
            elif up_again.done():
                after += 1
        await up_again
        assert refused, "the broker was never away"
        came: Counter[bytes] = Counter()
        while taken := await take(broker, LANE, 500, within_s=2.0):
            came.update(contents(taken))
            await broker.settle(taken)
        assert set(confirmed) <= set(came)

    async def test_every_call_ends_while_the_broker_is_away(
        self, new_broker: NewBroker, kill_and_restart: Callable[[], Awaitable[None]]
    ) -> None:
        broker = await new_broker()
        await publish(broker, LANE, numbered(6))
        held = await take(broker, LANE, 3)
        up_again = asyncio.ensure_future(kill_and_restart())
        failed: set[str] = set()
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "publish": lambda: publish(broker, "other/normal", [b"x"]),
            "waiting": lambda: broker.waiting([LANE]),
            "receive": lambda: broker.receive({"never/normal": 1}),
            "given_up": lambda: broker.given_up([LANE], 1),
            "check": broker.check,
        }
        while not up_again.done():
            for name, call in calls.items():
                try:
                    async with asyncio.timeout(SOON_S):
                        await call()
                except (TransientError, AssertionError):  # the latter: not confirmed
                    failed.add(name)
            await asyncio.sleep(0.05)
        await up_again
        assert failed == set(calls)
        # By itself it works again, and what was held comes once more: the old handles are worth nothing, and no error.
        # A broker that keeps its holders settles them instead.
        give_up_at = time.monotonic() + SOON_S
        while True:
            try:
                await broker.check()
                break
            except TransientError:
                assert time.monotonic() < give_up_at
                await asyncio.sleep(0.1)
        await broker.settle(held)
        expected = numbered(6)[3:] if self.keeps_holders else numbered(6)
        assert sorted(contents(await take(broker, LANE, len(expected)))) == expected
        assert await broker.receive({LANE: 6}) == []
