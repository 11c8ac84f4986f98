"""Each model call as a span and in metrics of OpenTelemetry, by the names of the GenAI conventions.

Only the API is used here: where nobody set the SDK up, all of it is nothing. No word of a customer or a model is told
unless that is switched on, not in the message of an error either. What goes wrong in telling never fails a call.
"""

import json
import time
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

import structlog
from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, TracerProvider

from domain.blueprint import ModelChoice
from domain.errors import OverBudgetError, ToldToWaitError, TransientError
from domain.model_call import ModelReply, ModelRequest, Usage
from ports.models.model import LanguageModel

SCOPE = "headgate.models"
CALL_ID = "headgate.call.id"  # the row of usage in the store
TIER = "headgate.tier"
STEP = "headgate.step"
WAITED = "headgate.wait"  # for its slot, seconds
COST = "headgate.cost"  # millionths of a US dollar
ESTIMATED = "headgate.usage.estimated"
HELD_BY = "headgate.held_by"

COST_METRIC = "headgate.client.cost"
WAIT_METRIC = "headgate.client.wait"
HELD_METRIC = "headgate.client.held"

# Both as the conventions have them.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(float(4**n) for n in range(14))

_OPERATION = gen_ai.GenAiOperationNameValues.CHAT.value
_HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com"}
_PORTS = {"http": 80, "https": 443}

_Attributes: TypeAlias = dict[str, str | int | float | bool | tuple[str, ...]]


class ModelTelemetry:
    """The instruments that model calls are told by.

    Args:
        tracers: None: those of the process.
        meters: None: those of the process.
        show_contents: whether spans have the messages, as the model sees and writes them.
    """

    def __init__(
        self,
        tracers: TracerProvider | None = None,
        meters: MeterProvider | None = None,
        *,
        show_contents: bool = False,
    ) -> None:
        self.tracer = trace.get_tracer(SCOPE, tracer_provider=tracers)
        self.show_contents = show_contents
        meter = metrics.get_meter(SCOPE, meter_provider=meters)
        self.duration = meter.create_histogram(
            gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION,
            unit="s",
            description="How long a call took, from its request to the end of its answer.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.tokens = meter.create_histogram(
            gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE,
            unit="{token}",
            description="Tokens of a call, as they are billed.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self.cost = meter.create_counter(
            COST_METRIC, unit="{micro_usd}", description="What calls cost, in millionths of a US dollar."
        )
        self.wait = meter.create_histogram(
            WAIT_METRIC,
            unit="s",
            description="How long a call waited for its slot.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.held = meter.create_counter(
            HELD_METRIC, unit="{call}", description="Calls that were not made: no slot was near, or no money was left."
        )
        self._logger = structlog.get_logger(SCOPE)
        self._silent = False

    def quietly(self, tell: Callable[[], None]) -> None:
        """Tell something. What goes wrong is logged once in the life of a process, and nothing else comes of it."""
        try:
            tell()
        except Exception as error:  # noqa: BLE001 - whatever it is, a call is worth more
            if not self._silent:
                self._silent = True
                self._logger.warning("model calls cannot be told to OpenTelemetry", why=type(error).__name__)


