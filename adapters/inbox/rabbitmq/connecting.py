"""One connection to RabbitMQ, made when it is first needed and again after it was lost, and what its faults mean."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Iterable
from typing import Any, SupportsIndex

import pamqp.exceptions
import pamqp.frame
from aiormq import exceptions as amqp
from aiormq.connection import Connection, TransportFactory
from pamqp.commands import Connection as Method
from pamqp.common import FieldTable
from yarl import URL

from adapters.inbox.rabbitmq.address import RabbitAddress
from domain.errors import ConfigurationError, TransientError

CALL_WITHIN_S = 3.0
"""Every call of the broker ends after this time at the latest, seconds, with what it has or with an error."""
LEAST_VERSION = (3, 10)
_CONNECT_WITHIN_S = 2.5  # less than a call, which is to learn why it failed
_CLOSE_WITHIN_S = 2.0
_AGAIN_AFTER_S = 0.25  # so long a failure to connect is believed: many calls do not make as many attempts
_HEARD_BYTES = 8192
_LOG = logging.getLogger("headgate.inbox")
# What it logs it also raises; of a broker that is away it would write several stack traces a second.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)
_NOT_ALLOWED, _ACCESS_REFUSED = 530, 403


class _Reader(asyncio.StreamReader):
    """Keeps the first bytes that came: the client library does not say why it was refused."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = b""

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        if len(self.heard) < _HEARD_BYTES:
            self.heard += bytes(data)[:_HEARD_BYTES]
        super().feed_data(data)


