"""Batches on the Anthropic wire of the offline model: `/v1/messages/batches`."""

import json
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.models.offline.serving.batches import (
    MOST_BYTES,
    Answerer,
    BatchMode,
    Body,
    Conduct,
    Error,
    KeptBatch,
    KeptBatches,
)
from domain.errors import BadRequestError

_PATH = "/v1/messages/batches"


class AnthropicBatches:
    """The wire's batches; see `KeptBatches`."""

    def __init__(self, conduct: Conduct, answer: Answerer, error: Error) -> None:
        self._error = error
        self._batches = KeptBatches(conduct, answer, error)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(_PATH, self.create, methods=["POST"]),
            Route(_PATH, self.listed, methods=["GET"]),
            Route(f"{_PATH}/{{number}}", self.retrieve, methods=["GET"]),
            Route(f"{_PATH}/{{number}}/results", self.results, methods=["GET"]),
            Route(f"{_PATH}/{{number}}/cancel", self.cancel, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """Take a batch."""
        raw = await request.body()
        try:
            batch = self._batches.take(_items(raw), {}, "msgbatch_")
        except (BadRequestError, ValueError, AttributeError, KeyError, TypeError) as e:
            return JSONResponse(self._error(str(e), "invalid_request_error"), 400)
        if batch.mode is BatchMode.FAILS:
            self._batches.cancel(batch.number)
            return JSONResponse(self._error("told to fail", "invalid_request_error"), 400)
        if batch.mode is BatchMode.NO_REPLY:
            return JSONResponse(self._error("told to lose the reply", "timeout_error"), 504)
        return JSONResponse(_shown(batch, request))

    async def listed(self, request: Request) -> Response:
        """List the batches, the newest first."""
        page, more = self._batches.newest(request.query_params.get("after_id"))
        ends = {"first_id": page[0].number, "last_id": page[-1].number} if page else {"first_id": None, "last_id": None}
        return JSONResponse({"data": [_shown(b, request) for b in page], "has_more": more} | ends)

    async def retrieve(self, request: Request) -> Response:
        """Show a batch."""
        batch = await self._batches.look(request.path_params["number"])
        return JSONResponse(_shown(batch, request)) if batch is not None else self._none()

    def _none(self) -> Response:
        return JSONResponse(self._error("there is none of that number", "not_found_error"), 404)

    async def cancel(self, request: Request) -> Response:
        """Stop a batch."""
        batch = self._batches.cancel(request.path_params["number"])
        if batch is None:
            return self._none()
        if batch.has_ended:
            return JSONResponse(self._error("the batch has ended", "invalid_request_error"), 400)
        return JSONResponse(_shown(batch, request))

    async def results(self, request: Request) -> Response:
        """Send the results."""
        batch = await self._batches.look(request.path_params["number"])
        if batch is None or not batch.has_ended:
            return self._none()
        lines = [
            json.dumps({"custom_id": item_id, "result": _result(end)}, ensure_ascii=False)
            for item_id, end in batch.listed().items()
        ]
        return Response("".join(f"{line}\n" for line in reversed(lines)), media_type="application/x-jsonl")


def _items(raw: bytes) -> list[tuple[object, object]]:
    if len(raw) > MOST_BYTES:
        raise BadRequestError(f"the batch has {len(raw)} bytes, at most {MOST_BYTES} are read")
    return [(item.get("custom_id"), item.get("params")) for item in json.loads(raw)["requests"]]


def _result(end: tuple[int, Body] | str) -> Body:
    if isinstance(end, str):
        return {"type": end}
    return {"type": "succeeded", "message": end[1]} if end[0] == 200 else {"type": "errored", "error": end[1]}


def _shown(batch: KeptBatch, request: Request) -> dict[str, Any]:  # Any: the wire's own free-form JSON
    under_way = "canceling" if batch.cancelled else "in_progress"
    counts = {end: batch.count(end) for end in ("succeeded", "errored", "canceled", "expired")}
    results = f"{request.base_url}v1/messages/batches/{batch.number}/results"
    return {
        "id": batch.number,
        "type": "message_batch",
        "processing_status": "ended" if batch.has_ended else under_way,
        "created_at": batch.made_at.isoformat(),
        "expires_at": (batch.made_at + timedelta(days=1)).isoformat(),
        "request_counts": counts | {"processing": 0 if batch.has_ended else len(batch.items)},
        "results_url": results if batch.has_ended else None,
    }
