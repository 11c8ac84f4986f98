"""Amazon SQS under the pen: a standard queue of each lane, and one for what came too often, filled by SQS itself.

What SQS does not promise, and so this broker does not: order (old messages mostly come first), an exact count of what
waits, and more than 14 days; a message that is older is dropped by SQS, held or not. A message may come twice. One that
is held for more than twelve hours comes to others too. Messages go as base64, marked by an attribute that names the
lane: what has none was put there by somebody else and is taken as it is.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from adapters.inbox.brokers.gathered import Gathering, Results, outcome
from adapters.inbox.brokers.sqs_address import in_safe_letters, out_of_safe_letters, sqs_address
from adapters.inbox.brokers.sqs_faults import sqs_faults
from adapters.inbox.brokers.sqs_held import SqsHandle, SqsHolding
from adapters.inbox.brokers.sqs_queues import CALL_S, MOST_BYTES, SqsQueues, need_aiobotocore
from domain.errors import HeadgateError, TransientError
from ports.incoming.broker import Delivery

_T = TypeVar("_T")

_BATCH = 10  # SQS takes and gives no more at once
_BATCHES_AT_ONCE = 4  # of one lane
_MARK = "headgate_lane"
_FOR_ATTRIBUTES = 1024
_NOTHING = "="  # a body may not be empty
_LONG_POLL_S = 1
_LONG_POLLS = 8  # asked for more lanes than this, it does not wait


class SqsBroker:
    """`Broker` on standard queues of SQS, made when first named. What a dead process held is for others after `held_s`
    seconds, a whole number.
    """

    max_bytes = (MOST_BYTES - _FOR_ATTRIBUTES) // 4 * 3
    look_s = 1.0  # each look at each lane is a request that is paid for

    def __init__(self, queues: SqsQueues, *, held_s: int = 60) -> None:
        self._queues = queues
        self._held_s = held_s
        self._holding = SqsHolding(queues, held_s)
        self._out: dict[str, Gathering[bytes]] = {}

    @classmethod
    def from_url(cls, url: str, *, held_s: int = 60, call_s: float = CALL_S) -> "SqsBroker":
        """Return the broker at `sqs://REGION/PREFIX[?endpoint=…]`; connected when first used.
        No call takes longer than `call_s` seconds.

        Raises:
            ConfigurationError: the URL says something else, or the extra `sqs` is not installed.
        """
        address = sqs_address(url)
        need_aiobotocore(address.shown)
        return cls(SqsQueues(address, call_s), held_s=held_s)

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> list[TransientError | None]:
        """Put messages into their lanes; return for each None once SQS has it on several machines, or why not.

        Raises:
            TransientError: none of them was taken, or nobody knows.
            ConfigurationError: SQS refuses us, or a queue is not as we need it.
        """
        results: list[HeadgateError | None] = [None] * len(messages)
        lanes: dict[str, list[int]] = {}
        for n, (lane, content) in enumerate(messages):
            if len(content) > self.max_bytes:
                results[n] = TransientError(f"a message of {len(content)} bytes: at most {self.max_bytes} are taken")
            else:
                lanes.setdefault(lane, []).append(n)
        puts = (self._put(lane, [messages[n][1] for n in numbers]) for lane, numbers in lanes.items())
        for numbers, said in zip(lanes.values(), await asyncio.gather(*puts), strict=True):
            for n, result in zip(numbers, said, strict=True):
                results[n] = result
        return outcome(results)

    async def waiting(self, lanes: Sequence[str]) -> dict[str, int]:
        """Return about how many messages of each lane nobody holds, as SQS counts them: a moment late."""

        async def count(lane: str) -> int:
            url = await self._queues.url(lane, make=False)
            if url is None:
                return 0
            named = "ApproximateNumberOfMessages"
            answer = await self._queues.ask("get_queue_attributes", QueueUrl=url, AttributeNames=[named])
            return int(answer["Attributes"][named])

        counts = await self._each(lanes, count)
        for result in counts:
            if isinstance(result, BaseException):
                raise result
        return dict(zip(lanes, (n for n in counts if isinstance(n, int)), strict=True))

    async def receive(self, wanted: Mapping[str, int]) -> list[Delivery]:
        """Take up to so many messages of each lane. If nothing is there, wait a second: SQS then looks everywhere."""
        lanes = {lane: count for lane, count in wanted.items() if count > 0}
        if not lanes:
            return []

        async def take(lane: str, wait_s: int) -> list[Delivery]:
            return await self._take(self._queues.url(lane, make=False), lanes[lane], wait_s, lambda _: lane)

        async def take_all(wait_s: int) -> list[Delivery]:
            found = await asyncio.gather(*(take(lane, wait_s) for lane in lanes), return_exceptions=True)
            return self._taken(found)

        started = time.monotonic()
        found = await take_all(0)
        if not found and len(lanes) <= _LONG_POLLS and time.monotonic() - started < CALL_S / 3:
            found = await take_all(_LONG_POLL_S)
        return found

    async def given_up(self, lanes: Sequence[str], limit: int) -> list[Delivery]:
        """Take what came too often, as SQS has put it aside; what is of no known lane counts as of the first one."""
        if not lanes or limit <= 0:
            return []
        arns = {self._queues.address.queue(lane): lane for lane in lanes}

        def lane_of(message: dict[str, Any]) -> str:
            marked = message.get("MessageAttributes", {}).get(_MARK, {}).get("StringValue")
            named = out_of_safe_letters(marked) if marked else None
            source = message.get("Attributes", {}).get("DeadLetterQueueSourceArn", "").rpartition(":")[2]
            return named if named is not None and named in lanes else arns.get(source, lanes[0])

        return self._taken([await self._take(self._queues.given_up(), limit, 0, lane_of)])

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are done. What is another one's by now stays as it is.

        Raises:
            TransientError: say it again, or they come again.
        """
        handles = _handles(deliveries)
        try:
            await self._holding.delete(handles)
        finally:
            self._holding.let_go(handles)

    async def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Let others take these, at once.

        Raises:
            TransientError: SQS does not answer; they are for others in a while.
        """
        handles = _handles(deliveries)
        self._holding.let_go(handles)
        await self._holding.show(handles)

    async def check(self, lanes: Sequence[str] = ()) -> None:
        """Return if SQS answers and knows our queues; those of these lanes are made if they are not there.

        Raises:
            TransientError: it does not; says why.
            ConfigurationError: it refuses us, or a queue is not as we need it.
        """
        async with sqs_faults(self._queues):
            url = await self._queues.given_up()
            await self._queues.ask("get_queue_attributes", QueueUrl=url, AttributeNames=["QueueArn"])
            for lane in lanes:
                await self._queues.url(lane, make=True)

    async def close(self) -> None:
        """Give back what is held, and let go of the connection."""
        for out in self._out.values():
            out.stop()
        await self._holding.leave()
        await self._queues.close()

    async def _each(self, lanes: Sequence[str], work: Callable[[str], Awaitable[_T]]) -> list[_T | BaseException]:
        async def bounded(lane: str) -> _T:
            async with sqs_faults(self._queues):
                return await work(lane)

        return await asyncio.gather(*(bounded(lane) for lane in lanes), return_exceptions=True)

    # --- in

    async def _put(self, lane: str, contents: list[bytes]) -> Results:
        if lane not in self._out:
            self._out[lane] = Gathering(
                lambda batch: self._send(lane, batch), most=_BATCH, most_bytes=MOST_BYTES, at_once=_BATCHES_AT_ONCE
            )
        sized = [(content, len(content) * 4 // 3 + 4 + _FOR_ATTRIBUTES) for content in contents]
        return await self._out[lane].put(sized, self._queues.call_s)

    async def _send(self, lane: str, batch: list[bytes]) -> Results:
        mark = {_MARK: {"DataType": "String", "StringValue": in_safe_letters(lane)}}
        entries = [
            {
                "Id": str(n),
                "MessageBody": base64.b64encode(content).decode() or _NOTHING,
                "MessageAttributes": mark,
            }
            for n, content in enumerate(batch)
        ]
        async with sqs_faults(self._queues):
            url = await self._queues.url(lane, make=True)
            answer = await self._queues.ask("send_message_batch", QueueUrl=url, Entries=entries)
        confirmed = {entry["Id"] for entry in answer.get("Successful", [])}
        why = {entry["Id"]: f"{entry.get('Code')}: {entry.get('Message')}" for entry in answer.get("Failed", [])}
        return [
            None if entry["Id"] in confirmed else TransientError(f"SQS: {why.get(str(entry['Id']), 'not confirmed')}")
            for entry in entries
        ]

    # --- out

    async def _take(
        self, queue: Awaitable[str | None], count: int, wait_s: int, lane_of: Callable[[dict[str, Any]], str]
    ) -> list[Delivery]:
        """Take messages; a refusal, or a silence, matters only if nothing came before it."""
        taken: list[Delivery] = []
        try:
            async with sqs_faults(self._queues):
                url = await queue
                while url is not None and len(taken) < count:
                    messages = await self._ask_for(url, min(_BATCH, count - len(taken)), 0 if taken else wait_s)
                    taken += [_delivery(url, lane_of(message), message) for message in messages]
                    if not messages:
                        break
        except HeadgateError:
            if not taken:
                raise
        return taken

    async def _ask_for(self, url: str, count: int, wait_s: int) -> list[dict[str, Any]]:
        answer = await self._queues.ask(
            "receive_message",
            QueueUrl=url,
            MaxNumberOfMessages=count,
            VisibilityTimeout=self._held_s,
            WaitTimeSeconds=wait_s,
            AttributeNames=["ApproximateReceiveCount", "DeadLetterQueueSourceArn"],
            MessageAttributeNames=[_MARK],
        )
        return list(answer.get("Messages", []))

    def _taken(self, found: Sequence[list[Delivery] | BaseException]) -> list[Delivery]:
        """Hold what was found; a lane that failed matters only if no other one had anything."""
        taken = [delivery for of_lane in found if isinstance(of_lane, list) for delivery in of_lane]
        if not taken and (failed := [of_lane for of_lane in found if isinstance(of_lane, BaseException)]):
            raise failed[0]
        self._holding.hold(d.handle for d in taken if isinstance(d.handle, SqsHandle))
        return taken


def _handles(deliveries: Sequence[Delivery]) -> list[SqsHandle]:
    return list(dict.fromkeys(d.handle for d in deliveries if isinstance(d.handle, SqsHandle)))


def _delivery(url: str, lane: str, message: dict[str, Any]) -> Delivery:
    body = message["Body"]
    content = body.encode()
    if _MARK in message.get("MessageAttributes", {}):
        with suppress(binascii.Error, ValueError):
            content = b"" if body == _NOTHING else base64.b64decode(body, validate=True)
    deliveries = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    return Delivery(lane, content, deliveries, SqsHandle(url, message["ReceiptHandle"]))
