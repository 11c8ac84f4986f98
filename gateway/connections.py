"""One connection of the gateway: how much of a head is read, how long its peer may take, and who goes when it is full.

The server beneath has no cap for heads, puts a header together piece by piece (64 MB of it take many seconds, in which
nobody else is served), and waits for ever for what a peer began to send. The parser is its own; here is only when to
stop.
"""

import asyncio
import json
import math
import resource
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from domain.errors import WebhookRefusedError
from domain.inbound.webhook import problem_of
from gateway.joined_writes import JoinedWrites
from gateway.webhooks.problems import PROBLEM_TYPE

_SWEEP_S = 0.5
_LAST_WORD_S = 1.0  # so long what still comes is thrown away, so that the peer gets to read the answer
_LAST_BYTES = 4 * 1024 * 1024
_SPARE_FILES = 200  # descriptors that stores, logs and Temporal need beside the connections
_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a peer may take of the gateway; bytes and seconds.

    `head_bytes` is also the most that may come without being part of a body, as trailers do; `body_s` counts from the
    end of the head; `most` connections are open at once, less where the process may open fewer files.
    """

    head_bytes: int = 64 * 1024
    idle_s: float = 30.0
    head_s: float = 10.0
    body_s: float = 30.0
    answering_s: float = 300.0  # ours, and the peer's for reading it
    sent_ahead: int = 64  # requests on one connection, before the first is answered
    most: int = 2000


def _too_large(limits: ConnectionLimits) -> WebhookRefusedError:
    return WebhookRefusedError(
        431,
        "head_too_large",
        "Headers too large",
        f"the headers are larger than {limits.head_bytes // 1024} KiB",
        "send fewer or shorter headers; what has to be said belongs into the body",
    )


def _too_slow() -> WebhookRefusedError:
    return WebhookRefusedError(
        408, "too_slow", "Too slow", "the request did not come to its end in time", "send it again, all at once"
    )


def _malformed(why: str) -> WebhookRefusedError:
    return WebhookRefusedError(
        400,
        "bad_request",
        "No valid HTTP request",
        f"what came is no request of HTTP/1.1: {why or 'it cannot be read'}"[:200],
        "send it by a client that speaks HTTP/1.1, to the address that begins with http:// unless a proxy does TLS",
    )


def _full() -> WebhookRefusedError:
    return WebhookRefusedError(
        503, "full", "Too many connections", "the gateway has no room for more connections", "try again in a moment"
    )


class ConnectionRoom:
    """All connections of a server: who is late, and who goes when there is no room.

    Where it is full, the peer with the most connections gives one: the one from which a request was heard least lately.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.most = limits.most if files == resource.RLIM_INFINITY else min(limits.most, max(16, files - _SPARE_FILES))
        self._of_peer: dict[str, dict[GuardedConnection, None]] = {}
        self._count = 0
        self._sweeping: asyncio.TimerHandle | None = None

    def enter(self, connection: "GuardedConnection", loop: asyncio.AbstractEventLoop) -> bool:
        """Take a connection in; return False where nobody can go for it."""
        if self._count >= self.most and not self._make_room():
            return False
        self._of_peer.setdefault(connection.peer, {})[connection] = None
        self._count += 1
        if self._sweeping is None:
            self._sweeping = loop.call_later(_SWEEP_S, self._sweep, loop)
        return True

    def leave(self, connection: "GuardedConnection") -> None:
        """Forget a connection."""
        mine = self._of_peer.get(connection.peer)
        if mine is not None and connection in mine:
            del mine[connection]
            self._count -= 1
            if not mine:
                del self._of_peer[connection.peer]

    def heard(self, connection: "GuardedConnection") -> None:
        """Note that a whole request came: this connection is the last of its peer to go."""
        mine = self._of_peer.get(connection.peer)
        if mine is not None and connection in mine:
            del mine[connection]
            mine[connection] = None

    def _make_room(self) -> bool:
        for mine in sorted(self._of_peer.values(), key=len, reverse=True):
            for connection in mine:
                if not connection.is_answering:
                    connection.give_up()
                    self.leave(connection)
                    return True
        return False

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in [one for mine in self._of_peer.values() for one in mine if one.due < now]:
            connection.give_up(_too_slow())
        self._sweeping = loop.call_later(_SWEEP_S, self._sweep, loop) if self._count else None


class _Doing(Enum):
    """What a connection waits for."""

    IDLE = "idle"  # the next request
    HEAD = "head"
    BODY = "body"
    ANSWERING = "answering"  # us, or that its peer reads the answer


