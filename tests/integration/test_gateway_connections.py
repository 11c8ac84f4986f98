"""Connections to the real application under uvicorn that send too much, too slowly or nothing; others are served."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import httpx
import pytest

from gateway.app import GatewaySettings, create_gateway
from gateway.connections import ConnectionLimits
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from tests.integration.gateway_served import Gateway, Pen, running

LIMITS = ConnectionLimits(head_bytes=64 * 1024, idle_s=2, head_s=1.5, body_s=2.5, answering_s=3, most=40)
PATIENCE_S = 20.0  # far more than any limit here, far less than for ever
START = b"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def guarded_gateway(tmp_path: Path) -> Iterator[Gateway]:
    secret = ensure_sources(tmp_path / "sources.json", ["shop"])["shop"]
    pen = Pen(tmp_path / "inbox.db")
    settings = GatewaySettings(body_timeout_s=PATIENCE_S)  # what ends a body here is the connection
    app = create_gateway(pen, SourceRegistry(tmp_path / "sources.json"), settings=settings)
    with running(app, LIMITS) as url:
        found = Gateway(url, pen, tmp_path / "sources.json", secret)
        yield found
        assert found.post(b'{"text": "the next good one"}').status_code == 202
        found.http.close()
    asyncio.run(pen.close())


def connected(gateway: Gateway) -> socket.socket:
    address = httpx.URL(gateway.url)
    wire = socket.create_connection((address.host, address.port or 80), timeout=PATIENCE_S)
    wire.settimeout(PATIENCE_S)
    return wire


def what_came(wire: socket.socket) -> bytes:
    """Return all that comes until the other side closes; fails where it does not."""
    received = b""
    with suppress(ConnectionError):
        while chunk := wire.recv(65536):
            received += chunk
    return received


class Meanwhile:
    """Good webhooks, one after the other, for as long as the block lasts; how long the slowest took, in seconds."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.statuses: list[int] = []
        self.slowest_s = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        assert self.statuses
        assert set(self.statuses) == {202}

    def _send(self) -> None:
        while not self._ended.is_set():
            started = time.monotonic()
            body = b'{"text": "meanwhile"}'
            with httpx.Client(base_url=self._gateway.url, timeout=PATIENCE_S * 2) as http:
                answer = http.post("/webhooks/shop", content=body, headers=self._gateway.headers(body))
            self.statuses.append(answer.status_code)
            self.slowest_s = max(self.slowest_s, time.monotonic() - started)
            self._ended.wait(0.05)


def flooded(wire: socket.socket, start: bytes, piece: bytes, total: int) -> int:
    """Send up to `total` bytes and return how many the other side took."""
    sent = 0
    with suppress(OSError):
        wire.sendall(start)
        while sent < total:
            wire.sendall(piece)
            sent += len(piece)
    return sent


MANY = 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(START + b"X-Long: ", b"a" * 65536, id="one header without an end"),
        pytest.param(START, b"X: y\r\n" * 10_000, id="headers without an end"),
        pytest.param(b"POST /", b"a" * 65536, id="an address without an end"),
        pytest.param(
            START + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Trailer: ", b"a" * 65536, id="a trailer"
        ),
        pytest.param(START + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65536, id="an extension of a chunk"),
        pytest.param(b"", b"\r\n" * 32768, id="empty lines"),
    ],
)
def test_what_is_no_body_has_a_cap(guarded_gateway: Gateway, start: bytes, piece: bytes) -> None:
    with connected(guarded_gateway) as wire, Meanwhile(guarded_gateway) as meanwhile:
        sent = flooded(wire, start, piece, MANY)
    assert sent < MANY
    assert meanwhile.slowest_s < PATIENCE_S / 2


def test_a_head_above_the_cap_is_told_so(guarded_gateway: Gateway) -> None:
    with connected(guarded_gateway) as wire:
        wire.sendall(START + b"X-Long: " + b"a" * LIMITS.head_bytes + b"\r\n\r\n")
        received = what_came(wire)
    assert received.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b'"head_too_large"' in received
    with connected(guarded_gateway) as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: " + b"a" * 60_000 + b"\r\n\r\n")
        assert what_came(wire).startswith(b"HTTP/1.1 200")


