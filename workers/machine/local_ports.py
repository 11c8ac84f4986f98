"""Ports of this machine: which are free for `headgate up`, and whether something answers on one."""

import asyncio
import socket

from domain.errors import NoFreePortError

MOST_PORT = 65535


def free_ports(base: int, count: int, host: str = "127.0.0.1") -> list[int]:
    """Return the first ``count`` ports from ``base`` upwards that nobody listens on.

    The same ones are found again while nothing changes, so a second `headgate up` keeps its addresses.

    Raises:
        NoFreePortError: there are not so many below 65536.
    """
    found: list[int] = []
    for port in range(base, MOST_PORT + 1):
        if len(found) == count:
            break
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As servers do: connections that are closing must not make a port look taken, or a restart would move.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen(1)
            except OSError:
                continue
        found.append(port)
    if len(found) < count:
        raise NoFreePortError(f"fewer than {count} free ports from {base!r} on; choose a lower --port-base")
    return found


async def port_answers(host: str, port: int) -> bool:
    """Tell whether something accepts connections there: the simplest ready probe."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), timeout=1.0)
    except OSError:
        return False
    writer.close()
    return True
