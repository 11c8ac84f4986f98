"""Batches on the OpenAI wire: a file of requests goes up, two files come back."""

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

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
from adapters.models.wires.openai import OpenAIModel
from domain.batches.owed import ItemEnd
from domain.batches.sending import Found
from domain.errors import HeadgateError
from domain.model_call import ModelRequest
from ports.models.batches import BatchResult, FoundBatch, SoughtBatch, SubmittedBatch

if TYPE_CHECKING:
    from openai.types import Batch

KEY = "headgate_batch"
"""The name under which a batch bears our key at the provider."""
_KEPT_S = 3 * 86_400  # the files, at the provider: they hold words of customers, and a batch takes a day at most
_ENDED = {
    "completed": ItemEnd.LOST,
    "expired": ItemEnd.EXPIRED,
    "cancelled": ItemEnd.CANCELLED,
    "failed": ItemEnd.REFUSED,
}
"""How batches end, and what became of a question that no file names, if the files name all that was answered."""
_ENDS = {"batch_expired": ItemEnd.EXPIRED, "batch_cancelled": ItemEnd.CANCELLED}


class OpenAIBatchModel(OpenAIModel):
    """A `BatchModel` by the official client, which can be asked live, too."""

    async def submit(self, key: str, questions: Mapping[str, ModelRequest]) -> SubmittedBatch:
        """Send a batch under a key of ours, and return its number at the provider.

        Raises:
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: it did not come there.
        """
        lines = [json.dumps(self._line(item_id, request)) for item_id, request in questions.items()]
        async with self._failures():
            file = await self._client.files.create(
                file=(f"{key}.jsonl", ("\n".join(lines) + "\n").encode()),
                purpose="batch",
                expires_after={"anchor": "created_at", "seconds": _KEPT_S},
            )
            file_id = file.id
        try:
            async with self._failures():
                batch = await self._client.batches.create(
                    input_file_id=file_id,
                    endpoint="/v1/chat/completions",
                    completion_window="24h",
                    metadata={KEY: key},
                    output_expires_after={"anchor": "created_at", "seconds": _KEPT_S},
                )
        except HeadgateError as error:
            return perhaps_taken(error)
        return numbered(batch)

    async def find(self, sought: SoughtBatch) -> FoundBatch:
        """Look for a batch by our key, which this wire keeps with it."""
        seen, oldest = 0, (sought.sent_at - CLOCKS_APART).timestamp()
        async with self._failures():
            async for batch in self._client.batches.list(limit=100):
                seen += 1
                if isinstance(batch.metadata, dict) and batch.metadata.get(KEY) == sought.key and is_number(batch.id):
                    return FoundBatch(Found.YES, batch.id)
                if batch.created_at < oldest:  # the newest come first
                    break
                if seen >= LISTED_AT_MOST:
                    return FoundBatch(Found.UNTELLABLE)
        return FoundBatch(Found.NO)

    async def collect(self, batch_id: str, questions: Mapping[str, ModelRequest]) -> list[BatchResult] | None:
        """Return what became of all questions of a batch, each once; None while it is under way."""
        async with self._failures():
            batch = await self._client.batches.retrieve(batch_id)
            if batch.status not in _ENDED:
                return None
            files = [name for name in (batch.output_file_id, batch.error_file_id) if name]
            contents = [(await self._client.files.content(name)).content for name in files]
        found = read_lines((line for content in contents for line in lines_of(content)), questions, self._ended)
        missing = _ENDED[batch.status]
        answered = sum(result.end in (ItemEnd.ANSWERED, ItemEnd.UNREADABLE) for result in found.values())
        completed = batch.request_counts.completed if batch.request_counts else None
        if missing is not ItemEnd.REFUSED and answered != completed:
            missing = ItemEnd.LOST  # more was answered than the files tell
        return with_missing(found, questions, missing, f"{self._named}: batch {batch.status}{_errors_of(batch)}")

    async def cancel(self, batch_id: str) -> None:
        """Have the provider stop a batch; one that has ended stays as it is."""
        from openai import BadRequestError, ConflictError

        async with self._failures():
            try:
                await self._client.batches.cancel(batch_id)
            except (BadRequestError, ConflictError):
                batch = await self._client.batches.retrieve(batch_id)
                if batch.status not in _ENDED and batch.status != "cancelling":
                    raise

    def _failures(self) -> AbstractAsyncContextManager[None]:
        from openai import APIError

        return about_a_batch(APIError, self._failure, self._named)

    def _line(self, item_id: str, request: ModelRequest) -> dict[str, Any]:  # Any: the wire's own free-form JSON
        return {"custom_id": item_id, "method": "POST", "url": "/v1/chat/completions", "body": self._body(request)}

    def _ended(self, request: ModelRequest, line: dict[str, Any]) -> Ended:
        from openai.types.chat import ChatCompletion

        response, error = line.get("response"), line.get("error")
        if isinstance(response, dict) and response["status_code"] == 200:
            reply = self._reply(request, ChatCompletion.construct(**response["body"]), self._price().in_batch())
            told = {"provider_request_id": str(response.get("request_id") or reply.provider_request_id)[:200]}
            return ItemEnd.ANSWERED, reply.model_copy(update=told), ""
        if isinstance(response, dict):
            return ItemEnd.REFUSED, None, f"HTTP {response['status_code']}: {json.dumps(response.get('body'))}"
        if not isinstance(error, dict):
            return ItemEnd.UNREADABLE, None, "neither a response nor an error"
        code = str(error.get("code"))
        return _ENDS.get(code, ItemEnd.REFUSED), None, f"{code}: {error.get('message')}"


def _errors_of(batch: "Batch") -> str:
    errors = batch.errors.data if batch.errors else None
    return "".join(f"; {error.code}: {error.message}" for error in errors or [])
