"""Accepted webhooks per second, against the same server with a handler that only reads the body and answers 202.

The baseline (`empty`) is a bare ASGI function, as the webhook path itself has no framework; `framework` is the same
empty handler as a route of Starlette, which is what most services would compare with.

One uvicorn process serves both; the generator is another process, its requests signed before the clock starts,
over connections that are kept alive. Rounds alternate, medians are compared. What was confirmed is counted again in the
pen afterwards.
"""

import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, cast

from adapters.inbox.sqlite import SqliteInbox
from bench.processes import processor_s
from domain.errors import ImpossibleError, NotReachableError
from domain.inbound.signing import sign
from gateway.app import create_gateway
from gateway.uvicorn_options import settle_memory, uvicorn_options
from gateway.webhooks.sources import SourceRegistry, ensure_sources

_SOURCE = "bench"
_CONNECTIONS = 64
_WARM_UP_S = 1.0
_MOST_PER_S = 20_000  # requests made ready for each second of a round; a round that uses them up ends early
_START_WITHIN_S = 20.0
_WORDS = "I was charged twice for the same order and would like to have one of the two payments back, please. "


def bench_intake(seconds: float = 5.0, rounds: int = 3) -> dict[str, object]:
    """Measure and return the figures; rates are per second, medians over the rounds."""
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        sync_ms = _sync_ms(Path(folder))
        secret = ensure_sources(Path(folder, "sources.json"), [_SOURCE])[_SOURCE]
        process, port = _start_server(Path(folder))
        try:
            _round(port, secret, "empty", _WARM_UP_S)
            _round(port, secret, "intake", _WARM_UP_S)
            commits = _commits(port)
            taken: dict[str, list[_Result]] = {"empty": [], "intake": [], "framework": []}
            for _ in range(rounds):
                for kind, results in taken.items():
                    used_s = processor_s(process.pid)
                    count, took_s = _round(port, secret, kind, seconds)
                    results.append(_Result(count, took_s, processor_s(process.pid) - used_s))
            commits = _commits(port) - commits
        finally:
            process.terminate()
            process.join(15)
        kept = asyncio.run(_kept(Path(folder)))
    rates = {kind: [round(r.answers / r.took_s, 1) for r in results] for kind, results in taken.items()}
    accepted = sum(result.answers for result in taken["intake"])
    return {
        "accepted_per_s": statistics.median(rates["intake"]),
        "baseline_per_s": statistics.median(rates["empty"]),
        "ratio": _ratio(rates["intake"], rates["empty"]),
        "framework_per_s": statistics.median(rates["framework"]),
        "ratio_to_framework": _ratio(rates["intake"], rates["framework"]),
        "rounds": rates,
        "server_cpu_us": {
            kind: round(sum(r.cpu_s for r in results) / sum(r.answers for r in results) * 1e6, 1)
            for kind, results in taken.items()
        },
        "seconds": seconds,
        "connections": _CONNECTIONS,
        "body_bytes": len(_body(0, "intake")),
        "accepted": accepted,
        "kept_with_warm_up": kept,
        "commits": commits,
        "webhooks_per_commit": round(accepted / commits, 1) if commits else None,
        "sync_ms": sync_ms,
        "cores": os.cpu_count(),
    }