class TracedModel:
    """A `LanguageModel` each call of which is one span. It stands right around the wire, so a span is what really went
    out.

    Args:
        model: what is asked.
        choice: the blueprint's, which names it.
        telemetry: the instruments.
    """

    def __init__(self, model: LanguageModel, choice: ModelChoice, telemetry: ModelTelemetry) -> None:
        self.model = model
        self._choice = choice
        self._telemetry = telemetry
        self._same = _of_all_calls(choice)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call.

        Raises:
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        span = self._begin(request)
        began = time.perf_counter()
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                reply = await self.model.complete(request)
        except BaseException as error:
            usage = error.usage if isinstance(error, TransientError) else None
            said: _Attributes = {error_attributes.ERROR_TYPE: error_type_of(error)}
            self._end(span, request, time.perf_counter() - began, said, usage, None)
            raise
        answered: _Attributes = {gen_ai.GEN_AI_RESPONSE_MODEL: reply.model}
        self._end(span, request, time.perf_counter() - began, answered, reply.usage, reply)
        return reply

    def _begin(self, request: ModelRequest) -> Span:
        begun: list[Span] = [INVALID_SPAN]

        def begin() -> None:
            attributes = self._same | _of_step(request) | _asked(request, self._choice)
            begun[0] = self._telemetry.tracer.start_span(
                f"{_OPERATION} {self._choice.model}", kind=SpanKind.CLIENT, attributes=attributes
            )
            if self._telemetry.show_contents:
                begun[0].set_attribute(gen_ai.GEN_AI_INPUT_MESSAGES, _input(request))

        self._telemetry.quietly(begin)
        return begun[0]

    def _end(
        self,
        span: Span,
        request: ModelRequest,
        took_s: float,
        ending: _Attributes,
        usage: Usage | None,
        reply: ModelReply | None,
    ) -> None:
        def tell() -> None:
            try:
                span.set_attributes(ending | _used(usage) | _replied(reply))
                if reply is None:
                    span.set_status(StatusCode.ERROR)
                elif self._telemetry.show_contents:
                    span.set_attribute(gen_ai.GEN_AI_OUTPUT_MESSAGES, _output(reply))
            finally:
                span.end()

        self._telemetry.quietly(tell)
        self._telemetry.quietly(lambda: self._measure(request, took_s, ending, usage))

    def _measure(self, request: ModelRequest, took_s: float, ending: _Attributes, usage: Usage | None) -> None:
        said: _Attributes = self._same | _of_step(request) | ending
        self._telemetry.duration.record(took_s, said)
        self._telemetry.wait.record(request.waited_s, said)
        if usage is None:
            return
        kinds = gen_ai.GenAiTokenTypeValues
        for kind, tokens in ((kinds.INPUT, usage.input_tokens), (kinds.OUTPUT, usage.output_tokens)):
            self._telemetry.tokens.record(tokens, said | {gen_ai.GEN_AI_TOKEN_TYPE: kind.value})
        self._telemetry.cost.add(usage.cost_micros, said)


class HeldCalls:
    """A `LanguageModel` that counts the calls which our own limiter or a budget did not let out.

    Args:
        model: what is asked.
        choice: the blueprint's, which names it.
        telemetry: the instruments.
    """

    def __init__(self, model: LanguageModel, choice: ModelChoice, telemetry: ModelTelemetry) -> None:
        self.model = model
        self._telemetry = telemetry
        self._same = _of_all_calls(choice)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call. Raises as the model."""
        try:
            return await self.model.complete(request)
        except ToldToWaitError as error:
            if error.held:
                self._count(request, "limiter")
            raise
        except OverBudgetError as error:
            self._count(request, error.reason.partition(" ")[0])
            raise

    def _count(self, request: ModelRequest, by: str) -> None:
        said = self._same | _of_step(request) | {HELD_BY: by}
        self._telemetry.quietly(lambda: self._telemetry.held.add(1, said))


def finish_reason_of(reply: ModelReply) -> str:
    """Return why an answer ended, in the provider's word or else in that of the conventions."""
    return reply.finish_reason or ("length" if reply.truncated else "stop")


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


# --- attributes ----------------------------------------------------------------------------------------------


def _of_all_calls(choice: ModelChoice) -> _Attributes:
    server = urlsplit(choice.base_url)
    said: _Attributes = {
        gen_ai.GEN_AI_OPERATION_NAME: _OPERATION,
        gen_ai.GEN_AI_PROVIDER_NAME: choice.provider,
        gen_ai.GEN_AI_REQUEST_MODEL: choice.model,
    }
    host = server.hostname or _HOSTS.get(choice.provider)
    if host:
        said[server_attributes.SERVER_ADDRESS] = host
        said[server_attributes.SERVER_PORT] = server.port or _PORTS.get(server.scheme, 443)
    return said


def _of_step(request: ModelRequest) -> _Attributes:
    return {TIER: request.tier.value, STEP: request.schema_name}


def _asked(request: ModelRequest, choice: ModelChoice) -> _Attributes:
    said: _Attributes = {
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


def _used(usage: Usage | None) -> _Attributes:
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


def _replied(reply: ModelReply | None) -> _Attributes:
    if reply is None:
        return {}
    said: _Attributes = {gen_ai.GEN_AI_RESPONSE_FINISH_REASONS: (finish_reason_of(reply),)}
    return said | ({gen_ai.GEN_AI_RESPONSE_ID: reply.provider_request_id} if reply.provider_request_id else {})


def _input(request: ModelRequest) -> str:
    # In ASCII: half of a pair of characters would stop the exporter.
    return json.dumps([_message(message.role, message.content) for message in request.messages])


def _output(reply: ModelReply) -> str:
    said = _message("assistant", reply.refusal if reply.refusal is not None else reply.text)
    return json.dumps([said | {"finish_reason": finish_reason_of(reply)}])


def _message(role: str, content: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}
