"""Results of batches, whatever the wire: lines of JSON of which none spoils the others."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from adapters.models.wires.failures import quoted
from adapters.models.wires.streaming import lost_connection, never_reached
from domain.batches.owed import ItemEnd
from domain.errors import HeadgateError, TransientError
from domain.model_call import ModelReply, ModelRequest
from ports.models.batches import BatchResult, SubmittedBatch

CALL_S = 240.0
"""For a call about a batch, files included: far less than `domain.batches.sending.SEEN_AFTER`."""
CLOCKS_APART = timedelta(hours=1)
"""By how much the provider's clock may differ from ours where batches are looked for by their time."""
LISTED_AT_MOST = 5_000  # batches that are looked through for one of ours
_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_SILENT = frozenset({408, 409})
_ODD = (TransientError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)

_Failed = TypeVar("_Failed", bound=Exception)
Ended = tuple[ItemEnd, ModelReply | None, str]


def is_number(batch_id: object) -> bool:
    """Return whether this can be a batch's number at a provider: it becomes part of an address."""
    return isinstance(batch_id, str) and _NUMBER.fullmatch(batch_id) is not None


def perhaps_taken(error: HeadgateError) -> SubmittedBatch:
    """Return a batch of which nobody knows whether it was taken, or raise the error where it was not: it never came
    there, or it was refused.
    """
    status = getattr(error.__cause__, "status_code", None)
    refused = isinstance(status, int) and 400 <= status < 500 and status not in _SILENT
    if refused or never_reached(error):
        raise error
    return SubmittedBatch("", quoted(str(error)))


def numbered(batch: object) -> SubmittedBatch:
    """Return a batch that was taken; without a number nobody can say so."""
    number = getattr(batch, "id", None)
    if isinstance(number, str) and is_number(number):
        return SubmittedBatch(number)
    return SubmittedBatch("", f"the reply names no batch: {quoted(repr(batch))}")


@asynccontextmanager
async def about_a_batch(
    failed: type[_Failed], failure: Callable[[_Failed], HeadgateError], named: str
) -> AsyncIterator[None]:
    """Bound a call about a batch in time, and tell its failures in our own errors.

    Args:
        failed: what the client raises.
        failure: tells it in our own.
        named: the model.

    Raises:
        HeadgateError: as `failure` tells it.
        TransientError: no reply came, or one that cannot be read: the clients check nothing of it.
    """
    unreadable: tuple[type[Exception], ...] = (*lost_connection(), AttributeError, TypeError)
    try:
        async with asyncio.timeout(CALL_S):
            yield
    except failed as e:
        raise failure(e) from e
    except unreadable as e:
        said = f"{named}: no readable reply about a batch: {type(e).__name__}: {quoted(str(e))}"
        raise TransientError(said) from e


def lines_of(content: bytes) -> Iterator[dict[str, Any]]:  # Any: the wire's own free-form JSON
    """Yield the JSON objects of a file, one a line; what is none is left out, and its question counts as lost."""
    for line in content.split(b"\n"):  # at nothing else: texts may hold the other separators as they are
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def read_lines(
    lines: Iterator[dict[str, Any]],
    questions: Mapping[str, ModelRequest],
    read: Callable[[ModelRequest, dict[str, Any]], Ended],
) -> dict[str, BatchResult]:
    """Return what the lines say of our questions, of each the first; a line that `read` cannot read is unreadable."""
    found: dict[str, BatchResult] = {}
    for line in lines:
        item_id = line.get("custom_id")
        if not isinstance(item_id, str) or item_id not in questions or item_id in found:
            continue
        try:
            end, reply, why = read(questions[item_id], line)
        except _ODD as error:
            end, reply, why = ItemEnd.UNREADABLE, None, f"{type(error).__name__}: {error}"
        found[item_id] = BatchResult(item_id, end, reply, quoted(why))
    return found


def with_missing(
    found: Mapping[str, BatchResult], questions: Mapping[str, ModelRequest], end: ItemEnd, why: str
) -> list[BatchResult]:
    """Return what became of all questions; of those that no line names it is `end`."""
    return [found.get(item_id) or BatchResult(item_id, end, None, quoted(why)) for item_id in questions]
