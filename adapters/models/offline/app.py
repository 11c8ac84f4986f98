"""The offline model as one ASGI app: chat completions, messages, embeddings, and an admin page that makes it misbehave.

It is a stand-in and says so: model `embedded-router-1`, header `x-embedded`, a fingerprint of its weights. It reads
the request and nothing else, keeps nothing but batches until it ends, and the same bytes get the same bytes. What it
was not made for it refuses with 422 `unsupported_task`.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from adapters.embedding.ngrams import DIMENSIONS, embed
from adapters.models.offline import wire_anthropic, wire_openai
from adapters.models.offline.misbehave import Conduct, Misbehaviour, Mode, spoil, told_usage
from adapters.models.offline.router import EmbeddedRouter
from adapters.models.offline.serving import frames, sending
from adapters.models.offline.serving.answered import counted
from adapters.models.offline.serving.batch_anthropic import AnthropicBatches
from adapters.models.offline.serving.batch_openai import OpenAIBatches
from adapters.models.offline.serving.limits import LimitsInForce
from adapters.models.offline.solve import Solver
from adapters.models.offline.task import MODEL_NAME, Answer, Task
from adapters.models.offline.tokens import count
from adapters.models.offline.words import country_in
from domain.audit.model_log import AnsweredCall
from domain.errors import BadRequestError, UnsupportedTaskError

BODY_BYTES = 4 * 1024 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", "testclient"})
_MARK = {"x-embedded": "true"}
_INPUTS_AT_MOST = 256
_ANTHROPIC = "anthropic-version"

Error = Callable[[str, str], dict[str, Any]]
Render = Callable[[Answer, str, bool], dict[str, Any]]


@dataclass(frozen=True)
class _Wire:
    """How one request is answered in its wire's shapes; `pieces` is None where no stream was asked for."""

    render: Render
    error: Error
    pieces: Callable[[dict[str, Any]], list[bytes]] | None
    error_piece: Callable[[dict[str, Any]], bytes]
    ping: bytes
    limit_code: str
    request_id: str
    headers: Callable[[], dict[str, str]]
    tokens: int


def create_app(
    *,
    admin_token: str | None = None,
    router: EmbeddedRouter | None = None,
    instance: Callable[[], str] | None = None,
    answered: Callable[[AnsweredCall], None] = lambda _: None,
) -> Starlette:
    """Return the app.

    Args:
        admin_token: lets its bearer tell the model to misbehave, from this machine only; without one nobody can.
        router: the classifier of the task `route`; by default the one that ships with Headgate.
        instance: tells the id of the installation that it serves, for its health answer.
        answered: hears of each call that is answered, before the first byte goes out.
    """
    chosen = router or EmbeddedRouter.load()
    country_in("")  # its table is built now, not in the first call
    service = _Service(Solver(chosen), chosen, admin_token, instance, answered)
    next_batch = service.conduct.next_batch
    return Starlette(
        routes=[
            Route("/v1/chat/completions", service.chat, methods=["POST"]),
            Route("/v1/messages", service.messages, methods=["POST"]),
            *OpenAIBatches(next_batch, service.chat_in_batch, _openai_error).routes(),
            *AnthropicBatches(next_batch, service.message_in_batch, wire_anthropic.error).routes(),
            Route("/v1/embeddings", service.embeddings, methods=["POST"]),
            Route("/v1/models", service.models, methods=["GET"]),
            Route("/v1/models/{name:path}", service.model, methods=["GET"]),
            Route("/healthz", service.health, methods=["GET"]),
            Route("/admin/misbehave", service.misbehave, methods=["GET", "POST"]),
        ]
    )


