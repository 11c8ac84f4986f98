"""Each call that goes out is one span and counts in the metrics; what is held back is counted; no word is told."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import StatusCode

from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.limiter_local import LocalLimiter
from adapters.models.guards.limiting import LimitedModel
from adapters.models.guards.traced import HeldCalls, ModelTelemetry, TracedModel
from domain.blueprint import ModelChoice
from domain.errors import OverBudgetError, ToldToWaitError, TransientError
from domain.model_call import Message, ModelReply, ModelRequest, Price, Tier, Usage
from domain.pacing.limits import Limits
from domain.spend.budgets import SpendRules
from ports.models.model import LanguageModel
from ports.models.spend import CallRefusal, CallSpent, CallToMake

SECRET = "My card is 4111 and my name is Ann"
CHOICE = ModelChoice(provider="openai", model="gpt-4.1-mini", base_url="https://proxy.example:8443/v1", temperature=0)
REQUEST = ModelRequest(
    tier=Tier.SMALL,
    schema_name="claim",
    json_schema={},
    messages=[Message(role="system", content="Read it."), Message(role="user", content=SECRET)],
    max_output=84,
    case_id="case/shop/1/billing",
    asked_by="billing/1.1",
)
USAGE = Usage(calls=1, input_tokens=80, cached_input_tokens=30, output_tokens=9, reasoning_tokens=4, cost_micros=98)
REPLY = ModelReply(
    text=SECRET, model="gpt-4.1-mini-2026", usage=USAGE, finish_reason="stop", provider_request_id="req_1"
)
Point = NumberDataPoint | HistogramDataPoint


@dataclass
class Answers:
    """A wire that answers, or fails."""

    does: ModelReply | BaseException = field(default_factory=lambda: REPLY)
    seen: list[ModelRequest] = field(default_factory=list)

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.seen.append(request)
        if isinstance(self.does, BaseException):
            raise self.does
        return self.does


class Collected:
    """What came to a collector in memory."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    def telemetry(self, *, show_contents: bool = False) -> ModelTelemetry:
        return ModelTelemetry(self.tracers, self.meters, show_contents=show_contents)

    def span(self) -> ReadableSpan:
        [found] = self.exporter.get_finished_spans()
        return found

    def points(self, metric: str) -> list[Point]:
        data = self.reader.get_metrics_data()
        found: list[Point] = []
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for one in scope.metrics:
                    if one.name == metric:
                        found += [
                            p for p in one.data.data_points if isinstance(p, NumberDataPoint | HistogramDataPoint)
                        ]
        return found

    def everything(self) -> str:
        data = self.reader.get_metrics_data()
        return "".join(span.to_json() for span in self.exporter.get_finished_spans()) + (data.to_json() if data else "")


@pytest.fixture
def collected() -> Iterator[Collected]:
    found = Collected()
    yield found
    found.tracers.shutdown()
    found.meters.shutdown()


class FullStore:
    """A store whose budget is used up."""

    def reserve(self, call: CallToMake, rules: SpendRules, *, sending: bool = False) -> CallRefusal | None:
        return CallRefusal(reason="budget all tokens", why="it is used up")

    def sent(self, call_id: str) -> bool:
        raise AssertionError(call_id)

    def settle(self, call_id: str, spent: CallSpent) -> None:
        raise AssertionError(call_id)

    def give_up(self, call_id: str) -> None:
        raise AssertionError(call_id)


class OpenStore:
    """A store that lets all calls out, and remembers them."""

    def __init__(self) -> None:
        self.calls: list[CallToMake] = []

    def reserve(self, call: CallToMake, rules: SpendRules, *, sending: bool = False) -> CallRefusal | None:
        self.calls.append(call)
        return None

    def sent(self, call_id: str) -> bool:
        return True

    def settle(self, call_id: str, spent: CallSpent) -> None:
        pass

    def give_up(self, call_id: str) -> None:
        pass


def budgeted(model: LanguageModel, store: FullStore | OpenStore) -> BudgetedModel:
    price = Price(model="m", input=1.0, output=2.0)
    return BudgetedModel(model, store, SpendRules(), lambda: price, "openai m")


async def no_sleep(_: float) -> None:
    pass


# --- what goes wrong -----------------------------------------------------------------------------------------


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


