"""The contract of brokers on a speaker of SQS that is not ours, and what only SQS can do wrong."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.inbox.brokers.sqs import SqsBroker
from adapters.inbox.brokers.sqs_address import in_safe_letters, out_of_safe_letters, sqs_address
from adapters.inbox.brokers.sqs_faults import sqs_faults
from adapters.inbox.brokers.sqs_queues import MOST_DELIVERIES
from domain.errors import ConfigurationError, TransientError
from ports.incoming.broker import Broker
from tests.contracts.pens.broker import (
    LANE,
    BrokerContract,
    NewBroker,
    contents,
    numbered,
    publish,
    take,
    wait_for_waiting,
)
from tests.sqs_server import SqsServer, running_sqs

NUMBERS = itertools.count()
HELD_S = 4
CALL_S = 20.0  # on a machine that does much else, in an environment that was started just now

Opening = Callable[[str], SqsBroker]


@pytest.fixture(scope="module")
def server() -> Iterator[SqsServer]:
    with running_sqs() as running:
        yield running


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
async def opened() -> AsyncIterator[Opening]:
    made: list[SqsBroker] = []

    def open_one(url: str) -> SqsBroker:
        made.append(SqsBroker.from_url(url, held_s=HELD_S, call_s=CALL_S))
        return made[-1]

    yield open_one
    for broker in made:
        await broker.close()


@pytest.fixture
def url(server: SqsServer) -> str:
    """Of a prefix that nobody has used."""
    return server.url(f"headgate{next(NUMBERS)}")


@pytest.fixture
def new_broker(opened: Opening, url: str) -> NewBroker:
    async def make() -> Broker:
        return opened(url)

    return make


class TestSqs(BrokerContract):
    keeps_order = False
    held_s = HELD_S * 1.5


async def by_hand(broker: SqsBroker) -> Any:
    """A client of the same queues, as somebody else has it."""
    return await broker._queues.client()


async def test_what_a_process_held_that_died_without_a_word_comes_to_another(opened: Opening, url: str) -> None:
    dying, living = opened(url), opened(url)
    await publish(dying, LANE, numbered(3))
    assert len(await take(dying, LANE, 2)) == 2
    dying._holding._held.clear()  # it does not go on holding them
    came = {delivery.content: delivery.deliveries for delivery in await take(living, LANE, 3)}
    assert sorted(came.values()) == [1, 2, 2]


async def test_what_was_received_too_often_is_put_aside_by_sqs(opened: Opening, url: str) -> None:
    broker = opened(url)
    await publish(broker, LANE, [b"poison"])
    for times in range(1, MOST_DELIVERIES + 1):
        [delivery] = await take(broker, LANE, 1)
        assert delivery.deliveries == times
        await broker.give_back([delivery])
    assert await broker.receive({LANE: 1}) == []
    [given_up] = await broker.given_up(["other/normal", LANE], 5)
    assert (given_up.lane, given_up.content, given_up.deliveries) == (LANE, b"poison", MOST_DELIVERIES + 1)
    await broker.settle([given_up])


async def test_what_somebody_put_aside_with_a_lane_of_his_own_is_told_and_hides_nothing(
    opened: Opening, url: str
) -> None:
    broker = opened(url)
    await broker.check([LANE])
    client = await by_hand(broker)
    queue = await broker._queues.given_up()
    strange = {"headgate_lane": {"DataType": "String", "StringValue": in_safe_letters("strange/normal")}}
    for n in range(3):
        await client.send_message(QueueUrl=queue, MessageBody=f"c3RyYW5nZQ{n}", MessageAttributes=strange)
    ours = {"headgate_lane": {"DataType": "String", "StringValue": in_safe_letters("acme/high")}}
    await client.send_message(QueueUrl=queue, MessageBody="b3Vycw==", MessageAttributes=ours)
    came = []
    for _ in range(4):
        [one] = await broker.given_up([LANE, "acme/high"], 1)
        came.append(one)
        await broker.settle([one])
    assert [delivery.content for delivery in came if delivery.lane == "acme/high"] == [b"ours"]
    assert [delivery.lane for delivery in came].count(LANE) == 3
    assert await broker.given_up([LANE, "acme/high"], 5) == []


@pytest.mark.parametrize("fault", ["refused", "late"])
async def test_what_came_before_a_fault_is_kept(fault: str, opened: Opening, url: str) -> None:
    broker = opened(url)
    await publish(broker, LANE, numbered(25))
    broker._queues.call_s = 2.0
    client = await by_hand(broker)
    real, asked = client.receive_message, itertools.count()

    async def second_fails(**given: Any) -> Any:
        if next(asked) == 1:
            if fault == "late":
                await asyncio.sleep(60.0)
            raise EndpointConnectionError(endpoint_url="https://sqs.somewhere")
        return await real(**given)

    client.receive_message = second_fails
    came = await broker.receive({LANE: 25})
    assert 0 < len(came) <= 10
    client.receive_message, broker._queues.call_s = real, CALL_S
    assert all(handle in broker._holding._held for handle in (delivery.handle for delivery in came))
    came += await take(broker, LANE, 25 - len(came))
    assert sorted(contents(came)) == sorted(numbered(25))
    assert {delivery.deliveries for delivery in came} == {1}


async def test_messages_of_somebody_else_come_as_they_are(opened: Opening, url: str) -> None:
    broker = opened(url)
    await publish(broker, LANE, [b"ours", b""])
    client = await by_hand(broker)
    queue = await broker._queues.url(LANE, make=False)
    for body in ("no base64: Grüße", "abcd"):  # the second one would be base64, too
        await client.send_message(QueueUrl=queue, MessageBody=body)
    came = contents(await take(broker, LANE, 4))
    assert sorted(came) == sorted([b"ours", b"", "no base64: Grüße".encode(), b"abcd"])


async def test_batches_are_no_larger_than_sqs_takes(opened: Opening, url: str) -> None:
    broker = opened(url)
    sent = [bytes([n]) * 100_000 for n in range(12)]
    await publish(broker, LANE, sent)
    assert sorted(contents(await take(broker, LANE, 12))) == sorted(sent)
    seen: list[int] = []
    client = await by_hand(broker)
    real = client.send_message_batch

    async def measured(**given: Any) -> Any:
        seen.append(sum(len(entry["MessageBody"]) for entry in given["Entries"]))
        return await real(**given)

    client.send_message_batch = measured
    await publish(broker, LANE, sent)
    assert max(seen) <= 256 * 1024
    assert len(seen) == 12


async def test_what_sqs_refuses_of_a_batch_is_named_and_the_rest_is_taken(opened: Opening, url: str) -> None:
    broker = opened(url)
    await publish(broker, LANE, [b"first"])
    client = await by_hand(broker)
    real = client.send_message_batch

    async def half(**given: Any) -> Any:
        taken = [entry for entry in given["Entries"] if int(entry["Id"]) % 2 == 0]
        answer = await real(**{**given, "Entries": taken})
        refused = {"Code": "InternalError", "Message": "try again", "SenderFault": False}
        return {**answer, "Failed": [{**refused, "Id": e["Id"]} for e in given["Entries"] if e not in taken]}

    client.send_message_batch = half
    results = await broker.publish([(LANE, b"%d" % n) for n in range(4)])
    assert [result is None for result in results] == [True, False, True, False]
    assert "InternalError: try again" in str(results[1])
    assert sorted(contents(await take(broker, LANE, 3))) == [b"0", b"2", b"first"]


async def test_a_queue_that_is_another_ones_is_refused(opened: Opening, url: str) -> None:
    broker = opened(url)
    address = sqs_address(url)
    client = await by_hand(broker)
    await client.create_queue(QueueName=address.queue("plain/normal"), Attributes={"MessageRetentionPeriod": "1209600"})
    target = await client.create_queue(QueueName="elsewhere")
    arn = (await client.get_queue_attributes(QueueUrl=target["QueueUrl"], AttributeNames=["QueueArn"]))["Attributes"]
    redrive = json.dumps({"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 20})
    await client.create_queue(
        QueueName=address.queue("away/normal"),
        Attributes={"MessageRetentionPeriod": "1209600", "RedrivePolicy": redrive},
    )
    for lane in ("plain/normal", "away/normal"):
        for call in (broker.publish([(lane, b"x")]), broker.receive({lane: 1}), broker.waiting([lane])):
            with pytest.raises(ConfigurationError, match=r"HEADGATE_INBOX.*is there already.*change its attributes"):
                await call
    await publish(broker, LANE, [b"the others go on"])
    good, bad = await broker.publish([(LANE, b"x"), ("plain/normal", b"x")])
    assert good is None
    assert isinstance(bad, TransientError)


async def test_a_queue_that_was_deleted_is_made_again(opened: Opening, url: str) -> None:
    broker = opened(url)
    await publish(broker, LANE, [b"lost with its queue"])
    client = await by_hand(broker)
    await client.delete_queue(QueueUrl=await broker._queues.url(LANE, make=False))
    with pytest.raises(TransientError):
        await broker.publish([(LANE, b"x")])
    await publish(broker, LANE, [b"again"])
    assert contents(await take(broker, LANE, 1)) == [b"again"]


async def test_without_credentials_it_says_what_to_do(
    opened: Opening, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    broker = opened(url)
    for call in (broker.check(), broker.publish([(LANE, b"x")]), broker.receive({LANE: 1})):
        with pytest.raises(ConfigurationError, match=r"HEADGATE_INBOX.*AWS_ACCESS_KEY_ID"):
            await call


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDeniedException", ConfigurationError),
        (403, "InvalidClientTokenId", ConfigurationError),
        (403, "SignatureDoesNotMatch", ConfigurationError),
        (400, "RequestThrottled", TransientError),
        (503, "ServiceUnavailable", TransientError),
        (500, "InternalError", TransientError),
    ],
)
async def test_what_a_refusal_means(opened: Opening, status: int, code: str, kind: type[Exception]) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        body = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "no"}).encode()
        head = f"HTTP/1.1 {status} No\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(refuse, "127.0.0.1", 0)
    broker = opened(f"sqs://eu-central-1/headgate?endpoint=http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    for call in (
        broker.check(),
        broker.publish([(LANE, b"x")]),
        broker.receive({LANE: 1}),
        broker.given_up([LANE], 1),
        broker.waiting([LANE]),
    ):
        with pytest.raises(kind, match=code):
            await call
    await broker.close()
    listening.close()


async def test_one_that_hangs_or_is_away_is_a_fault_within_seconds() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass
        writer.close()

    listening = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    hanging = SqsBroker.from_url(f"sqs://eu-central-1/headgate?endpoint=http://127.0.0.1:{port}")
    away = SqsBroker.from_url("sqs://eu-central-1/headgate?endpoint=http://127.0.0.1:9")
    started = time.monotonic()
    for broker in (hanging, away):
        calls = (
            broker.check(),
            broker.publish([(LANE, b"x")]),
            broker.receive({LANE: 1}),
            broker.given_up([LANE], 1),
            broker.waiting([LANE]),
        )
        for result in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(result, TransientError)
        await broker.close()
    assert time.monotonic() - started < 40.0
    listening.close()


async def test_it_comes_back_by_itself(opened: Opening) -> None:
    with running_sqs() as own:
        broker = opened(own.url("headgate"))
        await publish(broker, LANE, [b"forgotten by a server that keeps nothing on disk"])
        own.kill()
        with pytest.raises(TransientError):
            await broker.publish([(LANE, b"x")])
        await asyncio.to_thread(own.start)
        give_up_at = time.monotonic() + 20.0
        while True:
            try:
                await publish(broker, LANE, [b"again"])
                break
            except TransientError:
                assert time.monotonic() < give_up_at
        assert contents(await take(broker, LANE, 1)) == [b"again"]
        await wait_for_waiting(broker, {LANE: 0})


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqs://nowhere-central-1/headgate", ConfigurationError),
        ("sqs://eu-central-1/headgate", TransientError),
        ("sqs://nowhere-central-1/headgate?endpoint=http://127.0.0.1:9", TransientError),
    ],
)
async def test_a_region_that_nobody_knows_is_a_wrong_setting(url: str, kind: type[Exception], opened: Opening) -> None:
    with pytest.raises(kind, match="Could not connect"):
        async with sqs_faults(opened(url)._queues):
            raise EndpointConnectionError(endpoint_url="https://sqs.somewhere")


@pytest.mark.parametrize(
    "url",
    [
        "sqs://",
        "sqs:///headgate",
        "sqs://eu central/headgate",
        "sqs://eu-central-1/a/b",
        "sqs://eu-central-1/headgate.fifo",
        "sqs://eu-central-1/headgate?prefix=other",
        "sqs://eu-central-1?prefix=",
        "sqs://eu-central-1/headgate?endpoint=127.0.0.1",
        "sqs://eu-central-1/headgate?colour=red",
        "sqs://key:secret@eu-central-1/headgate",
        "https://sqs.eu-central-1.amazonaws.com/1/headgate",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="HEADGATE_INBOX"):
        SqsBroker.from_url(url)


def test_an_empty_queue_is_asked_seldom_since_it_costs_money() -> None:
    assert SqsBroker.look_s >= 1.0


def test_names_of_queues_are_short_and_all_different() -> None:
    address = sqs_address("sqs://eu-central-1/headgate")
    lanes = ["given-up", "a/b", "a_2fb", "a__b", "Ä", "n" * 200 + "1", "n" * 200 + "2", "_" * 40, "_" * 41]
    names = {address.queue(lane) for lane in lanes} | {address.given_up}
    assert len(names) == len(lanes) + 1
    assert all(len(name) <= 80 and name.replace("-", "").replace("_", "").isalnum() for name in names)
    assert sqs_address("sqs://eu-central-1?prefix=headgate").queue("a/b") == address.queue("a/b")
    assert [out_of_safe_letters(in_safe_letters(lane)) for lane in lanes] == lanes
