"""A provider for measurements: it holds one second of its limit, lets refused calls count, and counts what it took."""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

HOLDS_S = 1.0  # of its limit; it owes as much at most for calls that it refused
ANSWERS_IN_S = (0.15, 0.35)
_STARTS_WITHIN_S = 30.0
_COMPLETION = {
    "id": "c", "object": "chat.completion", "created": 0, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "{}"}}],
    "usage": {"prompt_tokens": 90, "completion_tokens": 20, "total_tokens": 110},
}  # fmt: skip


class _Bucket:
    def __init__(self) -> None:
        self.per_s = 1.0
        self.level = 0.0
        self.at = time.monotonic()
        self.taken = self.refused = 0
        self.last_refused_at = 0.0

    def takes(self) -> bool:
        now, most = time.monotonic(), self.per_s * HOLDS_S
        self.level = min(most, self.level + (now - self.at) * self.per_s)
        self.at = now
        ok = self.level >= 1
        self.level = max(-most, self.level - 1)  # a refused call counts
        self.taken += ok
        self.refused += not ok
        if not ok:
            self.last_refused_at = now
        return ok


def provider_app() -> Starlette:
    """Return the provider as a web application; `/free/…` is its wire without a limit and at once."""
    bucket = _Bucket()

    async def complete(request: Request) -> Response:
        await request.body()
        if not bucket.takes():
            wait_s = (1 - bucket.level) / bucket.per_s
            error = {"error": {"message": "too many requests", "code": "rate_limit_exceeded"}}
            return JSONResponse(error, 429, {"retry-after-ms": str(int(wait_s * 1000) + 1)})
        low, high = ANSWERS_IN_S
        await asyncio.sleep(low + (high - low) * (bucket.taken % 10) / 10)
        return JSONResponse(_COMPLETION)

    async def free(request: Request) -> Response:
        await request.body()
        return JSONResponse(_COMPLETION)

    async def limit(request: Request) -> Response:
        bucket.per_s = float(request.query_params["rpm"]) / 60
        return JSONResponse({})

    async def tally(_: Request) -> Response:
        now = time.monotonic()
        return JSONResponse([now, bucket.taken, bucket.refused, bucket.last_refused_at])

    return Starlette(
        routes=[
            Route("/chat/completions", complete, methods=["POST"]),
            Route("/free/chat/completions", free, methods=["POST"]),
            Route("/limit", limit, methods=["POST"]),
            Route("/tally", tally),
        ]
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """What the provider counted until `at`, seconds of its own clock."""

    at: float
    taken: int
    refused: int
    last_refused_at: float

    @property
    def seconds(self) -> float:
        """How long it counted; of a difference."""
        return self.at

    def since(self, earlier: "Tally") -> "Tally":
        """Return what was counted between the two."""
        return Tally(
            self.at - earlier.at, self.taken - earlier.taken, self.refused - earlier.refused, self.last_refused_at
        )


class Provider:
    """A provider that runs, seen from outside."""

    def __init__(self, url: str, rpm: int) -> None:
        self.url = url
        self.rpm = rpm

    def set_limit(self, rpm: float) -> None:
        """Set its limit, requests per minute."""
        httpx.post(f"{self.url}/limit", params={"rpm": rpm}).raise_for_status()

    def tally(self) -> Tally:
        """Return what it counted."""
        at, taken, refused, last = httpx.get(f"{self.url}/tally").json()
        return Tally(at, taken, refused, last)

    def wait_for_first(self) -> None:
        """Wait until it took a call: those who ask have started."""
        first, give_up_at = self.tally().taken, time.monotonic() + _STARTS_WITHIN_S
        while self.tally().taken < first + self.rpm / 60 and time.monotonic() < give_up_at:
            time.sleep(0.1)


@contextmanager
def start_provider(rpm: int) -> Iterator[Provider]:
    """Run a provider of this limit in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port,), daemon=True)
    process.start()
    provider = Provider(f"http://127.0.0.1:{port}", rpm)
    give_up_at = time.monotonic() + _STARTS_WITHIN_S
    try:
        while True:
            try:
                provider.tally()
                break
            except httpx.TransportError:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.05)
        yield provider
    finally:
        process.terminate()
        process.join(15)


def _serve(port: int) -> None:
    import uvicorn

    uvicorn.run(provider_app(), host="127.0.0.1", port=port, log_level="warning")