class StatusError(Exception):
    status_code = 503


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TransientError(f"the reply is no completion: {SECRET}"), "TransientError"),
        (caused(TransientError(SECRET), httpx.ReadTimeout(SECRET)), "ReadTimeout"),
        (caused(TransientError(SECRET), StatusError(SECRET)), "503"),
        (ToldToWaitError(SECRET, 3.0), "ToldToWaitError"),
        (asyncio.CancelledError(SECRET), "CancelledError"),
    ],
    ids=str,
)
async def test_a_call_that_fails_is_a_span_with_its_kind_and_without_a_word(
    collected: Collected, error: BaseException, kind: str
) -> None:
    with pytest.raises(type(error)):
        await TracedModel(Answers(error), CHOICE, collected.telemetry(show_contents=False)).complete(REQUEST)
    span = collected.span()
    assert span.attributes is not None
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert span.attributes["error.type"] == kind
    [duration] = collected.points("gen_ai.client.operation.duration")
    assert duration.attributes is not None
    assert duration.attributes["error.type"] == kind
    assert collected.points("gen_ai.client.token.usage") == []
    assert "Ann" not in collected.everything()


async def test_an_answer_that_broke_off_tells_what_it_cost(collected: Collected) -> None:
    error = TransientError("broken off", USAGE.model_copy(update={"estimated": True}))
    with pytest.raises(TransientError):
        await TracedModel(Answers(error), CHOICE, collected.telemetry()).complete(REQUEST)
    attributes = collected.span().attributes
    assert attributes is not None
    assert (attributes["headgate.cost"], attributes["headgate.usage.estimated"]) == (98, True)
    [cost] = collected.points("headgate.client.cost")
    assert isinstance(cost, NumberDataPoint)
    assert cost.value == 98


async def test_what_the_limiter_holds_back_is_counted_and_no_span(collected: Collected) -> None:
    limiter, telemetry, wire = LocalLimiter(Limits(rpm=1), 1, lambda: 1_000_000.0), collected.telemetry(), Answers()
    limited = LimitedModel(TracedModel(wire, CHOICE, telemetry), limiter, "openai m", no_sleep)
    model = HeldCalls(limited, CHOICE, telemetry)
    await model.complete(REQUEST)
    for _ in range(2):
        with pytest.raises(ToldToWaitError):
            await model.complete(REQUEST)
    assert len(collected.exporter.get_finished_spans()) == len(wire.seen) == 1
    [held] = collected.points("headgate.client.held")
    assert isinstance(held, NumberDataPoint)
    assert held.attributes is not None
    assert (held.value, held.attributes["headgate.held_by"], held.attributes["headgate.step"]) == (
        2,
        "limiter",
        "claim",
    )


async def test_what_a_budget_parks_is_counted_and_no_span(collected: Collected) -> None:
    telemetry = collected.telemetry()
    model = HeldCalls(budgeted(TracedModel(Answers(), CHOICE, telemetry), FullStore()), CHOICE, telemetry)
    with pytest.raises(OverBudgetError):
        await model.complete(REQUEST)
    assert collected.exporter.get_finished_spans() == ()
    [held] = collected.points("headgate.client.held")
    assert held.attributes is not None
    assert held.attributes["headgate.held_by"] == "budget"


async def test_a_refusal_of_the_provider_is_not_counted_as_held(collected: Collected) -> None:
    telemetry = collected.telemetry()
    refused = TracedModel(Answers(ToldToWaitError("429", 3.0)), CHOICE, telemetry)
    with pytest.raises(ToldToWaitError):
        await HeldCalls(refused, CHOICE, telemetry).complete(REQUEST)
    assert collected.points("headgate.client.held") == []
    assert collected.span().status.status_code is StatusCode.ERROR


async def test_a_truncated_answer_is_an_answer_that_ended_by_length(collected: Collected) -> None:
    cut = REPLY.model_copy(update={"truncated": True, "finish_reason": ""})
    assert await TracedModel(Answers(cut), CHOICE, collected.telemetry()).complete(REQUEST) == cut
    span = collected.span()
    assert span.attributes is not None
    assert span.attributes["gen_ai.response.finish_reasons"] == ("length",)
    assert span.status.status_code is StatusCode.UNSET


class Broken(SpanProcessor):
    def on_start(self, span: Span, parent_context: object = None) -> None:
        raise RuntimeError("the processor is broken")

    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError("the processor is broken")


class BrokenSampler(Sampler):
    def should_sample(self, *_: object, **__: object) -> object:  # type: ignore[override]
        raise RuntimeError("the sampler is broken")

    def get_description(self) -> str:
        return "broken"


