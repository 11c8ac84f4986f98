"""Each model call as a span and in metrics of OpenTelemetry, by the names of the GenAI conventions.

Only the API is used here: where nobody set the SDK up, all of it is nothing. No word of a customer or a model is told
unless that is switched on, not in the message of an error either. What goes wrong in telling never fails a call.
"""

import time
from collections.abc import Callable

import structlog
from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, TracerProvider

from adapters.models.guards.call_attributes import (
    OPERATION,
    Attributes,
    asked,
    error_type_of,
    input_messages,
    of_all_calls,
    of_step,
    output_messages,
    replied,
    used,
)
from domain.blueprint import ModelChoice
from domain.errors import OverBudgetError, ToldToWaitError, TransientError
from domain.model_call import ModelReply, ModelRequest, Usage
from ports.models.model import LanguageModel

SCOPE = "headgate.models"
HELD_BY = "headgate.held_by"

COST_METRIC = "headgate.client.cost"
WAIT_METRIC = "headgate.client.wait"
HELD_METRIC = "headgate.client.held"

# Both as the conventions have them.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(float(4**n) for n in range(14))


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
        self._same = of_all_calls(choice)

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
            said: Attributes = {error_attributes.ERROR_TYPE: error_type_of(error)}
            self._end(span, request, time.perf_counter() - began, said, usage, None)
            raise
        answered: Attributes = {gen_ai.GEN_AI_RESPONSE_MODEL: reply.model}
        self._end(span, request, time.perf_counter() - began, answered, reply.usage, reply)
        return reply

    def _begin(self, request: ModelRequest) -> Span:
        begun: list[Span] = [INVALID_SPAN]

        def begin() -> None:
            attributes = self._same | of_step(request) | asked(request, self._choice)
            begun[0] = self._telemetry.tracer.start_span(
                f"{OPERATION} {self._choice.model}", kind=SpanKind.CLIENT, attributes=attributes
            )
            if self._telemetry.show_contents:
                begun[0].set_attribute(gen_ai.GEN_AI_INPUT_MESSAGES, input_messages(request))

        self._telemetry.quietly(begin)
        return begun[0]

    def _end(
        self,
        span: Span,
        request: ModelRequest,
        took_s: float,
        ending: Attributes,
        usage: Usage | None,
        reply: ModelReply | None,
    ) -> None:
        def tell() -> None:
            try:
                span.set_attributes(ending | used(usage) | replied(reply))
                if reply is None:
                    span.set_status(StatusCode.ERROR)
                elif self._telemetry.show_contents:
                    span.set_attribute(gen_ai.GEN_AI_OUTPUT_MESSAGES, output_messages(reply))
            finally:
                span.end()

        self._telemetry.quietly(tell)
        self._telemetry.quietly(lambda: self._measure(request, took_s, ending, usage))

    def _measure(self, request: ModelRequest, took_s: float, ending: Attributes, usage: Usage | None) -> None:
        said: Attributes = self._same | of_step(request) | ending
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
        self._same = of_all_calls(choice)

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
        said = self._same | of_step(request) | {HELD_BY: by}
        self._telemetry.quietly(lambda: self._telemetry.held.add(1, said))
