"""What limiter, budget and record add to a model call, alone and together, beside the bare call.

All through the same client to the same offline model, in turn in the same run, on stores and limiters of this run only.
The record goes to an OpenTelemetry SDK as an installation has it, and there to nobody.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.limiters import Limiters
from adapters.models.guards.limiting import LimitedModel
from adapters.models.guards.traced import ModelTelemetry, TracedModel
from adapters.models.wires.openai import OpenAIModel
from adapters.spend.sql import SqlSpend
from adapters.store import Store, open_store
from bench.samples import read_samples, record_calls
from domain.blueprint import ModelChoice
from domain.model_call import ModelRequest, Price, Tier
from domain.spend.budgets import Budget, SpendRules, Unit
from ports.models.model import LanguageModel
from workers.bootstrap import Parts

ENOUGH = 10**12
SAMPLES = 40
WARM = 20
BARE = "bare call"
BUDGETS = [
    Budget(scope=scope, cap=ENOUGH, unit=unit, currency="USD" if unit is Unit.MICROS else "")
    for scope in ("all", "tenant:*")
    for unit in Unit
]


async def bench_spend(parts: Parts, calls: int = 400, store_url: str = "", redis_url: str = "") -> dict[str, object]:
    """Make so many calls of each kind in turn, each charged to four budgets; return what it added, milliseconds.

    Args:
        parts: have the offline model.
        calls: of each kind.
        store_url: of an empty database, measured beside an SQLite file; empty: the file alone.
        redis_url: of a Redis for the limiter, measured beside one in process; empty: that alone.
    """
    [choice, *_] = parts.blueprint.models[parts.settings.models][Tier.SMALL]
    choice = choice.model_copy(update={"rpm": 1e6, "tpm": 1e9, "concurrency": 1000})  # no call waits
    price = parts.blueprint.price_of(choice.model, datetime.now(UTC).date())
    base_url = choice.base_url or f"{parts.settings.offline_model_url}/v1"
    wire = OpenAIModel(choice, api_key="bench", base_url=base_url, price=lambda: price)
    asked = await _sample_calls(parts, calls + WARM)
    load = os.getloadavg()[0]
    with _stores(store_url) as stores, _telemetry() as telemetry:
        kinds = _kinds(wire, choice, price, stores, ["", redis_url] if redis_url else [""], telemetry)
        took: dict[str, list[float]] = {name: [] for name in kinds}
        for number, request in enumerate(asked):
            names = list(kinds)
            for name in names[number % len(names) :] + names[: number % len(names)]:  # none always comes first
                took[name].append(await _timed(kinds[name], request))
        differences = [line for spend in stores.values() for line in spend.report.differences()]
    await wire.aclose()
    return {
        "calls of each kind": calls,
        "budgets of each call": len(BUDGETS),
        **_figures({name: times[WARM:] for name, times in took.items()}),
        "budgets differ from calls": len(differences),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "cores": os.cpu_count(),
    }


def _kinds(
    wire: LanguageModel,
    choice: ModelChoice,
    price: Price,
    stores: Mapping[str, SqlSpend],
    redis_urls: list[str],
    telemetry: ModelTelemetry,
) -> dict[str, LanguageModel]:
    """Return the models by what stands around the wire, in the product's own order (`adapters/models/factory.py`)."""
    rules, key = SpendRules(budgets=BUDGETS), os.urandom(4).hex()
    kinds: dict[str, LanguageModel] = {BARE: wire}
    for store, spend in stores.items():
        kinds[f"budget on {store}"] = BudgetedModel(wire, spend, rules, lambda: price, choice.known_as)
        for url in redis_urls:
            recorded = TracedModel(wire, choice, telemetry)
            budgeted = BudgetedModel(recorded, spend, rules, lambda: price, choice.known_as)
            limiter = Limiters(url, 1).of(choice, key)
            name = f"limiter {'on Redis' if url else 'in process'}, budget on {store}, record"
            kinds[name] = LimitedModel(budgeted, limiter, choice.known_as)
    return kinds


def _figures(took: Mapping[str, list[float]]) -> dict[str, object]:
    """Return the bare call, and what each kind took more than the bare call of the same request, milliseconds."""
    found: dict[str, object] = {BARE: _middle(took[BARE])}
    for name, times in took.items():
        if name != BARE:
            added = _middle([time - bare for time, bare in zip(times, took[BARE], strict=True)])
            found[name] = {f"added_{at}": value for at, value in added.items()} | _middle(times)
    return found


def _middle(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2)}


async def _sample_calls(parts: Parts, wanted: int) -> list[ModelRequest]:
    """Return so many calls as Headgate makes them for the samples, each of a case of its own."""
    found: list[ModelRequest] = []
    for stored in read_samples(parts, SAMPLES):
        found += await record_calls(parts, stored.case)
    return [
        found[n % len(found)].model_copy(update={"case_id": f"case/bench/{n}", "tier": Tier.SMALL})
        for n in range(wanted)
    ]


@contextmanager
def _stores(url: str) -> Iterator[dict[str, SqlSpend]]:
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder, ExitStack() as opened:
        urls = {"SQLite": f"sqlite:///{Path(folder, 'store.db')}"}
        if url:
            urls[url.partition(":")[0].partition("+")[0].capitalize()] = url
        stores = {name: opened.enter_context(closing(open_store(one))) for name, one in urls.items()}
        yield {name: _spend(store) for name, store in stores.items()}


def _spend(store: Store) -> SqlSpend:
    return SqlSpend(lambda: store.database)


@contextmanager
def _telemetry() -> Iterator[ModelTelemetry]:
    class Nobody(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002 - the SDK's signature
            return SpanExportResult.SUCCESS

    tracers, meters = TracerProvider(), MeterProvider([InMemoryMetricReader()])
    tracers.add_span_processor(BatchSpanProcessor(Nobody()))
    try:
        yield ModelTelemetry(tracers, meters)
    finally:
        tracers.shutdown()
        meters.shutdown()


async def _timed(model: LanguageModel, request: ModelRequest) -> float:
    """Make a call; return how long it took, milliseconds."""
    began = time.perf_counter()
    await model.complete(request)
    return 1000 * (time.perf_counter() - began)
