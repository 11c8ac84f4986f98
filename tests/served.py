"""An ASGI app on a real socket, for clients that bring their own transport."""

import socket
import threading
from types import TracebackType
from typing import Self

import httpx
import uvicorn
from starlette.types import ASGIApp


class Served:
    """A server of an app on a free port of this machine, in a thread of its own, up while the block runs."""

    def __init__(self, app: ASGIApp) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Self:
        self._socket.listen(128)  # callers wait for the thread instead of being refused
        self._thread.start()
        httpx.get(f"{self.url}/healthz", timeout=30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
