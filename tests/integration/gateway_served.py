"""The real gateway under uvicorn, and a sender of webhooks."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import httpx
import uvicorn

from adapters.inbox.sqlite import SqliteInbox
from domain.inbound.signing import sign
from gateway.connections import ConnectionLimits
from gateway.uvicorn_options import uvicorn_options
from ports.incoming.inbox import InboxItem, PutOutcome

MAX_BYTES = 64 * 1024
BODY_TIMEOUT_S = 2.0  # tests of slow bodies wait so long; shorter, a busy machine's good bodies are refused too
TOKEN = "a-token-of-a-sender-that-cannot-sign"


class Pen(SqliteInbox):
    """The real pen, which can be told to fail."""

    failure: Exception | None = None

    async def put(self, item: InboxItem) -> PutOutcome:
        if self.failure is not None:
            raise self.failure
        return await super().put(item)


class Gateway:
    """A gateway that runs, and a sender of webhooks."""

    def __init__(self, url: str, pen: Pen, sources: Path, secret: str) -> None:
        self.url = url
        self.pen = pen
        self.sources = sources
        self.secret = secret
        self.http = httpx.Client(base_url=url, timeout=10)
        self._count = 0

    def headers(self, body: bytes, event_id: str | None = None, **changes: str | int) -> dict[str, str]:
        self._count += 1
        timestamp = int(time.time()) + int(changes.pop("after_s", 0))
        signed = sign(self.secret, event_id or f"evt_{self._count}", body, timestamp=timestamp)
        return {
            "content-type": "application/json",
            **signed,
            **{k.replace("_", "-"): str(v) for k, v in changes.items()},
        }

    def post(
        self, body: bytes, event_id: str | None = None, *, source: str = "shop", **changes: str | int
    ) -> httpx.Response:
        return self.http.post(f"/webhooks/{source}", content=body, headers=self.headers(body, event_id, **changes))

    def accepted(self) -> list[str]:
        return asyncio.run(self.pen.accepted())

    def raw(self, request: bytes, *, rest: bytes = b"", pause_s: float = 0.0) -> bytes:
        """Send bytes as they are and return all that comes back until the server closes or is quiet."""
        address = httpx.URL(self.url)
        with socket.create_connection((address.host, address.port or 80), timeout=10) as wire:
            wire.sendall(request)
            if pause_s:
                time.sleep(pause_s)
            try:
                wire.sendall(rest)
                wire.settimeout(2)
                received = b""
                while chunk := wire.recv(65536):
                    received += chunk
                    if b"\r\n\r\n" in received and received.rstrip().endswith(b"}"):
                        break
            except (TimeoutError, ConnectionError):
                pass
            return received


class running:  # noqa: N801 - reads as a word
    """Serve an application from a thread for as long as the block lasts."""

    def __init__(self, app: object, limits: ConnectionLimits | None = None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        options = uvicorn_options(limits)
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, **options))  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(15)
        self._socket.close()


def assert_refused(gateway: Gateway, answer: httpx.Response, status: int, code: str) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"urn:headgate:problem:{code}"
    assert problem["detail"]
    assert problem["remedy"]
    assert gateway.accepted() == []
