"""Writes of one turn of the event loop as one: the server writes an answer's head and body apart, and each write is a
call into the kernel, which is a tenth of all that a webhook costs.
"""

import asyncio
from typing import Any

_AT_ONCE_BYTES = 32 * 1024  # what is larger is written at once, so that a slow peer is noticed by whoever writes


class JoinedWrites:
    """A transport that writes once a turn of the loop, at its end; all else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._bytes = 0
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        """Write, a moment later."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._bytes += len(data)
        if self._bytes > _AT_ONCE_BYTES:
            self.flush()

    def close(self) -> None:
        """Close the connection once all is written."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Say that nothing more comes once all is written."""
        self.flush()
        self._transport.write_eof()

    def abort(self) -> None:
        """Close the connection now; what is not yet written is lost."""
        self.drop()
        self._transport.abort()

    def drop(self) -> None:
        """Forget what is not yet written: the connection is gone."""
        self._parts, self._bytes = [], 0

    def flush(self) -> None:
        """Write now what is not yet written."""
        if self._parts:
            parts, self._parts, self._bytes = self._parts, [], 0
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    # Any: whatever else the transport has.
    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as said
        return getattr(self._transport, name)
