"""How uvicorn serves the gateway."""

from typing import Literal, TypedDict


class UvicornOptions(TypedDict):
    """Keyword arguments of `uvicorn.Config`."""

    http: str
    loop: str
    ws: str
    access_log: bool
    server_header: bool
    lifespan: Literal["auto", "on", "off"]
    timeout_keep_alive: int
    timeout_graceful_shutdown: int
    backlog: int


def uvicorn_options() -> UvicornOptions:
    """Return the options that the gateway is made for: the fast parser and loop, no line per request, no banner."""
    return UvicornOptions(
        http="httptools",
        loop="uvloop",
        ws="none",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        backlog=2048,
    )
