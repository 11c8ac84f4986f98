"""Ports of this machine: held for a `headgate up` while it runs, free at this moment, or answering."""

import asyncio
import socket
from contextlib import suppress
from typing import Self

from domain.errors import NoFreePortError

MOST_PORT = 65535


class HeldPorts:
    """Ports that are this process's own among all `headgate up` of this machine, until it lets go or ends.

    A port for TCP is held by the UDP port of the same number: Temporal cannot be handed a socket, so its own must stay
    free, and two that look at the same moment find the same ones free. Held like this only one of them gets each, of
    whatever user; the kernel lets go however the process ends.
    """

    def __init__(self, host: str, holds: dict[int, socket.socket]) -> None:
        self._host = host
        self._holds = holds

    @classmethod
    def take(cls, base: int, count: int, host: str = "127.0.0.1") -> Self:
        """Take the first ``count`` ports from ``base`` upwards that nobody holds or listens on.

        The same ones are found again while nothing changes, so a second `headgate up` keeps its addresses.

        Raises:
            NoFreePortError: there are not so many below 65536.
        """
        holds: dict[int, socket.socket] = {}
        for port in range(base, MOST_PORT + 1):
            if len(holds) == count:
                break
            hold = _held(host, port)
            if hold is None:
                continue
            if _is_free(host, port):
                holds[port] = hold
            else:
                hold.close()
        taken = cls(host, holds)
        if len(holds) < count:
            taken.release()
            raise _too_few(base, count)
        return taken

    @property
    def numbers(self) -> list[int]:
        """The ports, the lowest first."""
        return list(self._holds)

    def used_by_others(self) -> list[int]:
        """Return those on which somebody listens; ask while none of our own servers runs."""
        return [port for port in self._holds if not _is_free(self._host, port)]

    def release(self) -> None:
        """Let go of all; safe to call again."""
        for hold in self._holds.values():
            hold.close()


def _held(host: str, port: int) -> socket.socket | None:
    hold = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # not inherited by the processes that are started
    with suppress(OSError):
        hold.bind((host, port))
        return hold
    hold.close()
    return None


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that are closing must not make a port look taken, or a restart would move.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _too_few(base: int, count: int) -> NoFreePortError:
    return NoFreePortError(f"fewer than {count} free ports from {base!r} on; choose a lower --port-base")


def free_ports(base: int, count: int, host: str = "127.0.0.1") -> list[int]:
    """Return the first ``count`` ports from ``base`` upwards that nobody listens on; they are not held.

    Raises:
        NoFreePortError: there are not so many below 65536.
    """
    found: list[int] = []
    for port in range(base, MOST_PORT + 1):
        if len(found) == count:
            break
        if _is_free(host, port):
            found.append(port)
    if len(found) < count:
        raise _too_few(base, count)
    return found


async def port_answers(host: str, port: int) -> bool:
    """Tell whether something accepts connections there: the simplest ready probe."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), timeout=1.0)
    except OSError:
        return False
    writer.close()
    return True
