"""Publishing with confirms, all messages of one turn of the event loop in one write.

The client library's own `basic_publish` costs four times as much for each message: locks, tasks and a write of its own.
This takes from it what is hard, connection, frames and confirms, and puts the frames of many messages together.
"""

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial

from aiormq import exceptions as amqp
from aiormq.abc import ChannelFrame, FrameType
from aiormq.channel import Channel, Returning
from aiormq.connection import Connection
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from adapters.inbox.rabbitmq.channels import within
from adapters.inbox.rabbitmq.connecting import RabbitLink
from domain.errors import ConfigurationError, TransientError

_FRAME_OVERHEAD_BYTES = 8
_FULL_AGAIN_S = 0.001
_PERSISTENT = 2
_BLOCKED = "RabbitMQ: it takes nothing at present, its memory or disk is short (alarm)"

Confirmation = asyncio.Future[object]


class UnroutedError(Exception):
    """There is no such queue, and the message came back."""


PublishOutcome = TransientError | ConfigurationError | UnroutedError | None


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
        async with within(until):
            pipe = await self._current()
        if await is_blocked(pipe.connection):
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
        if not await is_blocked(pipe.connection):
            # A server or a network that hangs: nothing that is sent there now would be known of.
            too_late = "RabbitMQ: not confirmed in time"
            self._link.drop()
        return [_outcome(one) if one.done() else TransientError(too_late) for one in confirmations]

    async def _current(self) -> "_Pipe":
        connection = await self._link.connection()
        async with self._making:
            if self._pipe is None or self._pipe.connection is not connection or self._pipe.channel.is_closed:
                channel = await connection.channel()
                assert isinstance(channel, Channel)
                self._pipe = _Pipe(connection, channel)
            return self._pipe


async def is_blocked(connection: Connection) -> bool:
    """Return if the broker has said that it reads nothing more of this connection for now."""
    try:
        async with asyncio.timeout(0):  # does not wait where nothing has to be waited for
            await connection.ready()
    except TimeoutError:
        return True
    return False


class _Pipe:
    """A channel in confirm mode that takes messages without waiting; each gets a future that the broker resolves."""

    def __init__(self, connection: Connection, channel: Channel) -> None:
        self.connection = connection
        self.channel = channel
        self._pending: list[tuple[str, bytes, Confirmation]] = []
        self._flushing = False
        self._body_bytes = connection.connection_tune.frame_max - _FRAME_OVERHEAD_BYTES
        self._nonce = secrets.token_hex(8)
        channel.closing.add_done_callback(self._fail)

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
        frames: list[FrameType] = []
        for queue, body, confirmation in pending:
            channel.delivery_tag += 1
            channel.confirmations[channel.delivery_tag] = confirmation
            # By this id the client library knows whose a returned message is.
            message_id = f"{self._nonce}-{channel.delivery_tag}"
            channel.message_id_delivery_tag[message_id] = channel.delivery_tag
            confirmation.add_done_callback(partial(self._forget, message_id))
            properties = commands.Basic.Properties(delivery_mode=_PERSISTENT, message_id=message_id)
            frames.append(commands.Basic.Publish(exchange="", routing_key=queue, mandatory=True))
            frames.append(ContentHeader(body_size=len(body), properties=properties))
            frames.extend(
                ContentBody(body[start : start + self._body_bytes]) for start in range(0, len(body), self._body_bytes)
            )
        channel.write_queue.put_nowait(ChannelFrame.marshall(channel.number, frames))

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


def _outcome(confirmation: Confirmation) -> PublishOutcome:
    failure = confirmation.exception()
    if failure is None or isinstance(failure, TransientError):
        return failure
    if isinstance(failure, amqp.PublishError):
        return UnroutedError("RabbitMQ: the lane's queue is not there, although it was just made")
    return TransientError(f"RabbitMQ: it refused the message ({failure})")


def _look_at(confirmation: Confirmation) -> None:
    """Nobody waits any more: asyncio need not report what came of it."""
    if not confirmation.cancelled():
        confirmation.exception()