class _Result(NamedTuple):
    """A round: answers, seconds on the clock, seconds of processor time of the server."""

    answers: int
    took_s: float
    cpu_s: float


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median ratio of rounds that are neighbours in time: whatever else the machine does weighs on both."""
    return round(statistics.median(i / e for i, e in zip(ours, theirs, strict=True)), 3)


def _sync_ms(folder: Path) -> float:
    """Return how long this disk takes to sync one page, median of 50, milliseconds."""
    times = []
    with (folder / "probe").open("wb") as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return round(statistics.median(times) * 1000, 3)


async def _kept(folder: Path) -> int:
    inbox = SqliteInbox(folder / "inbox.db")
    try:
        return (await inbox.depth()).total
    finally:
        await inbox.close()


# --- the server ---


def _start_server(folder: Path) -> tuple[multiprocessing.context.SpawnProcess, int]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(folder, listener), daemon=True)
    process.start()
    port: int = listener.getsockname()[1]
    listener.close()
    deadline = time.monotonic() + _START_WITHIN_S
    while process.is_alive() and time.monotonic() < deadline:
        try:
            _commits(port)
        except OSError:
            time.sleep(0.1)
        else:
            return process, port
    process.terminate()
    raise NotReachableError(f"the server did not start within {_START_WITHIN_S:g} s")


def _serve(folder: Path, listener: socket.socket) -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
    from starlette.types import Receive, Scope, Send

    async def empty(request: Request) -> Response:
        await request.body()
        return JSONResponse({"accepted": True}, 202)

    framework = Starlette(routes=[Route("/framework", empty, methods=["POST"])])
    inbox = SqliteInbox(folder / "inbox.db", max_waiting=10_000_000)
    gateway = create_gateway(inbox, SourceRegistry(folder / "sources.json"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/webhooks/"):
            await gateway(scope, receive, send)
            return
        if scope["path"] == "/framework":
            await framework(scope, receive, send)
            return
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        body = b'{"accepted":true}' if scope["path"] == "/empty" else str(inbox.commits).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    settle_memory()
    config = uvicorn.Config(app, log_level="warning", **uvicorn_options())
    uvicorn.Server(config).run(sockets=[listener])


def _commits(port: int) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(b"GET /commits HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := wire.recv(4096):
            answer += chunk
    return int(answer.rpartition(b"\r\n\r\n")[2] or b"0")


# --- the generator ---


def _round(port: int, secret: str, kind: str, seconds: float) -> tuple[int, float]:
    """Return how many were answered with 202, and in how many seconds."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_generate, args=(theirs, port, secret, kind, seconds), daemon=True
    )
    process.start()
    theirs.close()
    try:
        count, took, trouble = ours.recv()
    except EOFError:
        raise ImpossibleError("the generator died") from None
    finally:
        process.join(15)
        ours.close()
    if trouble:
        raise ImpossibleError(f"{kind}: {trouble}")
    return count, took


def _body(number: int, run: str) -> bytes:
    fields = {
        "channel": "web",
        "tenant": "default",
        "lang": "en",
        "subject": "Charged twice",
        "text": f"{_WORDS * 8}({run} {number})",
        "customer": {"id": f"C-{number % 5000}", "email": "sam@example.com", "name": "Sam Example"},
        "order_id": f"ORD-{number}",
        "amount": "20.00",
        "currency": "USD",
    }
    return json.dumps(fields).encode()


def _requests(secret: str, kind: str, count: int) -> list[bytes]:
    run = os.urandom(6).hex()
    path = f"/webhooks/{_SOURCE}" if kind == "intake" else f"/{kind}"
    made = []
    for number in range(count):
        body = _body(number, run)
        headers = {"content-type": "application/json", **sign(secret, f"evt_{run}_{number}", body)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nhost: bench\r\n{lines}content-length: {len(body)}\r\n\r\n"
        made.append(head.encode() + body)
    return made


def _generate(results: Connection, port: int, secret: str, kind: str, seconds: float) -> None:
    import uvloop

    requests = _requests(secret, kind, int(_MOST_PER_S * seconds))
    results.send(uvloop.run(_fire(port, requests, seconds)))


async def _fire(port: int, requests: list[bytes], seconds: float) -> tuple[int, float, str]:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    volley = _Volley(requests, done)
    shooters = [_Shooter(volley) for _ in range(_CONNECTIONS)]
    for shooter in shooters:
        await loop.create_connection(lambda shooter=shooter: shooter, "127.0.0.1", port)  # type: ignore[misc]
    started = time.perf_counter()
    volley.until = started + seconds
    for shooter in shooters:
        shooter.fire()
    await asyncio.wait_for(done, seconds + 15)
    return volley.accepted, volley.ended - started, volley.trouble


class _Volley:
    """What all connections share."""

    def __init__(self, requests: list[bytes], done: "asyncio.Future[None]") -> None:
        self.next = iter(requests).__next__
        self.done = done
        self.until = 0.0
        self.ended = 0.0
        self.open = _CONNECTIONS
        self.accepted = 0
        self.trouble = ""


class _Shooter(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, volley: _Volley) -> None:
        self._volley = volley
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which has the same methods

    def fire(self) -> None:
        if time.perf_counter() < self._volley.until:
            try:
                self._transport.write(self._volley.next())
            except StopIteration:
                self._end("")
        else:
            self._end("")

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(b"}"):
            return
        if not self._received.startswith(b"HTTP/1.1 202"):
            self._end(self._received[:300].decode("latin-1"))
            return
        self._received = b""
        self._volley.accepted += 1
        self.fire()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._transport.is_closing():
            self._end(f"connection lost: {exc}")

    def _end(self, trouble: str) -> None:
        volley = self._volley
        volley.trouble = volley.trouble or trouble
        volley.ended = time.perf_counter()
        volley.open -= 1
        self._transport.close()
        if (volley.open == 0 or trouble) and not volley.done.done():
            volley.done.set_result(None)


if __name__ == "__main__":
    print(json.dumps(bench_intake(), indent=2))
