"""Publishing with confirms, all messages of one turn of the event loop in one write.

The client library's own `basic_publish` costs several times as much for each message: locks, tasks, a write of its own,
and frames encoded anew. This takes from it what is hard, connection and confirms, and puts the frames of many messages
together; what differs between those of one queue is written into frames that the library has encoded once.
"""

import asyncio
import secrets
import struct
from collections.abc import Sequence
from functools import lru_cache, partial

from aiormq import exceptions as amqp
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel, Returning
from aiormq.connection import Connection
from pamqp import commands
from pamqp.constants import FRAME_BODY, FRAME_END_CHAR
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from adapters.inbox.rabbitmq.channels import within
from adapters.inbox.rabbitmq.connecting import RabbitLink
from domain.errors import ConfigurationError, TransientError

_FRAME_OVERHEAD_BYTES = 8
_FRAME_BYTES = 131_072  # where the server sets no limit: its own default
_FULL_AGAIN_S = 0.001
_PERSISTENT = 2
_TAG_DIGITS = 20
_SOME_ID = "i" * (16 + 1 + _TAG_DIGITS)  # as long as any: a nonce, a dash, a number
_SOME_SIZE = 0x7E7E7E7E7E7E7E7E
_BODY_HEAD = struct.Struct(">BHI")
_BLOCKED = "RabbitMQ: it takes nothing at present, its memory or disk is short (alarm)"

Confirmation = asyncio.Future[object]


PublishOutcome = TransientError | ConfigurationError | amqp.PublishError | None
"""What became of a message: None once confirmed, `PublishError` if there is no such queue and it came back."""


class ConfirmedPublisher:
    """Publishes to queues over a connection of its own: the broker stops reading all of it while an alarm is on."""

    def __init__(self, link: RabbitLink) -> None:
        self._link = link
        self._pipe: _Pipe | None = None
        self._making = asyncio.Lock()

    async def publish(self, messages: Sequence[tuple[str, bytes]], *, until: float) -> list[PublishOutcome]:
        """Publish all at once; return for each None once confirmed, or why not, by `until` of the loop's clock.

        Raises:
            TransientError: none was sent.
            ConfigurationError: the broker can never be reached in this way.
        """
        pipe = self._pipe
        if pipe is None or not pipe.usable or pipe.connection is not self._link.current:
            async with within(until):
                pipe = await self._open()
        if is_blocked(pipe.connection):
            raise TransientError(_BLOCKED)
        confirmations = [pipe.send(queue, body) for queue, body in messages]
        try:
            timeout = until - asyncio.get_running_loop().time()
            _, late = await asyncio.wait(confirmations, timeout=max(timeout, 0))
        except asyncio.CancelledError:
            for confirmation in confirmations:
                confirmation.add_done_callback(_look_at)
            raise
        if not late:
            return [_outcome(confirmation) for confirmation in confirmations]
        for confirmation in late:
            confirmation.add_done_callback(_look_at)
        too_late = _BLOCKED
        if not is_blocked(pipe.connection):
            # A server or a network that hangs: nothing that is sent there now would be known of.
            too_late = "RabbitMQ: not confirmed in time"
            self._link.drop()
        return [_outcome(one) if one.done() else TransientError(too_late) for one in confirmations]

    async def _open(self) -> "_Pipe":
        connection = await self._link.connection()
        async with self._making:
            if self._pipe is None or not self._pipe.usable or self._pipe.connection is not connection:
                channel = await connection.channel()
                assert isinstance(channel, Channel)
                self._pipe = _Pipe(connection, channel)
            return self._pipe


def is_blocked(connection: Connection) -> bool:
    """Return if the broker has said that it reads nothing more of this connection for now."""
    ready = connection.ready()
    try:
        ready.send(None)  # the library lets one wait for it only: it ends at once where there is nothing to wait for
    except StopIteration:
        return False
    ready.close()
    return True


