"""The contract of brokers on a real Redis, and what only Redis can do wrong."""

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress

import pytest

from adapters.inbox.brokers.redis_streams import MOST_DELIVERIES, RedisBroker
from domain.errors import ConfigurationError, TransientError
from ports.incoming.broker import Broker, Delivery
from tests.contracts.pens.broker import (
    LANE,
    SOON_S,
    BrokerContract,
    NewBroker,
    RestartContract,
    contents,
    numbered,
    publish,
    take,
    wait_for_waiting,
)
from tests.redis_server import SAFE, RedisServer, running_redis
from tests.slow_line import slow_line

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis(*SAFE) as running:
        yield running


Opening = Callable[[str], RedisBroker]


@pytest.fixture
async def opened() -> AsyncIterator[Opening]:
    """Opens brokers by their URL, and closes them after the test. What a dead one held is for others in two seconds."""
    made: list[RedisBroker] = []

    def open_one(url: str) -> RedisBroker:
        made.append(RedisBroker.from_url(url, held_s=2.0))
        return made[-1]

    yield open_one
    for broker in made:
        await broker.close()


@pytest.fixture
def url(server: RedisServer) -> str:
    """Of a prefix that nobody has used."""
    return server.url(f"headgate{next(NUMBERS)}")


@pytest.fixture
def new_broker(opened: Opening, url: str) -> NewBroker:
    async def make() -> Broker:
        return opened(url)

    return make


class TestRedis(BrokerContract):
    held_s = 4.0


class TestRedisRestarted(RestartContract):
    keeps_holders = True

    @pytest.fixture
    def restarted(self) -> Iterator[RedisServer]:
        with running_redis(*SAFE) as running:
            yield running

    @pytest.fixture
    def url(self, restarted: RedisServer) -> str:
        return restarted.url("headgate")

    @pytest.fixture
    def kill_and_restart(self, restarted: RedisServer) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            await asyncio.sleep(0.3)
            restarted.kill()
            await asyncio.sleep(1.5)
            await asyncio.to_thread(restarted.start)

        return work


# --- whose a message is


async def test_what_a_process_held_that_died_without_a_word_comes_to_another(
    server: RedisServer, opened: Opening, url: str
) -> None:
    dying, living = opened(url), opened(url)
    await publish(dying, LANE, numbered(3))
    assert len(await take(dying, LANE, 2)) == 2
    await dying._consumer.stop()
    came = {delivery.content: delivery.deliveries for delivery in await take(living, LANE, 3)}
    assert came == {b"message 0": 2, b"message 1": 2, b"message 2": 1}
    # What it was is forgotten, but for those who live.
    [consumers] = [server.client().xinfo_consumers(f"{url.rpartition('=')[2]}:lane:{LANE}", "headgate")]
    assert {consumer["name"] for consumer in consumers} == {living._consumer.name.encode(), b"returned"}


async def test_an_answer_that_is_lost_loses_no_message(opened: Opening, url: str) -> None:
    broker = opened(url)
    await publish(broker, LANE, numbered(3))
    [known] = await broker.receive({LANE: 1})
    real = broker._take_script

    async def lost(*given: object) -> object:
        await real(*given)  # type: ignore[arg-type]
        raise ConnectionResetError

    broker._take_script = lost  # type: ignore[assignment]
    with pytest.raises(TransientError):
        await broker.receive({LANE: 1})
    broker._take_script = real
    came = await take(broker, LANE, 2)
    assert {d.content: d.deliveries for d in came} == {b"message 1": 2, b"message 2": 1}
    await broker.settle([known, *came])
    await wait_for_waiting(broker, {LANE: 0})


async def test_what_comes_more_slowly_than_a_call_may_take_comes_in_parts(
    server: RedisServer, opened: Opening, url: str
) -> None:
    sent = [b"%03d" % n + bytes(100_000) for n in range(30)]
    await publish(opened(url), LANE, sent)
    async with slow_line(server.port, 600_000) as port:
        slow = opened(url.replace(str(server.port), str(port)))
        came: list[Delivery] = []
        parts = 0
        give_up_at = time.monotonic() + 3 * SOON_S
        while len(came) < 30 and time.monotonic() < give_up_at:
            with suppress(TransientError):
                part = await slow.receive({"never/normal": 30, LANE: 30})
                await slow.settle(part)
                came += part
                parts += bool(part)
        await slow.close()
    assert sorted(contents(came)) == sent
    assert parts > 1
    assert max(delivery.deliveries for delivery in came) < 10


