"""The server of `headgate bench intake`: the gateway over a pen, and beside it handlers that only answer."""

import multiprocessing
import socket
import time
from pathlib import Path

from adapters.inbox.opening import OpenedInbox, open_inbox
from domain.errors import NotReachableError
from domain.turns import Turns
from gateway.app import create_gateway
from gateway.uvicorn_options import settle_memory, uvicorn_options
from gateway.webhooks.sources import SourceRegistry
from ports.incoming.accepted_log import AcceptedLog

_START_WITHIN_S = 20.0
_LIMIT = 10_000_000


def open_pen(folder: Path, url: str) -> OpenedInbox:
    """Open the pen of a URL, with its file or its log of accepted events in the folder."""

    def log() -> AcceptedLog:
        from adapters.inbox.accepted_log import SqlAcceptedLog
        from adapters.store import open_store

        return SqlAcceptedLog(open_store(f"sqlite:///{folder / 'store.db'}").database)

    return open_inbox(url, file=folder / "inbox.db", log=log, turns=Turns(), max_waiting=_LIMIT)


def start_server(folder: Path, url: str = "") -> tuple[multiprocessing.context.SpawnProcess, int]:
    """Start it as a process; return that and its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(folder, listener, url), daemon=True)
    process.start()
    port: int = listener.getsockname()[1]
    listener.close()
    deadline = time.monotonic() + _START_WITHIN_S
    while process.is_alive() and time.monotonic() < deadline:
        try:
            _ask(port, "/ready")
        except OSError:
            time.sleep(0.1)
        else:
            return process, port
    process.terminate()
    raise NotReachableError(f"the server did not start within {_START_WITHIN_S:g} s")


def _serve(folder: Path, listener: socket.socket, url: str) -> None:
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
    inbox = open_pen(folder, url)
    gateway = create_gateway(inbox, SourceRegistry(folder / "sources.json"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/webhooks/"):
            await gateway(scope, receive, send)
            return
        if scope["path"] == "/framework":
            await framework(scope, receive, send)
            return
        if scope["path"] == "/ready":
            await inbox.check_writable()  # opens store and broker, which takes longer than a webhook may wait
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        body = b'{"accepted":true}' if scope["path"] == "/empty" else str(getattr(inbox, "commits", 0)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    settle_memory()
    config = uvicorn.Config(app, log_level="warning", **uvicorn_options())
    uvicorn.Server(config).run(sockets=[listener])


def commits_of(port: int) -> int:
    """Ask how often the pen committed; 0 where it is a broker."""
    return int(_ask(port, "/commits"))


def _ask(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=_START_WITHIN_S) as wire:
        wire.sendall(path.encode().join((b"GET ", b" HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")))
        answer = b""
        while chunk := wire.recv(4096):
            answer += chunk
    return answer.rpartition(b"\r\n\r\n")[2]