class _Pipe:
    """A channel in confirm mode that takes messages without waiting; each gets a future that the broker resolves."""

    def __init__(self, connection: Connection, channel: Channel) -> None:
        self.connection = connection
        self.channel = channel
        self._pending: list[tuple[str, bytes, Confirmation]] = []
        self._flushing = False
        self._frames = MessageFrames(channel.number, connection.connection_tune.frame_max)
        self._nonce = secrets.token_hex(8)
        channel.closing.add_done_callback(self._fail)

    @property
    def usable(self) -> bool:
        return not self.channel.is_closed

    def send(self, queue: str, body: bytes) -> Confirmation:
        loop = asyncio.get_running_loop()
        confirmation: Confirmation = loop.create_future()
        if self.channel.is_closed:
            confirmation.set_exception(TransientError("RabbitMQ: the connection was lost"))
            return confirmation
        self._pending.append((queue, body, confirmation))
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush)
        return confirmation

    def _flush(self) -> None:
        """Number the messages and hand them to the socket's writer in the same moment: confirms go by that order."""
        channel = self.channel
        if channel.is_closed:
            return
        if channel.write_queue.full():
            asyncio.get_running_loop().call_later(_FULL_AGAIN_S, self._flush)
            return
        self._flushing = False
        pending, self._pending = self._pending, []
        written: list[bytes] = []
        for queue, body, confirmation in pending:
            channel.delivery_tag += 1
            channel.confirmations[channel.delivery_tag] = confirmation
            # By this id the client library knows whose a returned message is.
            message_id = f"{self._nonce}-{channel.delivery_tag:0{_TAG_DIGITS}}"
            channel.message_id_delivery_tag[message_id] = channel.delivery_tag
            confirmation.add_done_callback(partial(self._forget, message_id))
            written += self._frames.of(queue, message_id, body)
        channel.write_queue.put_nowait(ChannelFrame(payload=b"".join(written), should_close=False))

    def _forget(self, message_id: str, _: Confirmation) -> None:
        self.channel.message_id_delivery_tag.pop(message_id, None)

    def _fail(self, closing: "asyncio.Future[object]") -> None:
        """Tell all who wait that it is not known what became of their messages."""
        reason = None if closing.cancelled() else closing.exception()
        waiting = [confirmation for _, _, confirmation in self._pending]
        waiting += [sent for sent in self.channel.confirmations.values() if not isinstance(sent, Returning)]
        for confirmation in waiting:
            if not confirmation.done():
                confirmation.set_exception(TransientError(f"RabbitMQ: lost before it confirmed ({reason})"))


class MessageFrames:
    """The frames of persistent, mandatory messages, as bytes.

    Args:
        channel: its number.
        frame_max: what the connection has agreed on, bytes; 0: no limit (AMQP 0-9-1, `connection.tune`).
    """

    def __init__(self, channel: int, frame_max: int) -> None:
        self._channel = channel
        self._body_bytes = (frame_max or _FRAME_BYTES) - _FRAME_OVERHEAD_BYTES
        self._publish = lru_cache(4096)(self._encoded_publish)
        properties = commands.Basic.Properties(delivery_mode=_PERSISTENT, message_id=_SOME_ID)
        header = marshal(ContentHeader(body_size=_SOME_SIZE, properties=properties), channel)
        self._before, rest = header.split(_SOME_SIZE.to_bytes(8, "big"))
        self._between, self._after = rest.split(_SOME_ID.encode())

    def of(self, queue: str, message_id: str, body: bytes) -> list[bytes]:
        """Return the frames of a message; its id is as long as all of them are."""
        size = len(body).to_bytes(8, "big")
        frames = [self._publish(queue), self._before, size, self._between, message_id.encode(), self._after]
        if len(body) <= self._body_bytes:
            parts = [body] if body else []
        else:
            parts = [body[start : start + self._body_bytes] for start in range(0, len(body), self._body_bytes)]
        for part in parts:
            frames += (_BODY_HEAD.pack(FRAME_BODY, self._channel, len(part)), part, FRAME_END_CHAR)
        return frames

    def _encoded_publish(self, queue: str) -> bytes:
        return marshal(commands.Basic.Publish(exchange="", routing_key=queue, mandatory=True), self._channel)


def _outcome(confirmation: Confirmation) -> PublishOutcome:
    failure = confirmation.exception()
    if failure is None or isinstance(failure, (TransientError, amqp.PublishError)):
        return failure
    return TransientError(f"RabbitMQ: it refused the message ({failure})")


def _look_at(confirmation: Confirmation) -> None:
    """Nobody waits any more: asyncio need not report what came of it."""
    if not confirmation.cancelled():
        confirmation.exception()
