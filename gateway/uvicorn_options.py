"""How uvicorn serves the gateway."""

import gc
from typing import Literal, TypedDict

from gateway.connections import ConnectionLimits, GuardedConnection, guarded


class UvicornOptions(TypedDict):
    """Keyword arguments of `uvicorn.Config`."""

    http: type[GuardedConnection]
    loop: str
    ws: str
    access_log: bool
    proxy_headers: bool
    server_header: bool
    lifespan: Literal["auto", "on", "off"]
    timeout_keep_alive: int
    timeout_graceful_shutdown: int
    backlog: int


def uvicorn_options(limits: ConnectionLimits | None = None) -> UvicornOptions:
    """Return the gateway's options: fast parser and event loop, no access log, no server header, limits for peers."""
    limits = limits or ConnectionLimits()
    return UvicornOptions(
        http=guarded(limits),
        loop="uvloop",
        ws="none",
        access_log=False,
        proxy_headers=False,  # nothing here depends on the address or the scheme of the client
        server_header=False,
        lifespan="off",
        timeout_keep_alive=int(limits.idle_s),
        timeout_graceful_shutdown=10,
        backlog=2048,
    )


def settle_memory() -> None:
    """Exempt everything that exists now from garbage collection. Call it once, when all modules are loaded.

    Requests leave hardly any cycles behind; walking through every loaded module to find none costs a tenth of the rate.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
