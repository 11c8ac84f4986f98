"""Answers that come piece by piece: how long is waited for the next piece, and what is made of all of them."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from domain.errors import TransientError

CONNECT_S = 5.0
PINGS_ALONE_S = 900.0
"""How long pings, comments and pieces of pieces keep an answer alive without one whole piece of it. Any byte is life
to the connection (`idle_s`); a server that only pings does not hold a call's place for its whole `answer_s`.
"""
_CHARS_AT_MOST = 8_000_000  # of one answer: no honest one comes near, and memory has an end


class OpenResponse(Protocol):
    """A response of an official client whose body has not been read yet."""

    async def parse(self) -> Any:  # noqa: ANN401 - the client's stream of its own pieces
        """Return the stream of pieces."""
        ...

    async def json(self) -> object:
        """Return the body, read as JSON."""
        ...


class Collected(ABC):
    """What has come of one answer so far. Subclasses know their wire's pieces.

    Attributes:
        began: whether the provider took the request: from then on it is paid for.
        usage: the provider's own count, as far as it came.
    """

    def __init__(self) -> None:
        self.began = False
        self.usage: dict[str, Any] = {}  # Any: the wire's own free-form JSON
        self._chars = 0
        self._written: list[str] = []

    @property
    def text(self) -> str:
        """All that was written so far, for an estimate of its tokens."""
        return "".join(self._written)

    def note(self, text: object) -> str:
        """Return a piece of text, and count it.

        Raises:
            TransientError: it is no text, or the answer has become absurdly long.
        """
        if not isinstance(text, str):
            raise TransientError(f"a piece of the answer is malformed: {text!r:.80}")
        self._chars += len(text)
        if self._chars > _CHARS_AT_MOST:
            raise TransientError(f"the answer is longer than {_CHARS_AT_MOST:,} characters")
        self._written.append(text)
        return text

    @abstractmethod
    def add(self, piece: dict[str, Any]) -> None:
        """Take the next piece.

        Raises:
            TransientError: it is malformed.
        """

    @abstractmethod
    def whole(self) -> dict[str, Any]:
        """Return the body that a plain answer would have been.

        Raises:
            TransientError: the end is missing.
        """


async def read_answer(response: OpenResponse, content_type: str, collected: Collected) -> dict[str, Any]:
    """Return the whole answer's body; a server that answers with plain JSON although it was asked to stream is read,
    too.

    Raises:
        TransientError: it is malformed or its end is missing.
        TimeoutError: no whole piece came for `PINGS_ALONE_S`.
    """
    collected.began = True
    if "json" in content_type.lower():
        body = await response.json()
        if not isinstance(body, dict):
            raise TransientError(f"the reply is no answer: {body!r:.200}")
        return body
    stream = await response.parse()
    async for piece in _pieces(stream):
        collected.add(fields_of(piece))
    return collected.whole()


async def _pieces(stream: AsyncIterator[object]) -> AsyncIterator[object]:
    while True:
        try:
            async with asyncio.timeout(PINGS_ALONE_S):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        yield piece


def fields_of(value: object) -> dict[str, Any]:
    """Return an object of a client as it came over the wire; the clients check nothing.

    Raises:
        TransientError: it is no JSON object.
    """
    dump: Callable[..., dict[str, Any]] | None = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(warnings=False, exclude_unset=True)
    if isinstance(value, dict):
        return value
    raise TransientError(f"a piece of the answer is malformed: {value!r:.80}")


def lost_connection() -> tuple[type[Exception], ...]:
    """Return what the clients let through, unwrapped, when a connection or its bytes break in mid-answer."""
    import anyio
    import httpx2  # the clients' own; imported with them

    return (httpx2.HTTPError, anyio.EndOfStream, OSError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError)


def never_reached(error: BaseException) -> bool:
    """Return whether a request never came to the provider, so that nothing can be paid for it."""
    import httpx2

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
            return True
        cause = cause.__cause__
    return False
