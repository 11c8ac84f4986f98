"""What is said of a model call in OpenTelemetry, by the names of the GenAI conventions and some of our own."""

import json
from typing import TypeAlias
from urllib.parse import urlsplit

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.semconv.attributes import server_attributes

from domain.blueprint import ModelChoice
from domain.model_call import ModelReply, ModelRequest, Usage

CALL_ID = "headgate.call.id"  # the row of usage in the store
TIER = "headgate.tier"
STEP = "headgate.step"
WAITED = "headgate.wait"  # for its slot, seconds
COST = "headgate.cost"  # millionths of a US dollar
ESTIMATED = "headgate.usage.estimated"

OPERATION = gen_ai.GenAiOperationNameValues.CHAT.value
_HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com"}
_PORTS = {"http": 80, "https": 443}

Attributes: TypeAlias = dict[str, str | int | float | bool | tuple[str, ...]]


def error_type_of(error: BaseException) -> str:
    """Return what kind of failure it is, without a word of its message: the status, or the name of its cause.

    >>> error_type_of(TransientError("it said: I am Ann"))
    'TransientError'
    """
    cause: BaseException | None = error
    while cause is not None:
        status = getattr(cause, "status_code", None)
        if isinstance(status, int):
            return str(status)
        cause = cause.__cause__
    return type(error.__cause__ or error).__name__


def of_all_calls(choice: ModelChoice) -> Attributes:
    """Return what is the same in all calls of a model."""
    server = urlsplit(choice.base_url)
    said: Attributes = {
        gen_ai.GEN_AI_OPERATION_NAME: OPERATION,
        gen_ai.GEN_AI_PROVIDER_NAME: choice.provider,
        gen_ai.GEN_AI_REQUEST_MODEL: choice.model,
    }
    host = server.hostname or _HOSTS.get(choice.provider)
    if host:
        said[server_attributes.SERVER_ADDRESS] = host
        said[server_attributes.SERVER_PORT] = server.port or _PORTS.get(server.scheme, 443)
    return said


def of_step(request: ModelRequest) -> Attributes:
    """Return who asks, in few words: these are series of the metrics, too."""
    return {TIER: request.tier.value, STEP: request.schema_name}


def asked(request: ModelRequest, choice: ModelChoice) -> Attributes:
    """Return what is known before the answer."""
    said: Attributes = {
        gen_ai.GEN_AI_REQUEST_MAX_TOKENS: request.max_output,
        gen_ai.GEN_AI_REQUEST_STREAM: True,
        gen_ai.GEN_AI_OUTPUT_TYPE: gen_ai.GenAiOutputTypeValues.JSON.value,
        WAITED: request.waited_s,
    }
    if choice.temperature is not None:
        said[gen_ai.GEN_AI_REQUEST_TEMPERATURE] = choice.temperature
    told = {
        gen_ai.GEN_AI_CONVERSATION_ID: request.case_id,
        gen_ai.GEN_AI_AGENT_NAME: request.asked_by.partition("/")[0] or "router",
        CALL_ID: request.call_id,
    }
    return said | {name: value for name, value in told.items() if value}


def used(usage: Usage | None) -> Attributes:
    """Return what a call used; nothing where that is not known."""
    if usage is None:
        return {}
    return {
        gen_ai.GEN_AI_USAGE_INPUT_TOKENS: usage.input_tokens,
        gen_ai.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: usage.cached_input_tokens,
        gen_ai.GEN_AI_USAGE_OUTPUT_TOKENS: usage.output_tokens,
        gen_ai.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: usage.reasoning_tokens,
        COST: usage.cost_micros,
        ESTIMATED: usage.estimated,
    }


def replied(reply: ModelReply | None) -> Attributes:
    """Return how an answer ended."""
    if reply is None:
        return {}
    said: Attributes = {gen_ai.GEN_AI_RESPONSE_FINISH_REASONS: (reply.why_ended,)}
    return said | ({gen_ai.GEN_AI_RESPONSE_ID: reply.provider_request_id} if reply.provider_request_id else {})


def input_messages(request: ModelRequest) -> str:
    """Return the messages of a request as JSON, as the conventions have them."""
    # In ASCII: half of a pair of characters would stop the exporter.
    return json.dumps([_message(message.role, message.content) for message in request.messages])


def output_messages(reply: ModelReply) -> str:
    """Return the answer as JSON, as the conventions have it."""
    said = _message("assistant", reply.refusal if reply.refusal is not None else reply.text)
    return json.dumps([said | {"finish_reason": reply.why_ended}])


def _message(role: str, content: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}