async def test_large_ones_come_all_at_once_where_there_is_time(opened: Opening, url: str) -> None:
    broker = opened(url)
    sent = [b"%03d" % n + bytes(90_000) for n in range(24)]
    for lane in (LANE, "acme/high"):
        await publish(broker, lane, sent)
    came = await broker.receive({LANE: 10, "acme/high": 20})
    assert [delivery.content for delivery in came if delivery.lane == LANE] == sent[:10]
    assert [delivery.content for delivery in came if delivery.lane == "acme/high"] == sent[:20]
    await broker.give_back(came)
    assert sorted(contents(await broker.receive({LANE: 24}))) == sent


async def test_one_who_is_cancelled_between_two_parts_holds_nothing(opened: Opening, url: str) -> None:
    broker = opened(url)
    await publish(broker, LANE, [b"%d" % n + bytes(200_000) for n in range(4)])
    real, asked = broker._take_script, asyncio.Event()

    async def slow_after_the_first(*given: object) -> object:
        if asked.is_set():
            await asyncio.sleep(60.0)
        asked.set()
        return await real(*given)  # type: ignore[arg-type]

    broker._take_script = slow_after_the_first  # type: ignore[assignment]
    call = asyncio.ensure_future(broker.receive({LANE: 4}))
    await asyncio.sleep(0.5)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    broker._take_script = real
    assert len(await take(broker, LANE, 4)) == 4


async def test_those_who_settle_too_late_change_nothing(opened: Opening, url: str) -> None:
    first, second = opened(url), opened(url)
    await publish(first, LANE, [b"one"])
    held = await take(first, LANE, 1)
    await first._consumer._disown([held[0].handle.stream], first._consumer.name.encode(), "own", "keep")
    assert await second.receive({LANE: 1}) == []  # it is known to be held
    first._consumer.held.clear()
    await first._consumer._disown([held[0].handle.stream], first._consumer.name.encode(), "own", "keep")
    [taken] = await take(second, LANE, 1)
    await first.settle(held)
    await first.give_back(held)
    assert await first.receive({LANE: 1}) == []
    await second.give_back([taken])
    assert [delivery.deliveries for delivery in await take(first, LANE, 1)] == [3]


async def test_a_redis_that_stood_still_leaves_everybody_what_they_held(
    server: RedisServer, opened: Opening, url: str
) -> None:
    first, second = opened(url), opened(url)
    await publish(first, LANE, numbered(4))
    held = await take(first, LANE, 2)
    assert len(await take(second, LANE, 1)) == 1
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(3.0)  # longer than a process may be silent
    server.process.send_signal(signal.SIGCONT)
    assert contents(await take(second, LANE, 3, within_s=4.0)) == [b"message 3"]
    await first.settle(held)
    await wait_for_waiting(first, {LANE: 0})
    first_lane = f"{url.rpartition('=')[2]}:lane:{LANE}"
    assert server.client().xlen(first_lane) == 2


async def test_a_redis_that_was_flushed_is_used_on(server: RedisServer, opened: Opening, url: str) -> None:
    broker = opened(url)
    await publish(broker, LANE, numbered(2))
    held = await take(broker, LANE, 1)
    server.client().flushall()
    server.client().script_flush()
    await broker.settle(held)
    assert await broker.receive({LANE: 1}) == []
    await publish(broker, LANE, [b"new"])
    assert contents(await take(broker, LANE, 1)) == [b"new"]
    await wait_for_waiting(broker, {LANE: 0})


async def test_given_up_goes_on_counting(new_broker: NewBroker) -> None:
    broker = await new_broker()
    await publish(broker, LANE, [b"poison"])
    for times in range(1, MOST_DELIVERIES + 1):
        [delivery] = await broker.receive({LANE: 1})
        assert delivery.deliveries == times
        await broker.give_back([delivery])
    assert await broker.receive({LANE: 1}) == []
    [given_up] = await broker.given_up([LANE], 1)
    assert given_up.deliveries == MOST_DELIVERIES + 1


async def test_what_somebody_else_put_there_comes_too(server: RedisServer, opened: Opening, url: str) -> None:
    prefix = url.rpartition("=")[2]
    broker = opened(url)
    server.client().xadd(f"{prefix}:lane:{LANE}", {"body": b"\xff\x00"})
    assert contents(await take(broker, LANE, 1)) == [b"body \xff\x00"]


# --- a server that is full, wrong, or not ours


def filled(server: RedisServer) -> None:
    used = int(server.client().info("memory")["used_memory"])
    server.client().config_set("maxmemory", used - 1_000_000)