class _Transport(TransportFactory):
    """Opens the socket, and can cut it off: closing in good manners may wait for a server that hangs."""

    def __init__(self) -> None:
        self.reader = _Reader()
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: URL, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:  # noqa: ANN401 - the library's own signature
        try:
            context = await options["ssl_context_provider"].get_context() if url.scheme == "amqps" else None
        except OSError as e:  # SSLError is one
            raise ValueError(f"cafile, certfile or keyfile cannot be read ({e.strerror or e})") from e
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(self.reader)
        assert url.host is not None
        assert url.port is not None
        transport, _ = await loop.create_connection(lambda: protocol, url.host, url.port, ssl=context)
        self._writer = asyncio.StreamWriter(transport, protocol, self.reader, loop)
        return self.reader, self._writer

    def cut(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()


class _Connection(Connection):
    FRAME_BUFFER_SIZE = 1000  # where it is full, the library drops its answer to a channel that the server closed


class RabbitLink:
    """A connection that is there when it is asked for. Made by many, used by all of one event loop."""

    def __init__(self, address: RabbitAddress, name: str) -> None:
        self._address = address
        self._name = name
        self._transport: _Transport | None = None
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None
        self._failure: Exception | None = None
        self._failed_at = float("-inf")
        self._closed = False

    @property
    def current(self) -> Connection | None:
        """Return the connection if it is open just now."""
        return self._connection if self._connection is not None and self._connection.is_opened else None

    async def connection(self) -> Connection:
        """Return the open connection; connects if there is none.

        Raises:
            TransientError: the broker is away.
            ConfigurationError: it can never be reached in this way.
        """
        if self._closed:
            raise TransientError("RabbitMQ: this connection was closed for good")
        if (connection := self.current) is not None:
            return connection
        if self._opening is None:
            if self._failure is not None and time.monotonic() - self._failed_at < _AGAIN_AFTER_S:
                raise type(self._failure)(*self._failure.args)
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        # Whoever does not wait any longer does not end it for the others.
        return await asyncio.shield(self._opening)

    def drop(self) -> None:
        """Cut the connection off; the next who needs one gets another. What it held is handed out again."""
        if self._transport is not None:
            self._transport.cut()
        self._connection = None

    async def close(self) -> None:
        """Close it for good."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        if self._connection is not None:
            with contextlib.suppress(TimeoutError, Exception):
                async with asyncio.timeout(_CLOSE_WITHIN_S):
                    await self._connection.close()
        self.drop()

    def _opened(self, opening: "asyncio.Task[Connection]") -> None:
        self._opening = None
        if opening.cancelled():
            return
        failure = opening.exception()
        if isinstance(failure, Exception):
            if self._failure is None:
                _LOG.info("%s", failure)  # whoever asked says it, and louder
            self._failure, self._failed_at = failure, time.monotonic()
        elif not self._closed:
            self._connection, self._failure = opening.result(), None
            _LOG.info("connected to RabbitMQ: %s", self._address.shown)

    async def _open(self) -> Connection:
        self.drop()
        transport = self._transport = _Transport()
        properties: FieldTable = {"connection_name": self._name, "product": "headgate"}
        connection = _Connection(self._address.url, transport_factory=transport, client_properties=properties)
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                await connection.connect()
        except Exception as e:
            transport.cut()
            raise self._why_not(e, transport.reader.heard) from e
        except BaseException:
            transport.cut()
            raise
        if mistake := unfit_server(connection.server_properties):
            transport.cut()
            raise self._address.mistake(*mistake)
        return connection

    def _why_not(self, failure: Exception, heard: bytes) -> TransientError | ConfigurationError:
        mistake = self._address.mistake
        if heard[:1] not in {b"", b"\x01", b"A"}:
            return mistake(f"what answers there does not speak AMQP ({heard[:20]!r})", "correct host and port")
        if heard[:4] == b"AMQP":
            return mistake("what answers there does not speak AMQP 0-9-1", "use RabbitMQ 3.10 or newer")
        if isinstance(failure, ssl.SSLCertVerificationError):
            return mistake(f"its certificate is not trusted ({failure.verify_message})", "add cafile=… to it")
        if isinstance(failure, ssl.SSLError):
            return mistake(f"no TLS there ({failure.reason})", "use amqp:// or the port for TLS")
        if isinstance(failure, ValueError) and not heard:
            return mistake(str(failure), "name files in PEM form that this user may read")
        if isinstance(failure, amqp.AuthenticationError):
            return mistake("the server takes no user and password (PLAIN)", "enable that mechanism there")
        closed = _last_close(heard)
        if closed is not None and closed.reply_code == _ACCESS_REFUSED:
            return mistake("user or password is not taken", "correct them")
        if closed is not None and closed.reply_code == _NOT_ALLOWED:
            said = closed.reply_text if "@" not in closed.reply_text else "it may be a part of the password"
            return mistake(f"the vhost cannot be used ({said})", "correct its name or the user's permission")
        why = closed.reply_text if closed is not None else str(failure) or "no answer in time"
        return TransientError(f"RabbitMQ at {self._address.shown} is away: {why}")


def unfit_server(properties: Any) -> tuple[str, str] | None:  # noqa: ANN401 - a table of AMQP
    """Return what was found and the remedy if it is a server that cannot keep the promises; None if it can.

    >>> unfit_server({"product": "RabbitMQ", "version": "3.9.13"})
    ('RabbitMQ 3.9.13 was found', 'use RabbitMQ 3.10 or newer')
    """
    product, version = str(properties.get("product")), str(properties.get("version"))
    numbers = [int(part) if part.isdecimal() else 0 for part in version.split(".")[:2]]
    if product == "RabbitMQ" and tuple(numbers) >= LEAST_VERSION:
        return None
    return f"{product} {version} was found", "use RabbitMQ 3.10 or newer"


def _last_close(heard: bytes) -> Method.Close | None:
    """Return the goodbye that the last frame says, if it does."""
    frame: object = None
    with contextlib.suppress(pamqp.exceptions.PAMQPException):
        while heard:
            consumed, _, frame = pamqp.frame.unmarshal(heard)
            heard = heard[consumed:]
    return frame if isinstance(frame, Method.Close) else None