class _Service:
    def __init__(
        self,
        solver: Solver,
        router: EmbeddedRouter,
        admin_token: str | None,
        instance: Callable[[], str] | None,
        answered: Callable[[AnsweredCall], None],
    ) -> None:
        self._solver = solver
        self._router = router
        self._admin_token = admin_token
        self._instance = instance
        self._answered = answered
        self.conduct = Conduct()
        self._limits = LimitsInForce()

    # --- the wires ---

    async def chat(self, request: Request) -> Response:
        """Answer `/v1/chat/completions`."""
        try:
            task, wire = self._chat(*await _json_body(request))
        except BadRequestError as e:
            return _reply(wire_openai.error(str(e), "invalid_request_error", param=e.param), 400)
        return await self._answer(task, wire)

    async def chat_in_batch(self, item_id: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body of the reply to one question of a batch."""
        try:
            task, wire = self._chat(body | {"stream": False}, json.dumps(body))
        except BadRequestError as e:
            return 400, wire_openai.error(str(e), "invalid_request_error", param=e.param)
        return await self._in_batch(task, replace(wire, request_id=f"req_{item_id}"))

    def _chat(self, body: dict[str, Any], raw: str) -> tuple[Task, _Wire]:
        task, as_tool = wire_openai.read_request(body)

        def render(answer: Answer, text: str, cut: bool) -> dict[str, Any]:
            return wire_openai.completion(
                task,
                answer,
                text,
                as_tool=as_tool,
                cut=cut,
                logprobs=body.get("logprobs") is True,
                fingerprint=self._router.fingerprint,
                prompt_tokens=count(raw),
                number=_number(raw),
            )

        options = body.get("stream_options")
        counted = isinstance(options, dict) and options.get("include_usage") is True
        number = _number(raw)
        wire = _Wire(
            render=render,
            error=_openai_error,
            pieces=(lambda whole: frames.openai_frames(whole, usage=counted)) if body.get("stream") else None,
            error_piece=frames.openai_error_frame,
            ping=b": ping\n\n",
            limit_code="rate_limit_exceeded",
            request_id=f"req_{number}",
            headers=lambda: {"x-request-id": f"req_{number}"} | self._limits.openai_headers(),
            tokens=count(raw) + _asked_output(body),
        )
        return task, wire

    async def messages(self, request: Request) -> Response:
        """Answer `/v1/messages`."""
        try:
            task, wire = self._message(*await _json_body(request))
        except BadRequestError as e:
            return _reply(wire_anthropic.error(str(e), "invalid_request_error"), 400)
        return await self._answer(task, wire)

    async def message_in_batch(self, _: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body of the reply to one question of a batch."""
        try:
            task, wire = self._message(body | {"stream": False}, json.dumps(body))
        except BadRequestError as e:
            return 400, wire_anthropic.error(str(e), "invalid_request_error")
        return await self._in_batch(task, replace(wire, request_id=wire.request_id.replace("req_", "msg_")))

    def _message(self, body: dict[str, Any], raw: str) -> tuple[Task, _Wire]:
        task = wire_anthropic.read_request(body)

        def render(answer: Answer, text: str, cut: bool) -> dict[str, Any]:
            return wire_anthropic.message(task, answer, text, cut=cut, prompt_tokens=count(raw), number=_number(raw))

        number = _number(raw)
        wire = _Wire(
            render=render,
            error=wire_anthropic.error,
            pieces=frames.anthropic_frames if body.get("stream") else None,
            error_piece=frames.anthropic_error_frame,
            ping=b'event: ping\ndata: {"type":"ping"}\n\n',
            limit_code="rate_limit_error",
            request_id=f"req_{number}",
            headers=lambda: {"request-id": f"req_{number}"} | self._limits.anthropic_headers(),
            tokens=count(raw) + _asked_output(body),
        )
        return task, wire

    async def _answer(self, task: Task, wire: _Wire) -> Response:
        wait = self._limits.take(wire.tokens)
        if wait is not None:
            headers = wire.headers() | {"retry-after": str(max(1, ceil(wait)))}
            return _reply(wire.error("rate limit reached", wire.limit_code), 429, headers)
        return await self._as_told(task, wire, self.conduct.next_mode(task.name), self._answered)

    async def _in_batch(self, task: Task, wire: _Wire) -> tuple[int, dict[str, Any]]:
        heard: list[AnsweredCall] = []
        reply = await self._as_told(task, wire, self.conduct.next_mode(task.name), heard.append)
        if isinstance(reply, StreamingResponse):  # told to send in an odd way, which no file can
            return 500, wire.error("told to fail", "api_error")
        for call in heard:
            self._answered(call)
        return reply.status_code, json.loads(bytes(reply.body))

    async def _as_told(self, task: Task, wire: _Wire, mode: Mode, answered: Callable[[AnsweredCall], None]) -> Response:
        told, error = self.conduct.told, wire.error
        if mode is Mode.TOO_MANY:
            named = {"retry-after": told.retry_after} if told.retry_after is not None else {}
            kind = told.code or "rate_limit_error"
            return _reply(error("told to refuse: too many requests", kind), 429, wire.headers() | named)
        if mode is Mode.SERVER_ERROR:
            headers = {"retry-after": told.retry_after} if told.retry_after is not None else {}
            return _reply(error("told to fail", told.code or "api_error"), 500, headers)
        if mode is Mode.LATENCY:
            await asyncio.sleep(told.latency_s)
        try:
            answer = self._solver.solve(task, await self._solver.meant(task))
        except UnsupportedTaskError as e:
            return _reply(error(str(e), "unsupported_task"), 422)
        if mode is Mode.REFUSE:
            answer = Answer(refusal="told to refuse")
        spoilt = spoil(mode, task, answer)
        if spoilt is not None:
            answer = Answer(value={}, probabilities=answer.probabilities)
        text = spoilt if spoilt is not None else json.dumps(answer.value, ensure_ascii=False)
        body = wire.render(answer, text, mode is Mode.CUT)
        if mode is not Mode.STREAM_ERROR or wire.pieces is None:  # what ends in an error is no answer
            answered(counted(body, wire.request_id))
        body["usage"] = told_usage(mode, body["usage"])
        if wire.pieces is None or mode is Mode.PLAIN:
            return self._plain(body, wire, mode)
        sent = self._sent(wire.pieces(body), wire, mode)
        return StreamingResponse(sent, 200, headers=_MARK | wire.headers(), media_type="text/event-stream")

    def _plain(self, body: dict[str, Any], wire: _Wire, mode: Mode) -> Response:
        if mode is Mode.HANGUP:
            return _half(body)
        if mode is Mode.SLOW:
            told = self.conduct.told
            sent = sending.byte_by_byte([json.dumps(body).encode()], told.byte_s, told.slow_s)
            return StreamingResponse(sent, 200, headers=_MARK | wire.headers(), media_type="application/json")
        return _reply(body, 200, wire.headers())

    def _sent(self, pieces: list[bytes], wire: _Wire, mode: Mode) -> AsyncIterator[bytes]:
        told = self.conduct.told
        match mode:
            case Mode.SLOW:
                return sending.byte_by_byte(pieces, told.byte_s, told.slow_s)
            case Mode.PINGS:
                return sending.after_pings(pieces, wire.ping, told.byte_s, told.latency_s)
            case Mode.STALL:
                return sending.half(pieces, silent_s=told.latency_s)
            case Mode.CUT_STREAM:
                return sending.half(pieces)
            case Mode.STREAM_ERROR:
                body = wire.error("told to fail in mid-answer", told.code or "api_error")
                return sending.half(pieces, wire.error_piece(body))
            case Mode.HANGUP:
                return sending.hang_up(pieces)
        return sending.at_once(pieces)

    # --- the rest ---

    async def embeddings(self, request: Request) -> Response:
        """Answer `/v1/embeddings`: hashed character n-grams, no learnt meaning."""
        try:
            body, _ = await _json_body(request)
            texts, dimensions = _embedding_request(body)
        except BadRequestError as e:
            return _reply(wire_openai.error(str(e), "invalid_request_error", param=e.param), 400)
        coded = body.get("encoding_format") == "base64"
        data = []
        for index, text in enumerate(texts):
            vector = embed(text, dimensions)
            value = base64.b64encode(vector.astype("<f4").tobytes()).decode() if coded else vector.tolist()
            data.append({"object": "embedding", "index": index, "embedding": value})
        used = sum(count(t) for t in texts)
        usage = {"prompt_tokens": used, "total_tokens": used}
        return _reply({"object": "list", "model": MODEL_NAME, "data": data, "usage": usage}, 200)

    async def models(self, request: Request) -> Response:
        """Answer `/v1/models` on both wires; who asks by Anthropic's says so in a header."""
        if _ANTHROPIC in request.headers:
            return _reply(wire_anthropic.models(), 200)
        return _reply(wire_openai.models(), 200)

    async def model(self, request: Request) -> Response:
        """Answer `/v1/models/NAME`."""
        by_anthropic, name = _ANTHROPIC in request.headers, str(request.path_params["name"])
        if name != MODEL_NAME:
            error = wire_anthropic.error if by_anthropic else _openai_error
            return _reply(error(f"there is no model {name[:100]!r} here, only {MODEL_NAME!r}", "not_found_error"), 404)
        return _reply((wire_anthropic if by_anthropic else wire_openai).models()["data"][0], 200)

    async def health(self, _: Request) -> Response:
        """Say that it is up, and what it is."""
        known = {"fingerprint": self._router.fingerprint, "level": self._router.level, "figures": self._router.figures}
        whose = {} if self._instance is None else {"instance": self._instance()}
        return _reply({"status": "ok", "model": MODEL_NAME, "embedded": True, "router": known, **whose}, 200)

    async def misbehave(self, request: Request) -> Response:
        """Read or set how the next calls go wrong; for the bearer of the admin token, from this machine."""
        if not self._may_administer(request):
            refused = "needs the admin token given at start as a bearer token, from this machine"
            return _reply({"error": {"message": refused, "type": "permission_error"}}, 403)
        if request.method == "POST":
            try:
                wanted = Misbehaviour.model_validate_json(await request.body())
            except ValidationError as e:
                first = e.errors(include_url=False)[0]
                where = ".".join(map(str, first["loc"])) or "body"
                message = f"{where}: {first['msg']}"
                return _reply({"error": {"message": message, "type": "invalid_request_error"}}, 400)
            self.conduct.tell(wanted)
            self._limits.set(requests=wanted.requests_per_minute, tokens=wanted.tokens_per_minute)
        told = self.conduct.told.model_dump(mode="json")
        counted = {"misbehaved": self.conduct.misbehaved, "refused_by_limit": self._limits.refused}
        return _reply(told | counted, 200)

    def _may_administer(self, request: Request) -> bool:
        if self._admin_token is None or request.client is None or request.client.host not in _LOOPBACK:
            return False
        said = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(said.encode(), self._admin_token.encode())


def _openai_error(message: str, kind: str) -> dict[str, Any]:
    return wire_openai.error(message, kind)


async def _json_body(request: Request) -> tuple[dict[str, Any], str]:
    raw = await request.body()
    if len(raw) > BODY_BYTES:
        raise BadRequestError(f"the body has {len(raw)} bytes, at most {BODY_BYTES} are read")
    try:
        text = raw.decode("utf-8")
        body = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise BadRequestError(f"the body is no JSON: {e}") from e
    if not isinstance(body, dict):
        raise BadRequestError("the body is no JSON object")
    return body, text


def _asked_output(body: dict[str, Any]) -> int:
    """Return the tokens that a request may have written at most, as the limits count them."""
    for name in ("max_completion_tokens", "max_tokens"):
        if isinstance(body.get(name), int) and 0 < body[name] < 1_000_000:
            return int(body[name])
    return 0


def _embedding_request(body: dict[str, Any]) -> tuple[list[str], int]:
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise BadRequestError("'input': expected a text or a list of texts", "input")
    if len(texts) > _INPUTS_AT_MOST:
        raise BadRequestError(f"'input': {len(texts)} texts, at most {_INPUTS_AT_MOST} at once", "input")
    dimensions = body.get("dimensions", DIMENSIONS)
    if not isinstance(dimensions, int) or isinstance(dimensions, bool) or not 8 <= dimensions <= 4096:
        raise BadRequestError("'dimensions': expected 8 to 4096", "dimensions")
    return texts, dimensions


def _number(raw: str) -> str:
    """Return an id for the reply that the request alone decides."""
    return hashlib.blake2b(raw.encode(), digest_size=12).hexdigest()


def _reply(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    # Not starlette's JSONResponse: told to misbehave, this model sends NaN like those that do.
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers=_MARK | (headers or {}), media_type="application/json")


def _half(body: dict[str, Any]) -> Response:
    """Return a reply that promises more bytes than it sends: the server then closes the connection."""
    whole = json.dumps(body).encode()

    async def half() -> AsyncIterator[bytes]:
        yield whole[: len(whole) // 2]

    headers = _MARK | {"content-length": str(len(whole))}
    return StreamingResponse(half(), 200, headers=headers, media_type="application/json")