class GuardedConnection(HttpToolsProtocol):
    """A connection that ends when its peer sends too much of a head, or too slowly.

    Attributes:
        due: when what the connection waits for has to be there, in seconds of the loop's clock.
        peer: the address that it comes from.
    """

    limits = ConnectionLimits()
    room = ConnectionRoom(limits)

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # the server's own
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.due = math.inf
        self.peer = ""
        self._doing = _Doing.IDLE
        self._has_begun = False
        self._progress = False
        self._bytes_without_progress = 0
        self._is_given_up = False
        self._thrown_away = 0

    @property
    def is_answering(self) -> bool:
        """Whether a request came completely and waits for its answer."""
        return self._doing is _Doing.ANSWERING

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the parent has it
        """Take in a connection, if there is room."""
        self._writes = JoinedWrites(transport, self.loop)
        super().connection_made(self._writes)  # type: ignore[arg-type]  # it acts as one
        self.peer = self.client[0] if self.client else ""
        self._now(_Doing.HEAD)
        if not self.room.enter(self, self.loop):
            self.give_up(_full())

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self.room.leave(self)
        self._writes.drop()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Write out what is answered: the loop closes the connection after this, past `JoinedWrites`."""
        self._writes.flush()
        super().eof_received()

    def data_received(self, data: bytes) -> None:
        """Read what came, no further than a head may reach."""
        if self._is_given_up:
            self._thrown_away += len(data)
            if self._thrown_away > _LAST_BYTES:
                self.transport.abort()
            return
        if self._doing is _Doing.IDLE:  # also what is no request yet, such as an empty line
            self._now(_Doing.HEAD)
        while data and not self._has_ended():
            room = self.limits.head_bytes - self._bytes_without_progress
            piece, data = data[:room], data[room:]
            self._progress = False
            super().data_received(piece)
            self._bytes_without_progress = 0 if self._progress else self._bytes_without_progress + len(piece)
            if self._bytes_without_progress >= self.limits.head_bytes:
                self.give_up(_too_large(self.limits))
            elif len(self.pipeline) > self.limits.sent_ahead:
                self.give_up()

    def on_message_begin(self) -> None:
        """Note that a request has begun."""
        self._has_begun = True
        self._now(_Doing.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that a head is complete."""
        self._progress = True
        self._now(_Doing.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that a request is complete: from here on it is we who take the time."""
        self._progress = True
        self._has_begun = False
        self._now(_Doing.IDLE if self.cycle.response_complete else _Doing.ANSWERING)
        self.room.heard(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note that an answer was given; where it is the last one, its peer has to read it in time."""
        more = bool(self.pipeline)
        super().on_response_complete()
        if self.is_answering and not self.transport.is_closing():
            self._now(_Doing.ANSWERING if more else _Doing.IDLE)

    def send_400_response(self, msg: str) -> None:
        """End a connection on which something came that is no request; the server calls it where its parser raised."""
        error = sys.exception()
        self.give_up(_malformed(msg if error is None else str(error)))

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was quiet, though its peer has not read all of the answer."""
        self.give_up()

    def give_up(self, refusal: WebhookRefusedError | None = None) -> None:
        """End the connection, with a word where one is due and no other answer can be meant."""
        if self._is_given_up:
            return
        self._is_given_up = True
        self.due = math.inf
        self._unset_keepalive_if_required()
        if refusal is None or not self._may_say(refusal):
            self.transport.close()
        else:
            self._say(refusal)
        self.loop.call_later(_LAST_WORD_S, self.transport.abort)

    def _has_ended(self) -> bool:
        return self._is_given_up or self.transport.is_closing()

    def _now(self, doing: _Doing) -> None:
        self._doing = doing
        self.due = self.loop.time() + getattr(self.limits, f"{doing.value}_s")

    @property
    def _is_quiet(self) -> bool:
        cycle: object = self.cycle  # None before the first request, whatever its type says
        return cycle is None or self.cycle.response_complete

    def _may_say(self, refusal: WebhookRefusedError) -> bool:
        if self._doing is _Doing.HEAD:
            asked = self._has_begun or refusal.status in (400, 503)
            return asked and self._is_quiet
        return self._doing is _Doing.BODY and not self.pipeline and not self.cycle.response_started

    def _say(self, refusal: WebhookRefusedError) -> None:
        content = json.dumps(problem_of(refusal)).encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (refusal.status, _REASONS[refusal.status], PROBLEM_TYPE, len(content), content)
        )
        if self.transport.can_write_eof():
            self.transport.write_eof()


def guarded(limits: ConnectionLimits | None = None) -> type[GuardedConnection]:
    """Return the kind of connection for one server, with a room of its own."""
    limits = limits or ConnectionLimits()
    return type("GuardedConnection", (GuardedConnection,), {"limits": limits, "room": ConnectionRoom(limits)})
