"""The bytes of a stream as they go out: whole, slowly, after pings, or not to the end."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence


async def at_once(frames: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Send all frames."""
    for frame in frames:
        yield frame


async def byte_by_byte(frames: Sequence[bytes], every_s: float, for_s: float | None = None) -> AsyncIterator[bytes]:
    """Send one byte at a time, seconds apart, to the end or for so many seconds; then the rest at once."""
    whole = b"".join(frames)
    began = time.monotonic()
    for at in range(len(whole)):
        if for_s is not None and time.monotonic() - began >= for_s:
            yield whole[at:]
            return
        yield whole[at : at + 1]
        await asyncio.sleep(every_s)


async def after_pings(frames: Sequence[bytes], ping: bytes, every_s: float, long_s: float) -> AsyncIterator[bytes]:
    """Send the first frame, then pings for so many seconds, then the rest."""
    yield frames[0]
    for _ in range(max(1, int(long_s / max(every_s, 0.001)))):
        yield ping
        await asyncio.sleep(every_s)
    for frame in frames[1:]:
        yield frame


async def half(frames: Sequence[bytes], last: bytes = b"", silent_s: float = 0.0) -> AsyncIterator[bytes]:
    """Send half of the frames, be silent for so many seconds, send `last`, and end."""
    for frame in frames[: max(1, len(frames) // 2)]:
        yield frame
    await asyncio.sleep(silent_s)
    if last:
        yield last


async def hang_up(frames: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Send half of the frames, then lose the connection: the server notices that the body has no end.

    Raises:
        ConnectionResetError: always, after the half.
    """
    async for frame in half(frames):
        yield frame
    raise ConnectionResetError("told to hang up")