@pytest.mark.parametrize("part", ["processor", "sampler", "instrument"])
async def test_telemetry_that_fails_fails_no_call(
    collected: Collected, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracers = TracerProvider(BrokenSampler() if part == "sampler" else None, shutdown_on_exit=False)
    if part == "processor":
        tracers.add_span_processor(Broken())
    telemetry = ModelTelemetry(tracers, collected.meters)
    if part == "instrument":
        monkeypatch.setattr(telemetry.duration, "record", lambda *_: 1 / 0)
    assert await TracedModel(Answers(), CHOICE, telemetry).complete(REQUEST) == REPLY
    with pytest.raises(TransientError, match="as the wire says"):
        await TracedModel(Answers(TransientError("as the wire says")), CHOICE, telemetry).complete(REQUEST)


# --- what is told --------------------------------------------------------------------------------------------


async def test_a_call_is_one_span_by_the_conventions(collected: Collected) -> None:
    store = OpenStore()
    model = budgeted(TracedModel(Answers(), CHOICE, collected.telemetry()), store)
    await model.complete(REQUEST.model_copy(update={"waited_s": 1.5}))
    span = collected.span()
    assert (span.name, span.kind.name) == ("chat gpt-4.1-mini", "CLIENT")
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4.1-mini",
        "gen_ai.request.max_tokens": 84,
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.output.type": "json",
        "gen_ai.conversation.id": "case/shop/1/billing",
        "gen_ai.agent.name": "billing",
        "gen_ai.response.model": "gpt-4.1-mini-2026",
        "gen_ai.response.id": "req_1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 80,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.usage.reasoning.output_tokens": 4,
        "server.address": "proxy.example",
        "server.port": 8443,
        "headgate.call.id": store.calls[0].call_id,
        "headgate.tier": "small",
        "headgate.step": "claim",
        "headgate.wait": 1.5,
        "headgate.cost": 98,
        "headgate.usage.estimated": False,
    }
    assert store.calls[0].waited_s == 1.5


async def test_metrics_have_tokens_by_kind_cost_and_wait(collected: Collected) -> None:
    model = TracedModel(Answers(), CHOICE, collected.telemetry())
    for _ in range(2):
        await model.complete(REQUEST.model_copy(update={"waited_s": 1.5}))
    tokens = {
        (p.attributes or {})["gen_ai.token.type"]: (p.count, p.sum)
        for p in collected.points("gen_ai.client.token.usage")
        if isinstance(p, HistogramDataPoint)
    }
    assert tokens == {"input": (2, 160), "output": (2, 18)}
    [wait] = collected.points("headgate.client.wait")
    [duration] = collected.points("gen_ai.client.operation.duration")
    [cost] = collected.points("headgate.client.cost")
    assert isinstance(wait, HistogramDataPoint)
    assert isinstance(duration, HistogramDataPoint)
    assert isinstance(cost, NumberDataPoint)
    assert (wait.sum, duration.count, cost.value) == (3.0, 2, 196)
    assert "gen_ai.conversation.id" not in (duration.attributes or {}), "a case of its own would be a series of its own"


async def test_the_time_that_the_limiter_slept_is_told(collected: Collected) -> None:
    now = began = 1_000_000.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    limiter, wire = LocalLimiter(Limits(rpm=60), 1, lambda: now), Answers()
    model = LimitedModel(TracedModel(wire, CHOICE, collected.telemetry()), limiter, "openai m", sleep)
    for _ in range(2):
        await model.complete(REQUEST)
    assert [request.waited_s for request in wire.seen] == [0.0, pytest.approx(now - began)]
    assert now > began


async def test_words_are_told_only_where_that_is_switched_on(collected: Collected) -> None:
    await TracedModel(Answers(), CHOICE, collected.telemetry()).complete(REQUEST)
    assert "Ann" not in collected.everything()
    collected.exporter.clear()
    await TracedModel(Answers(), CHOICE, collected.telemetry(show_contents=True)).complete(REQUEST)
    attributes = collected.span().attributes or {}
    assert json.loads(str(attributes["gen_ai.input.messages"])) == [
        {"role": "system", "parts": [{"type": "text", "content": "Read it."}]},
        {"role": "user", "parts": [{"type": "text", "content": SECRET}]},
    ]
    assert json.loads(str(attributes["gen_ai.output.messages"])) == [
        {"role": "assistant", "parts": [{"type": "text", "content": SECRET}], "finish_reason": "stop"}
    ]


async def test_without_a_set_up_sdk_nothing_is_told_and_calls_are_made() -> None:
    assert await TracedModel(Answers(), CHOICE, ModelTelemetry()).complete(REQUEST) == REPLY
