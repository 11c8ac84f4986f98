"""Cases per second, against a bare workflow that makes the same model calls and nothing else.

Both run on the same Temporal server, against the same offline model, in alternating rounds, each with one process for
workflow tasks and one for model calls; Headgate has its action and journal workers on top, because that is what it
does more. The bare workflow's calls are recorded from Headgate's own activities, so that both send the same prompts.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from temporalio import activity
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from bench.bare import BARE_CASES, BARE_MODELS, BareCase, BareWorkflow
from client.connect import connect
from client.headgate import Headgate
from client.starting import TemporalCaseStarter
from domain import routing
from domain.case import TERMINAL_STATES, CaseInput
from domain.errors import NotReachableError
from domain.model_call import ModelReply, ModelRequest
from ports.model import LanguageModel
from ports.store import StoredCase
from workers.bootstrap import Parts
from workers.machine.stack import Stack
from workers.settings import load_settings

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "complaints.jsonl"


class _Recorder:
    """A model that notes the requests it passes on."""

    def __init__(self, model: LanguageModel, seen: list[ModelRequest]) -> None:
        self._model = model
        self._seen = seen

    async def complete(self, request: ModelRequest) -> ModelReply:
        self._seen.append(request)
        return await self._model.complete(request)


async def record_calls(parts: Parts, case: CaseInput) -> list[ModelRequest]:
    """Return the model calls that Headgate makes for a case."""
    from activities.models.diagnose import DiagnoseActivities, DiagnoseRequest
    from activities.models.draft import DraftActivities, DraftRequest
    from activities.models.extract import ClaimRequest, ExtractActivities
    from activities.models.qualify import LeadRequest, QualifyActivities
    from activities.models.route import RouteActivities, RouteRequest

    seen: list[ModelRequest] = []
    models = {tier: _Recorder(model, seen) for tier, model in parts.models.items()}
    routed = await RouteActivities(models, parts.blueprint).route_case(RouteRequest(case=case))
    env = ActivityEnvironment()
    match routed.route.category:
        case routing.BILLING:
            env.info = _called_by(env, "BillingWorkflow")
            await env.run(ExtractActivities(models, parts.blueprint).extract_claim, ClaimRequest(case=case))
        case routing.TECHNICAL_SUPPORT:
            env.info = _called_by(env, "TechnicalSupportWorkflow")
            await env.run(
                DiagnoseActivities(models, parts.blueprint, parts.knowledge).diagnose, DiagnoseRequest(case=case)
            )
        case routing.SALES:
            env.info = _called_by(env, "SalesWorkflow")
            lead = await env.run(QualifyActivities(models, parts.blueprint).qualify_lead, LeadRequest(case=case))
            await env.run(
                DraftActivities(models, parts.blueprint).draft_reply,
                DraftRequest(case=case, facts=lead.facts, owner="sales", team="bench"),
            )
        case None:
            pass
    return seen


def _called_by(env: ActivityEnvironment, workflow_type: str) -> activity.Info:
    from dataclasses import replace

    return replace(env.info, workflow_type=workflow_type)


def read_samples(parts: Parts, limit: int) -> list[StoredCase]:
    """Return so many sample messages as admitted cases that a specialist can end without a person, round and round."""
    import json

    from adapters.cleaning.cleaner import DocumentCleaner

    cleaner = DocumentCleaner(parts.blueprint.words.mail)
    policy = parts.blueprint.case_policy()
    rows = [json.loads(line) for line in SAMPLES.read_text("utf-8").splitlines()]
    cases = []
    for number in range(limit):
        row = rows[number % len(rows)]
        clean = cleaner.clean(
            subject=row.get("subject", ""), text=row.get("text"), html=row.get("html"), lang=row.get("lang")
        )
        case = CaseInput(
            case_id="",
            source="bench",
            lang=clean.lang,
            subject=clean.subject,
            text=clean.text,
            customer_id=(row.get("customer") or {}).get("id"),
            order_id=row.get("order_id"),
            received_at=datetime.now(UTC),
            policy=policy,
        )
        cases.append(StoredCase(case=case, vault=clean.vault, body=b"{}"))
    return cases


def _renamed(stored: StoredCase, run: str, number: int) -> StoredCase:
    return stored.model_copy(update={"case": stored.case.model_copy(update={"case_id": f"case/bench/{run}-{number}"})})


async def _rate_headgate(client: Client, parts: Parts, samples: list[StoredCase], run: str) -> tuple[float, float]:
    """Return cases per second and history events per case, children included."""
    stored = [_renamed(s, run, n) for n, s in enumerate(samples)]
    await asyncio.to_thread(parts.store.cases.admit, stored)
    started = time.perf_counter()
    await TemporalCaseStarter(client).start([s.case for s in stored])
    ids = [s.case.case_id for s in stored]
    await asyncio.gather(*(client.get_workflow_handle(i).result() for i in ids))
    took = time.perf_counter() - started
    events = 0
    async for found in client.list_workflows(f"WorkflowId STARTS_WITH 'case/bench/{run}-'"):
        events += found.history_length
    return len(ids) / took, events / len(ids)


async def _rate_bare(client: Client, calls: list[list[ModelRequest]], run: str) -> tuple[float, float]:
    started = time.perf_counter()
    handles = await asyncio.gather(
        *(
            client.start_workflow(
                BareWorkflow.run, BareCase(calls=c), id=f"bench-bare/{run}-{n}", task_queue=BARE_CASES
            )
            for n, c in enumerate(calls)
        )
    )
    await asyncio.gather(*(handle.result() for handle in handles))
    took = time.perf_counter() - started
    events = [(await handle.describe()).history_length for handle in handles[:50]]
    return len(calls) / took, statistics.mean(events)


@asynccontextmanager
async def _bare_workers(stack: Stack) -> AsyncIterator[None]:
    import os

    env = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")} | {
        "TEMPORAL_ADDRESS": stack.endpoints.temporal,
        "TEMPORAL_NAMESPACE": stack.endpoints.namespace,
        "HEADGATE_OFFLINE_MODEL_URL": stack.endpoints.offline_model,
    }
    workers = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.bare_worker", kind, env=env)
        for kind in (BARE_CASES, BARE_MODELS)
    ]
    try:
        await asyncio.sleep(1)
        if any(worker.returncode is not None for worker in workers):
            raise NotReachableError("a worker of the bare workflow died at its start: its error stands above")
        yield
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.terminate()
        await asyncio.gather(*(worker.wait() for worker in workers))


async def bench_cases(*, cases: int, rounds: int) -> dict[str, object]:
    """Measure both in alternating rounds; return medians and their ratio.

    Raises:
        UseError: something could not be started; the message says what.
    """
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        settings = load_settings(data_dir=Path(folder))
        async with Stack(settings, port_base=19700, ui=False, samples=True) as stack:
            parts = Parts(settings.model_copy(update={"offline_model_url": stack.endpoints.offline_model}))
            client = await connect(stack.which)
            pool = read_samples(parts, 200)
            alone = await _that_end_alone(client, parts, pool)
            recorded = [await record_calls(parts, _renamed(pool[n], "record", n).case) for n in alone]
            samples = [pool[alone[n % len(alone)]] for n in range(cases)]
            calls = [recorded[n % len(alone)] for n in range(cases)]
            ours: list[tuple[float, float]] = []
            bare: list[tuple[float, float]] = []
            async with _bare_workers(stack):
                await _rate_bare(client, calls[:20], "warm")
                for n in range(rounds):
                    bare.append(await _rate_bare(client, calls, f"r{n}"))
                    ours.append(await _rate_headgate(client, parts, samples, f"r{n}"))
            parts.close()
    ours_rate = statistics.median(rate for rate, _ in ours)
    bare_rate = statistics.median(rate for rate, _ in bare)
    return {
        "cases_per_round": cases,
        "rounds": rounds,
        "model_calls_per_case": round(statistics.mean(len(c) for c in calls), 2),
        "cases_per_s": round(ours_rate, 2),
        "bare_per_s": round(bare_rate, 2),
        "ratio": round(ours_rate / bare_rate, 3),
        "events_per_case": round(statistics.mean(e for _, e in ours), 1),
        "bare_events_per_case": round(statistics.mean(e for _, e in bare), 1),
        "rounds_cases_per_s": [round(rate, 2) for rate, _ in ours],
        "rounds_bare_per_s": [round(rate, 2) for rate, _ in bare],
    }


async def _that_end_alone(client: Client, parts: Parts, samples: list[StoredCase]) -> list[int]:
    """Return which samples end without a person: run once, whatever waits after that is left out."""
    stored = [_renamed(s, "probe", n) for n, s in enumerate(samples)]
    await asyncio.to_thread(parts.store.cases.admit, stored)
    await TemporalCaseStarter(client).start([s.case for s in stored])
    headgate = Headgate(client)
    states = {}
    for n, s in enumerate(stored):
        states[n] = (await headgate.cases.settled(s.case.case_id, timeout_s=120)).state
    return [n for n, state in states.items() if state in TERMINAL_STATES]
