"""Batches on the Anthropic wire: one request holds them all. The wire keeps no key of ours with a batch."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from adapters.models.wires.anthropic import AnthropicModel
from adapters.models.wires.batch_results import (
    CLOCKS_APART,
    LISTED_AT_MOST,
    Ended,
    about_a_batch,
    is_number,
    lines_of,
    numbered,
    perhaps_taken,
    read_lines,
    with_missing,
)
from domain.batches.owed import ItemEnd
from domain.batches.sending import Found
from domain.errors import HeadgateError, TransientError
from domain.model_call import ModelRequest
from ports.models.batches import BatchResult, FoundBatch, SoughtBatch, SubmittedBatch

if TYPE_CHECKING:
    from anthropic.types.messages import MessageBatch

_ENDS = {"errored": ItemEnd.REFUSED, "canceled": ItemEnd.CANCELLED, "expired": ItemEnd.EXPIRED}


class AnthropicBatchModel(AnthropicModel):
    """A `BatchModel` by the official client, which can be asked live, too."""

    async def submit(self, key: str, questions: Mapping[str, ModelRequest]) -> SubmittedBatch:  # noqa: ARG002 - the port has it
        """Send a batch, and return its number at the provider; its questions' ids stand for `key`.

        Raises:
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: it did not come there.
        """
        bodies: list[Any] = [  # Any: the wire's own free-form JSON
            {"custom_id": item_id, "params": self._body(request)} for item_id, request in questions.items()
        ]
        try:
            async with self._failures():
                batch = await self._client.messages.batches.create(requests=bodies)
        except HeadgateError as error:
            return perhaps_taken(error)
        return numbered(batch)

    async def find(self, sought: SoughtBatch) -> FoundBatch:
        """Look for a batch by the ids of its questions, which only the results of one that has ended tell."""
        seen, perhaps = 0, False
        async with self._failures():
            async for batch in self._client.messages.batches.list(limit=100):
                seen += 1
                if seen >= LISTED_AT_MOST:
                    return FoundBatch(Found.UNTELLABLE)
                if batch.created_at < sought.sent_at - CLOCKS_APART:  # the newest come first
                    break
                if batch.id in sought.others or not is_number(batch.id) or _total(batch) != len(sought.item_ids):
                    continue
                if batch.processing_status != "ended":
                    perhaps = True
                elif any(line.get("custom_id") in sought.item_ids for line in lines_of(await self._results(batch.id))):
                    return FoundBatch(Found.YES, batch.id)
        return FoundBatch(Found.UNTELLABLE if perhaps else Found.NO)

    async def collect(self, batch_id: str, questions: Mapping[str, ModelRequest]) -> list[BatchResult] | None:
        """Return what became of all questions of a batch, each once; None while it is under way."""
        async with self._failures():
            batch = await self._client.messages.batches.retrieve(batch_id)
            if batch.processing_status != "ended":
                return None
            content = await self._results(batch_id)
        found = read_lines(lines_of(content), questions, self._ended)
        return with_missing(found, questions, ItemEnd.LOST, f"{self._named}: the results do not name it")

    async def cancel(self, batch_id: str) -> None:
        """Have the provider stop a batch; one that has ended stays as it is."""
        from anthropic import BadRequestError, ConflictError

        async with self._failures():
            try:
                await self._client.messages.batches.cancel(batch_id)
            except (BadRequestError, ConflictError):
                batch = await self._client.messages.batches.retrieve(batch_id)
                if batch.processing_status == "in_progress":
                    raise

    async def _results(self, batch_id: str) -> bytes:
        """Return a batch's file of results, from where the batch is: an address that a reply names gets no key."""
        import httpx2

        if not is_number(batch_id):
            raise TransientError(f"{self._named}: {batch_id!r:.100} is no number of a batch")
        path = f"/v1/messages/batches/{batch_id}/results"
        response = await self._client.get(path, cast_to=httpx2.Response)
        return response.content

    def _failures(self) -> AbstractAsyncContextManager[None]:
        from anthropic import AnthropicError

        return about_a_batch(AnthropicError, self._failure, self._named)

    def _ended(self, request: ModelRequest, line: dict[str, Any]) -> Ended:
        from anthropic.types import Message

        result = line["result"]
        kind = result["type"]
        if kind == "succeeded":
            reply = self._reply(request, Message.construct(**result["message"]), self._price().in_batch())
            return ItemEnd.ANSWERED, reply, ""
        if kind not in _ENDS:
            return ItemEnd.UNREADABLE, None, f"a result of the kind {kind!r}"
        error = result.get("error") or {}
        inner = error.get("error") or error
        return _ENDS[kind], None, f"{kind}: {inner.get('type', '')}: {inner.get('message', '')}"


def _total(batch: "MessageBatch") -> int:
    counts = batch.request_counts
    return counts.canceled + counts.errored + counts.expired + counts.processing + counts.succeeded
