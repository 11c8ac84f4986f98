"""What the record of spending adds to a model call: reserved, noted as sent and charged, beside the bare call.

Both through the same client to the same offline model, alternating in the same run, on a store of this run only.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.watching import WatchedModel
from adapters.spend.sql import SqlSpend
from adapters.store import open_store
from bench.samples import read_samples, record_calls
from domain.model_call import ModelRequest, Tier
from domain.spend.budgets import Budget, SpendRules, Unit
from ports.models.model import LanguageModel
from workers.bootstrap import Parts

ENOUGH = 10**12
SAMPLES = 40
BUDGETS = [
    Budget(scope=scope, cap=ENOUGH, unit=unit, currency="USD" if unit is Unit.MICROS else "")
    for scope in ("all", "tenant:*")
    for unit in Unit
]


async def bench_spend(parts: Parts, calls: int = 400, store_url: str = "") -> dict[str, object]:
    """Make so many calls of each kind in turn, each charged to four budgets; return medians, milliseconds.

    Args:
        parts: have the model.
        calls: of each kind.
        store_url: of an empty database; empty: an SQLite file.
    """
    model = parts.models[Tier.SMALL]
    assert isinstance(model, WatchedModel)  # Parts builds no others
    [choice, *_] = parts.blueprint.models[parts.settings.models][Tier.SMALL]
    with _spend(store_url) as spend:
        price = parts.blueprint.price_of(choice.model, datetime.now(UTC).date())
        rules = SpendRules(budgets=BUDGETS)
        budgeted = BudgetedModel(model.model, spend, rules, lambda: price, choice.known_as)
        asked = await _sample_calls(parts, calls)
        await _timed(model.model, asked[:20])
        await _timed(budgeted, asked[:20])
        bare, charged = [], []
        for request in asked:
            bare += await _timed(model.model, [request])
            charged += await _timed(budgeted, [request])
        differences = spend.report.differences()
    middle, with_record = statistics.median(bare), statistics.median(charged)
    return {
        "store": "SQLite" if not store_url else store_url.partition(":")[0],
        "calls of each kind": calls,
        "budgets of each call": len(BUDGETS),
        "bare_p50_ms": round(middle, 2),
        "charged_p50_ms": round(with_record, 2),
        "added_p50_ms": round(with_record - middle, 2),
        "ratio": round(with_record / middle, 2),
        "budgets differ from calls": len(differences),
    }


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
def _spend(url: str) -> Iterator[SqlSpend]:
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        store = open_store(url or f"sqlite:///{Path(folder, 'store.db')}")
        try:
            yield SqlSpend(lambda: store.database)
        finally:
            store.close()


async def _timed(model: LanguageModel, requests: Sequence[ModelRequest]) -> list[float]:
    """Make calls one after the other; return how long each took, milliseconds."""
    took = []
    for request in requests:
        began = time.perf_counter()
        await model.complete(request)
        took.append(1000 * (time.perf_counter() - began))
    return took