def dripped(wire: socket.socket, start: bytes, piece: bytes) -> tuple[bytes, float]:
    """Send a piece every tenth of a second until the other side closes; return what it said, and after how long."""
    began = time.monotonic()
    wire.sendall(start)
    wire.settimeout(0.1)
    received = b""
    while time.monotonic() - began < PATIENCE_S:
        with suppress(TimeoutError):
            try:
                chunk = wire.recv(65536)
            except ConnectionError:
                break
            if not chunk:
                break
            received += chunk
            continue
        with suppress(OSError):
            wire.sendall(piece)
    return received, time.monotonic() - began


@pytest.mark.parametrize(
    ("start", "piece", "said"),
    [
        pytest.param(START + b"X-Slow: ", b"a", b"HTTP/1.1 408", id="a head"),
        pytest.param(START + b"Content-Length: 9999\r\n\r\n", b"a", b"HTTP/1.1 408", id="a body"),
        pytest.param(
            b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n\r\n",
            b"a",
            b"HTTP/1.1 40",
            id="a form",
        ),
        pytest.param(START + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", b"HTTP/1.1 408", id="chunks"),
        pytest.param(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", b"a", b"HTTP/1.1 200", id="after all"
        ),
        pytest.param(b"\r\n", b"\r\n", b"", id="empty lines"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n", b"HTTP/1.1 200", id="after an answer"),
        pytest.param(b"", b"", b"", id="nothing"),
    ],
)
def test_who_sends_slowly_is_let_go(guarded_gateway: Gateway, start: bytes, piece: bytes, said: bytes) -> None:
    with connected(guarded_gateway) as wire, Meanwhile(guarded_gateway) as meanwhile:
        received, took = dripped(wire, start, piece)
    assert took < PATIENCE_S / 2
    assert received.startswith(said)
    assert received.count(b"HTTP/1.1") == min(1, len(said))
    assert meanwhile.slowest_s < PATIENCE_S / 2


def test_connections_that_say_nothing_take_no_room_from_others(guarded_gateway: Gateway) -> None:
    with ExitStack() as stack:
        for _ in range(LIMITS.most * 4):
            stack.enter_context(connected(guarded_gateway))
        with Meanwhile(guarded_gateway) as meanwhile:
            time.sleep(0.5)
        assert meanwhile.slowest_s < PATIENCE_S / 2


def test_who_does_not_read_the_answers_is_let_go(guarded_gateway: Gateway) -> None:
    with connected(guarded_gateway) as wire, Meanwhile(guarded_gateway):
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < PATIENCE_S:
                wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        assert time.monotonic() - began < PATIENCE_S / 2


def test_requests_one_behind_the_other_are_all_answered(guarded_gateway: Gateway) -> None:
    count = LIMITS.sent_ahead // 2
    with connected(guarded_gateway) as wire:
        requests = [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"] * count
        wire.sendall(b"".join(requests) + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert what_came(wire).count(b"HTTP/1.1 200") == count + 1


def test_a_large_body_is_not_taken_for_a_head(guarded_gateway: Gateway) -> None:
    body = b'{"text": "' + b"x" * 900_000 + b'"}'
    assert guarded_gateway.post(body).status_code == 202
    pieces = (body[at : at + 1000] for at in range(0, len(body), 1000))
    answer = guarded_gateway.http.post("/webhooks/shop", content=pieces, headers=guarded_gateway.headers(body))
    assert answer.status_code == 202


@pytest.mark.parametrize("later_s", [0.0, 0.001, 0.02])
def test_who_ends_his_side_after_a_request_gets_the_answer_that_is_there(
    guarded_gateway: Gateway, later_s: float
) -> None:
    """As `nc -N` does. The answer of a page that waits for nothing is written in the same moment."""
    for _ in range(50):
        with connected(guarded_gateway) as wire:
            wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(later_s)
            wire.shutdown(socket.SHUT_WR)
            assert what_came(wire).startswith(b"HTTP/1.1 200")


def test_who_goes_without_reading_leaves_no_trace_in_the_log(
    guarded_gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    for count in range(200):
        with connected(guarded_gateway) as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * (1 + count % 40))
    assert guarded_gateway.http.get("/healthz").status_code == 200
    assert "Traceback" not in caplog.text
    assert "JoinedWrites" not in caplog.text
