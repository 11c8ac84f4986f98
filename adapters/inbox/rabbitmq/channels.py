"""Channels for everything but publishing: one for each thing that is under way, kept for the next when it is free."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from aiormq.abc import AbstractChannel
from aiormq.connection import Connection
from aiormq.exceptions import AMQPError

from adapters.inbox.rabbitmq.connecting import RabbitLink
from domain.errors import TransientError

_SPARE = 200  # they cost little, and to open one costs as much as to ask for a message
_MOST_CHANNELS = 65_535
_CLOSE_WITHIN_S = 2.0


@contextmanager
def transient_faults() -> Iterator[None]:
    """Turn what the client library raises into `TransientError`."""
    try:
        yield
    except asyncio.CancelledError as e:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Nobody has cancelled us: it is how the library says that the connection was closed.
        raise TransientError("RabbitMQ: the connection was closed") from e
    except TimeoutError as e:
        raise TransientError("RabbitMQ: no answer in time") from e
    except (AMQPError, OSError, RuntimeError) as e:
        # RuntimeError: a channel or connection that was closed meanwhile.
        raise TransientError(f"RabbitMQ: {str(e) or type(e).__name__}") from e


@asynccontextmanager
async def within(until: float) -> AsyncIterator[None]:
    """Do it by `until` of the loop's clock, and raise `TransientError` otherwise and for what the library raises."""
    with transient_faults():
        async with asyncio.timeout_at(until):
            yield


class SpareChannels:
    """Hands out channels of a link. What goes wrong on one closes it, with all that it holds, and no other."""

    def __init__(self, link: RabbitLink) -> None:
        self._link = link
        self._spare: list[AbstractChannel] = []
        self._number = 0
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def connection(self) -> Connection | None:
        """Return the connection that they are of if it is open just now."""
        return self._link.current

    async def take(self) -> AbstractChannel:
        """Return an open channel without consumers or messages; to be put back or discarded.

        Raises:
            TransientError: the broker is away, or too much is held.
            ConfigurationError: the broker can never be reached in this way.
        """
        connection = await self._link.connection()
        while self._spare:
            channel = self._spare.pop()
            if not channel.is_closed and channel.connection is connection:
                return channel
        # Any number of frames: of a discarded channel nobody takes what comes still, and once its buffer is full the
        # library reads nothing more of the whole connection.
        return await connection.channel(self._free_number(connection), publisher_confirms=False, frame_buffer_size=0)

    def _free_number(self, connection: Connection) -> int:
        """Return the number that was not in use for longest: the library would take one again while its last user is
        still being closed, at which the server closes the whole connection.
        """
        highest = connection.connection_tune.channel_max or _MOST_CHANNELS
        if len(connection.channels) >= highest:
            raise TransientError("RabbitMQ: too many messages of this process are unsettled")
        self._number = self._number % highest + 1
        while self._number in connection.channels:
            self._number = self._number % highest + 1
        return self._number

    def put_back(self, channel: AbstractChannel) -> None:
        """Keep a channel that holds nothing any more."""
        if channel.is_closed:
            return
        if len(self._spare) < _SPARE:
            self._spare.append(channel)
        else:
            self.discard(channel)

    def discard(self, channel: AbstractChannel) -> None:
        """Close a channel; the broker hands what it holds to others."""
        if not channel.is_closed:
            task = asyncio.ensure_future(_close(channel))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _close(channel: AbstractChannel) -> None:
    with suppress(asyncio.CancelledError, Exception):
        async with asyncio.timeout(_CLOSE_WITHIN_S):
            await channel.close()
