"""Streamed answers by the official clients over a real socket: whole, however slowly, or an error with its cost."""

import json
import time

import pytest
from starlette.types import Receive, Scope, Send

from adapters.models.wires import streaming
from adapters.models.wires.anthropic import AnthropicModel
from domain.errors import ConfigurationError, HeadgateError, ToldToWaitError, TransientError, UnsupportedTaskError
from domain.model_call import ModelReply
from tests.integration.models.wires import Model, Tell, opened, question
from tests.served import Served

IDLE_S = 1.0
KEY = "0f2c10bf77aa"


async def answered(model: Model) -> ModelReply:
    return await model.complete(question("I was charged twice"))


async def test_a_slow_answer_comes_through_however_long_it_takes(offline: str, tell: Tell) -> None:
    """A byte at a time takes many times as long as the silence that is borne."""
    tell("slow", byte_s=0.005)
    async with opened(offline, "anthropic", timeout_s=IDLE_S) as model:
        began = time.monotonic()
        reply = await answered(model)
        assert time.monotonic() - began > 3 * IDLE_S
    assert (reply.text, reply.usage.estimated) == ('{"route": "Billing"}', False)


@pytest.mark.parametrize("mode", ["none", "plain", "pings", "no_usage", "odd_usage"])
async def test_an_answer_is_the_same_in_whatever_way_it_comes(model: Model, tell: Tell, mode: str) -> None:
    tell(mode, byte_s=0.01, latency_s=0.2)
    reply = await answered(model)
    assert reply.text == '{"route": "Billing"}'
    assert reply.usage.estimated == mode.endswith("usage")
    assert reply.usage.input_tokens > 10
    assert reply.usage.cost_micros > 0
    assert reply.finish_reason in ("stop", "tool_calls", "tool_use")
    assert reply.provider_request_id.startswith("req_")


@pytest.mark.parametrize("mode", ["cut_stream", "hangup", "stall", "stream_error"])
async def test_a_broken_answer_is_never_taken_and_is_paid_for(
    offline: str, model: Model, tell: Tell, mode: str
) -> None:
    tell(mode, latency_s=0)
    with pytest.raises(TransientError) as caught:
        await answered(model)
    assert type(caught.value) is TransientError
    assert caught.value.usage is not None
    assert (caught.value.usage.calls, caught.value.usage.estimated) == (1, True)
    assert caught.value.usage.input_tokens > 10
    assert caught.value.usage.cost_micros > 0


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
async def test_silence_in_mid_answer_ends_it(offline: str, tell: Tell, wire: str) -> None:
    tell("stall", latency_s=30)
    async with opened(offline, wire, timeout_s=0.3) as model:
        began = time.monotonic()
        with pytest.raises(TransientError):
            await answered(model)
        assert time.monotonic() - began < 15


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
async def test_pings_keep_an_answer_alive_but_not_for_ever(
    offline: str, tell: Tell, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(offline, wire, timeout_s=0.5) as model:
        tell("pings", byte_s=0.05, latency_s=1.5)
        assert (await answered(model)).text == '{"route": "Billing"}'
        monkeypatch.setattr(streaming, "PINGS_ALONE_S", 0.6)
        tell("pings", byte_s=0.05, latency_s=30)
        with pytest.raises(TransientError):
            await answered(model)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("overloaded_error", ToldToWaitError),
        ("rate_limit_error", ToldToWaitError),
        ("authentication_error", ConfigurationError),
        ("unsupported_task", UnsupportedTaskError),
        ("never_heard_of", TransientError),
    ],
)
async def test_errors_in_mid_answer_mean_what_they_mean_before_it(
    model: Model, tell: Tell, code: str, error: type[HeadgateError]
) -> None:
    if code == "overloaded_error" and not isinstance(model, AnthropicModel):
        code = "rate_limit_exceeded"
    tell("stream_error", code=code)
    with pytest.raises(error) as caught:
        await answered(model)
    assert type(caught.value) is error
    assert caught.value.usage is not None, "what was written before is paid for"
    assert caught.value.usage.output_tokens > 0


async def test_limits_are_told_in_headers_and_refused_calls_count(model: Model, tell: Tell) -> None:
    tell("none", requests_per_minute=2, tokens_per_minute=100_000)
    reply = await answered(model)
    assert reply.rate is not None
    assert (reply.rate.requests.limit, reply.rate.requests.remaining) == (2, 1)
    assert reply.rate.tokens.limit == 100_000
    assert 0 < (reply.rate.requests.reset_s or 0) <= 61
    await answered(model)
    waits = []
    for _ in range(2):
        with pytest.raises(ToldToWaitError) as told:
            await answered(model)
        waits.append(told.value.wait_seconds)
    assert 0 < waits[0] < waits[1] <= 120
    tell("none")
    assert (await answered(model)).rate is None


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"data: [DONE]\n\n",
        b"data: {\n\n",
        b"data: []\n\n",
        b'data: {"choices": [{"delta": 5}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"content": "{}"}}]}\n\ndata: [DONE]\n\n',
        b'event: message_start\ndata: {"type": "message_start"}\n\n',
        b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 9, "delta": {}}\n\n',
        b"event: error\ndata: <html>\n\n",
        b": ping\n\n: ping\n\n",
    ],
)
async def test_a_malformed_stream_is_transient(wire: str, body: bytes) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": body})

    with Served(app) as served:
        async with opened(served.url, wire) as model:
            with pytest.raises(TransientError):
                await answered(model)


async def test_a_whole_answer_has_its_time_too(offline: str, tell: Tell) -> None:
    tell("slow", byte_s=0.1)
    async with opened(offline, "json_schema") as model:
        model._choice = model._choice.model_copy(update={"answer_s": 0.5})
        with pytest.raises(TransientError) as caught:
            await answered(model)
    assert caught.value.usage is not None


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
@pytest.mark.parametrize("status", [200, 401, 429])
async def test_a_server_that_repeats_our_key_tells_nobody(wire: str, status: int) -> None:
    """Keys of proxies and of one's own servers look like nothing known."""
    told = {"type": "error", "error": {"type": "authentication_error", "message": f"no such key: {KEY}, sorry"}}
    body = json.dumps(told)
    event = f"event: error\ndata: {body}\n\n"
    kind = "text/event-stream" if status == 200 else "application/json"

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": (event if status == 200 else body).encode()})

    with Served(app) as served:
        async with opened(served.url, wire) as model:
            model._client.api_key = KEY
            with pytest.raises(HeadgateError) as caught:
                await answered(model)
    assert "no such key" in str(caught.value)
    assert KEY not in str(caught.value)
