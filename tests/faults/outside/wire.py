"""A TCP proxy between the product and an outside party, which can spoil what passes."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from enum import StrEnum

CHUNK = 65_536


class Spoil(StrEnum):
    """What the proxy does to answers."""

    NONE = "passes"
    RESET = "resets"  # the request arrives, its answer never does
    REFUSE = "refuses"  # connections are cut before anything passes
    HALVE = "halves"  # half of the answer's first piece, then the connection is cut
    TRICKLE = "trickles"  # one byte a second
    SILENT = "falls silent"  # the answer is swallowed and the connection held


class Wire:
    """Passes connections on to an address that may change; what it does may change in the middle of one."""

    def __init__(self, name: str, target: Callable[[], tuple[str, int]]) -> None:
        self.name = name
        self.spoil = Spoil.NONE
        self.spoilt = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, and cut what is connected."""
        if self._server is not None:
            self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            await self._pass_on(reader, writer)
        except asyncio.CancelledError:
            _cut(writer)  # the wire is closed: nobody waits for this task
        finally:
            self._passing.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.spoil is Spoil.REFUSE:
            self.spoilt += 1
            _cut(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target())
        except OSError:  # who is behind it is away: so are we
            _cut(writer)
            return
        there = asyncio.create_task(self._forward(reader, far_writer))
        back = asyncio.create_task(self._answer(far_reader, writer))
        try:
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            if not back.done():  # a sender may close its half first
                await asyncio.wait([back], timeout=60)
        finally:
            for direction in (there, back):
                direction.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            for end in (writer, far_writer):
                end.close()

    @staticmethod
    async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(CHUNK):
                writer.write(piece)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(CHUNK):
                if self.spoil is not Spoil.NONE:
                    self.spoilt += 1
                if self.spoil in {Spoil.RESET, Spoil.REFUSE}:
                    _cut(writer)
                    return
                if self.spoil is Spoil.HALVE:
                    writer.write(piece[: len(piece) // 2])
                    await writer.drain()
                    _cut(writer)
                    return
                if self.spoil is Spoil.SILENT:
                    continue
                await self._pass(piece, writer)

    async def _pass(self, piece: bytes, writer: asyncio.StreamWriter) -> None:
        for at in range(len(piece)):
            if self.spoil is not Spoil.TRICKLE:
                writer.write(piece[at:])
                break
            writer.write(piece[at : at + 1])
            await writer.drain()
            await asyncio.sleep(1)
        await writer.drain()


def _cut(writer: asyncio.StreamWriter) -> None:
    """Close a connection by a reset instead of an orderly end."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