async def test_a_full_one_refuses_and_can_be_emptied(opened: Opening) -> None:
    with running_redis(*SAFE) as server:
        broker = opened(server.url("headgate"))
        await publish(broker, LANE, [b"x" * 10_000] * 300)
        await publish(broker, "new/normal", [b"never looked at"])
        filled(server)
        with pytest.raises(TransientError, match="memory"):
            await broker.publish([(LANE, b"refused")])
        with pytest.raises(TransientError, match="memory"):
            await broker.check()
        # A process that comes only now gets everything, the poison out of the way.
        late = opened(server.url("headgate"))
        assert await broker.waiting([LANE]) == {LANE: 300}
        for _ in range(MOST_DELIVERIES):
            await late.give_back(await late.receive({"new/normal": 1}))
        assert await late.receive({"new/normal": 1}) == []
        assert contents(await late.given_up(["new/normal"], 1)) == [b"never looked at"]
        held = await take(late, LANE, 300)
        assert len(held) == 300
        await late.settle(held)
        await wait_for_waiting(late, {LANE: 0})
        await publish(broker, LANE, [b"room again"])


async def test_one_that_reads_its_files_is_waited_for(opened: Opening) -> None:
    with running_redis(*SAFE) as server:
        broker = opened(server.url("headgate"))
        await publish(broker, LANE, numbered(6000))
        server.kill()
        slowly = ("--key-load-delay", "500")  # microseconds for each; it answers after every 1024
        started = asyncio.ensure_future(asyncio.to_thread(server.start, *slowly))
        said: set[str] = set()
        while not started.done():
            try:
                await broker.check()
            except TransientError as e:
                said.add(str(e))
            await asyncio.sleep(0.02)
        await started
        assert any("is loading" in text for text in said), said
        assert contents(await take(broker, LANE, 6000)) == numbered(6000)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "appendonly yes"),
        (("--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"), "maxmemory-policy allkeys-lru.*noeviction"),
        (("--appendonly", "yes", "--appendfsync", "no"), "appendfsync no.*everysec"),
        ((*SAFE, "--requirepass", "sesame"), "it refuses us"),
        ((*SAFE, "--databases", "1"), "database number"),
        ((*SAFE, "--cluster-enabled", "yes"), "cluster"),
    ],
)
async def test_a_redis_that_cannot_keep_payloads_is_refused(
    options: tuple[str, ...], said: str, opened: Opening
) -> None:
    with running_redis(*options) as server:
        url = server.url("headgate")
        url = url.replace("//", "//:wrong-secret@") if "--requirepass" in options else url
        broker = opened(url.replace("/0?", "/1?") if "--databases" in options else url)
        for call in (broker.check(), broker.publish([(LANE, b"x")]), broker.receive({LANE: 1})):
            with pytest.raises(ConfigurationError, match=f"HEADGATE_INBOX.*{said}") as refusal:
                await call
            assert "wrong-secret" not in str(refusal.value)


async def test_everysec_will_do_and_the_right_password_too(opened: Opening) -> None:
    with running_redis("--appendonly", "yes", "--appendfsync", "everysec", "--requirepass", "se/same") as server:
        broker = opened(server.url("headgate").replace("//", "//:se%2Fsame@"))
        await publish(broker, LANE, [b"one"])
        assert contents(await take(broker, LANE, 1)) == [b"one"]


async def test_a_key_that_is_no_stream_is_named(server: RedisServer, opened: Opening, url: str) -> None:
    prefix = url.rpartition("=")[2]
    server.client().set(f"{prefix}:lane:{LANE}", "mine")
    broker = opened(url)
    for call in (
        broker.publish([(LANE, b"x")]),
        broker.receive({"good/normal": 1, LANE: 1}),
        broker.waiting([LANE]),
    ):
        with pytest.raises(ConfigurationError, match=r"HEADGATE_INBOX.*no stream"):
            await call
    # The other lanes are filled all the same, and nothing of them was taken by the call that failed.
    good, bad = await broker.publish([("good/normal", b"x"), (LANE, b"x")])
    assert good is None
    assert isinstance(bad, TransientError)
    assert len(await take(broker, "good/normal", 1)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis:///0",
        "redis://host:port/0",
        "redis://host/zero",
        "redis://host/0?prefix=",
        "redis://host/0?prefix=a b",
        "redis://host/0?colour=red",
        "redis://host/0?ssl_ca_certs=/ca.pem",
        "rediss://host/0?ssl_ca_certs=/nowhere/ca.pem",
        "http://host/0",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="HEADGATE_INBOX"):
        RedisBroker.from_url(url)


async def test_a_server_that_hangs_is_a_fault_within_seconds(opened: Opening) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    broker = opened(f"redis://127.0.0.1:{port}/0")
    delivery = Delivery(LANE, b"", 1, None)
    calls: list[Awaitable[object]] = [
        broker.check(),
        broker.publish([(LANE, b"x")]),
        broker.receive({LANE: 1}),
        broker.waiting([LANE]),
        broker.given_up([LANE], 1),
    ]
    started = time.monotonic()
    for result in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(result, TransientError)
    await broker.settle([delivery])  # none of its own
    await broker.close()
    assert time.monotonic() - started < 20.0
    silent.close()
