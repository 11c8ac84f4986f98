"""A slow line to a server, for tests: what the server says comes with so many bytes a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PIECES_PER_S = 50


@asynccontextmanager
async def slow_line(port: int, bytes_per_s: int) -> AsyncIterator[int]:
    """Give the port on loopback that leads over the slow line to another one; what is said to it goes at once."""
    ends: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, piece: int, pause_s: float) -> None:
        try:
            with suppress(OSError):
                while said := await reader.read(piece):
                    writer.write(said)
                    await writer.drain()
                    await asyncio.sleep(pause_s)
        finally:
            writer.transport.abort()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", port)
        for way in (
            carry(reader, to_there, 65_536, 0.0),
            carry(there, writer, bytes_per_s // _PIECES_PER_S, 1 / _PIECES_PER_S),
        ):
            ends.add(asyncio.create_task(way))

    listening = await asyncio.start_server(connect, "127.0.0.1", 0)
    try:
        yield int(listening.sockets[0].getsockname()[1])
    finally:
        listening.close()
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn
