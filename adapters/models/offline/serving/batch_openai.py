"""Batches on the OpenAI wire of the offline model: `/v1/files` and `/v1/batches`."""

import json
import secrets
from collections import OrderedDict
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.models.offline.serving.batches import (
    KEPT,
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

_URL = "/v1/chat/completions"


class OpenAIBatches:
    """The wire's files and batches; see `KeptBatches`."""

    def __init__(self, conduct: Conduct, answer: Answerer, error: Error) -> None:
        self._error = error
        self._batches = KeptBatches(conduct, answer, error)
        self._files: OrderedDict[str, bytes] = OrderedDict()

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/v1/files", self.upload, methods=["POST"]),
            Route("/v1/files/{number}/content", self.content, methods=["GET"]),
            Route("/v1/batches", self.create, methods=["POST"]),
            Route("/v1/batches", self.listed, methods=["GET"]),
            Route("/v1/batches/{number}", self.retrieve, methods=["GET"]),
            Route("/v1/batches/{number}/cancel", self.cancel, methods=["POST"]),
        ]

    async def upload(self, request: Request) -> Response:
        """Take a file of requests."""
        raw = await request.body()
        kind = request.headers.get("content-type", "")
        form = message_from_bytes(f"content-type: {kind}\r\n\r\n".encode() + raw, policy=HTTP)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        content = parts["file"].get_payload(decode=True) if "file" in parts else None
        purpose = parts["purpose"].get_payload() if "purpose" in parts else None
        if len(raw) > MOST_BYTES or not isinstance(content, bytes) or purpose != "batch":
            return self._bad(f"expected a form with 'file' and 'purpose' (batch), {MOST_BYTES} bytes at most")
        number = f"file-{secrets.token_hex(12)}"
        self._files[number] = content
        while len(self._files) > KEPT:
            self._files.popitem(last=False)
        about = {"id": number, "object": "file", "bytes": len(content), "created_at": 0, "filename": "batch.jsonl"}
        return JSONResponse(about | {"purpose": "batch", "status": "processed"})

    async def create(self, request: Request) -> Response:
        """Take a batch."""
        try:
            batch = self._taken(json.loads(await request.body()))
        except (BadRequestError, ValueError, AttributeError) as e:
            return self._bad(str(e))
        if batch.mode is BatchMode.NO_REPLY:
            return JSONResponse(self._error("told to lose the reply", "timeout_error"), 504)
        return JSONResponse(_shown(batch))

    def _taken(self, body: Body) -> KeptBatch:
        if body.get("endpoint") != _URL or body.get("completion_window") != "24h":
            raise BadRequestError(f"expected the endpoint {_URL} and the completion window 24h")
        content = self._files.get(str(body.get("input_file_id")))
        if content is None:
            raise BadRequestError("'input_file_id': there is no such file", "input_file_id")
        lines = [json.loads(line) for line in content.splitlines() if line.strip()]
        items = [(line.get("custom_id"), line.get("body") if line.get("url") == _URL else None) for line in lines]
        about = {"metadata": body.get("metadata"), "input_file_id": body["input_file_id"]}
        return self._batches.take(items, about, "batch_")

    async def listed(self, request: Request) -> Response:
        """List the batches, the newest first."""
        page, more = self._batches.newest(request.query_params.get("after"))
        ends = {"first_id": page[0].number, "last_id": page[-1].number} if page else {}
        return JSONResponse({"object": "list", "data": [_shown(b) for b in page], "has_more": more} | ends)

    async def retrieve(self, request: Request) -> Response:
        """Show a batch."""
        batch = await self._batches.look(request.path_params["number"])
        return JSONResponse(_shown(batch)) if batch is not None else self._none()

    def _none(self) -> Response:
        return JSONResponse(self._error("there is none of that number", "not_found_error"), 404)

    async def cancel(self, request: Request) -> Response:
        """Stop a batch."""
        batch = self._batches.cancel(request.path_params["number"])
        if batch is None:
            return self._none()
        if batch.has_ended:
            return JSONResponse(self._error("the batch has ended", "invalid_request_error"), 409)
        return JSONResponse(_shown(batch))

    def _bad(self, message: str) -> Response:
        return JSONResponse(self._error(message, "invalid_request_error"), 400)

    async def content(self, request: Request) -> Response:
        """Send a file of results."""
        kind, _, number = str(request.path_params["number"]).partition("-")
        batch = await self._batches.look(number)
        if batch is None or not batch.has_ended or kind not in ("output", "error"):
            return self._none()
        lines = [
            json.dumps(_line(batch, item_id, end), ensure_ascii=False)
            for item_id, end in batch.listed().items()
            if (not isinstance(end, str) and end[0] == 200) is (kind == "output")
        ]
        return Response("".join(f"{line}\n" for line in reversed(lines)), media_type="application/jsonl")


def _line(batch: KeptBatch, item_id: str, end: tuple[int, Body] | str) -> Body:
    line: Body = {"id": f"batch_req_{item_id}", "custom_id": item_id, "response": None, "error": None}
    if isinstance(end, str):
        code = "batch_expired" if end == "expired" else "batch_cancelled"
        return line | {"error": {"code": code, "message": f"the batch {batch.number} did not come to it"}}
    return line | {"response": {"status_code": end[0], "request_id": f"req_{item_id}", "body": end[1]}}


def _shown(batch: KeptBatch) -> dict[str, Any]:
    failed = batch.has_ended and batch.mode is BatchMode.FAILS
    status = "in_progress" if not batch.cancelled else "cancelling"
    if batch.has_ended:
        expired = "expired" if batch.count("expired") else "completed"
        status = "failed" if failed else "cancelled" if batch.cancelled else expired
    done = 0 if failed else batch.count("succeeded")
    wrong = 0 if failed else batch.count("errored", "expired", "canceled")
    told = [{"code": "told_to_fail", "message": "told to fail", "param": None, "line": 1}]
    return batch.about | {
        "id": batch.number,
        "object": "batch",
        "endpoint": _URL,
        "completion_window": "24h",
        "status": status,
        "created_at": int(batch.made_at.timestamp()),
        "output_file_id": f"output-{batch.number}" if done else None,
        "error_file_id": f"error-{batch.number}" if wrong else None,
        "errors": {"object": "list", "data": told} if failed else None,
        "request_counts": {"total": len(batch.items), "completed": done, "failed": wrong},
    }
