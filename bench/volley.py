"""The generator of `headgate bench intake`: a process of its own, its requests signed before the clock starts."""

import asyncio
import json
import multiprocessing
import os
import time
from array import array
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple, cast

from bench.processes import memory_mb
from domain.errors import ImpossibleError
from domain.inbound.signing import sign

SOURCE = "bench"
CONNECTIONS = 64
_MOST_PER_S = 20_000  # requests made ready for each second of a round; a round that uses them up ends early
_WORDS = "I was charged twice for the same order and would like to have one of the two payments back, please. "


class Volley(NamedTuple):
    """A round: answers with 202, in how many seconds, each after how long (seconds), the generator's memory in MB, and
    when it began, by a clock that all processes of the machine share (seconds).
    """

    answers: int
    took_s: float
    waits_s: Sequence[float]
    memory_mb: float
    began_s: float


def fire_volley(port: int, secret: str, kind: str, seconds: float, count: int | None = None) -> Volley:
    """Send to `/webhooks/bench` (`intake`) or to the path `kind` for so many seconds, no more than `count`."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_generate, args=(theirs, port, secret, kind, seconds, count), daemon=True
    )
    process.start()
    theirs.close()
    try:
        answers, took_s, trouble, waits_s, memory, began_s = ours.recv()
    except EOFError:
        raise ImpossibleError("the generator died") from None
    finally:
        process.join(15)
        ours.close()
    if trouble:
        raise ImpossibleError(f"{kind}: {trouble}")
    return Volley(answers, took_s, waits_s, memory, began_s)


def body_of(number: int, run: str) -> bytes:
    """Return a webhook of which there is no second."""
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
    path = f"/webhooks/{SOURCE}" if kind == "intake" else f"/{kind}"
    made = []
    for number in range(count):
        body = body_of(number, run)
        headers = {"content-type": "application/json", **sign(secret, f"evt_{run}_{number}", body)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nhost: bench\r\n{lines}content-length: {len(body)}\r\n\r\n"
        made.append(head.encode() + body)
    return made


def _generate(results: Connection, port: int, secret: str, kind: str, seconds: float, count: int | None) -> None:
    import uvloop

    requests = _requests(secret, kind, int(_MOST_PER_S * seconds) if count is None else count)
    volley = uvloop.run(_fire(port, requests, seconds))
    took_s = volley.ended - volley.until + seconds
    began_s = volley.until - seconds
    results.send((volley.accepted, took_s, volley.trouble, volley.waits_s, memory_mb(os.getpid()), began_s))


async def _fire(port: int, requests: list[bytes], seconds: float) -> "_Volley":
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    volley = _Volley(requests, done)
    shooters = [_Shooter(volley) for _ in range(CONNECTIONS)]
    for shooter in shooters:
        await loop.create_connection(lambda shooter=shooter: shooter, "127.0.0.1", port)  # type: ignore[misc]
    started = time.perf_counter()
    volley.until = started + seconds
    for shooter in shooters:
        shooter.fire()
    await asyncio.wait_for(done, seconds + 15)
    return volley


class _Volley:
    """What all connections share."""

    def __init__(self, requests: list[bytes], done: "asyncio.Future[None]") -> None:
        self.next = iter(requests).__next__
        self.done = done
        self.until = 0.0
        self.ended = 0.0
        self.open = CONNECTIONS
        self.accepted = 0
        self.trouble = ""
        self.waits_s = array("d")


class _Shooter(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, volley: _Volley) -> None:
        self._volley = volley
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which has the same methods

    def fire(self) -> None:
        self._sent_at = time.perf_counter()
        if self._sent_at < self._volley.until:
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
        self._volley.waits_s.append(time.perf_counter() - self._sent_at)
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
