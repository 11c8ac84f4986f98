"""The sample messages as cases, and the model calls that Headgate makes for each."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.models.diagnose import DiagnoseActivities, DiagnoseRequest
from activities.models.draft import DraftActivities, DraftRequest
from activities.models.extract import ClaimRequest, ExtractActivities
from activities.models.qualify import LeadRequest, QualifyActivities
from activities.models.route import RouteActivities, RouteRequest
from adapters.cleaning.cleaner import DocumentCleaner
from client.headgate import Headgate
from client.starting import TemporalCaseStarter
from domain import routing
from domain.blueprint import Blueprint
from domain.case import TERMINAL_STATES, CaseInput
from domain.inbound.webhook import DEFAULT_TENANT
from domain.model_call import ModelReply, ModelRequest, Tier
from domain.reading.knowledge import Article
from ports.models.model import LanguageModel
from ports.store import StoredCase
from workers.bootstrap import Parts

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "complaints.jsonl"


class _Recorder:
    """A model that notes the requests it passes on."""

    def __init__(self, model: LanguageModel, seen: list[ModelRequest]) -> None:
        self._model = model
        self._seen = seen

    async def complete(self, request: ModelRequest) -> ModelReply:
        self._seen.append(request)
        return await self._model.complete(request)


@dataclass(frozen=True)
class Worked:
    """What the models made of a case: all that its decisions, its end and its letters follow from."""

    category: str | None
    found: tuple[str, ...] = ()


async def work(
    models: Mapping[Tier, LanguageModel], blueprint: Blueprint, articles: Sequence[Article], case: CaseInput
) -> Worked:
    """Ask of a case what its workflow asks, and return what came of it."""
    routed = await RouteActivities(models, blueprint).route_case(RouteRequest(case=case))
    category = routed.route.category
    env = ActivityEnvironment()
    match category:
        case routing.BILLING:
            env.info = _called_by(env, "BillingWorkflow")
            claim = await env.run(ExtractActivities(models, blueprint).extract_claim, ClaimRequest(case=case))
            return Worked(category, (claim.claim.model_dump_json(),))
        case routing.TECHNICAL_SUPPORT:
            env.info = _called_by(env, "TechnicalSupportWorkflow")
            found = await env.run(
                DiagnoseActivities(
                    models, blueprint, articles, answer_cache=None, article_embedder=None, unanswered=None
                ).diagnose,
                DiagnoseRequest(case=case),
            )
            return Worked(
                category, (str(found.article and found.article.article_id), found.diagnosis.model_dump_json())
            )
        case routing.SALES:
            env.info = _called_by(env, "SalesWorkflow")
            lead = await env.run(QualifyActivities(models, blueprint).qualify_lead, LeadRequest(case=case))
            drafted = await env.run(
                DraftActivities(models, blueprint).draft_reply,
                DraftRequest(case=case, facts=lead.facts, owner="sales", team="bench"),
            )
            return Worked(category, (lead.facts.model_dump_json(), drafted.draft.model_dump_json()))
        case _:
            return Worked(category)


async def record_calls(parts: Parts, case: CaseInput) -> list[ModelRequest]:
    """Return the model calls that Headgate makes for a case."""
    seen: list[ModelRequest] = []
    models = {tier: _Recorder(model, seen) for tier, model in parts.models.items()}
    await work(models, parts.blueprint.for_profile(parts.settings.models), parts.knowledge, case)
    return seen


def _called_by(env: ActivityEnvironment, workflow_type: str) -> activity.Info:
    return replace(env.info, workflow_type=workflow_type)


def sample_rows() -> list[dict[str, Any]]:  # Any: JSON
    """Return the sample messages as they are sent."""
    return [json.loads(line) for line in SAMPLES.read_text("utf-8").splitlines()]


def read_samples(parts: Parts, limit: int) -> list[StoredCase]:
    """Return so many sample messages as admitted cases that a specialist can end without a person, round and round."""
    cleaner = DocumentCleaner(parts.blueprint.words.mail)
    policy = parts.blueprint.case_policy(DEFAULT_TENANT)
    rows = sample_rows()
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


def renamed(stored: StoredCase, run: str, number: int) -> StoredCase:
    """Return a case under an id of its own."""
    return stored.model_copy(update={"case": stored.case.model_copy(update={"case_id": f"case/bench/{run}-{number}"})})


async def that_end_alone(client: Client, parts: Parts, samples: list[StoredCase]) -> list[int]:
    """Return which samples end without a person: run once, whatever waits after that is left out."""
    stored = [renamed(s, "probe", n) for n, s in enumerate(samples)]
    await asyncio.to_thread(parts.store.cases.admit, stored)
    await TemporalCaseStarter(client).start([s.case for s in stored])
    headgate = Headgate(client)
    states = {}
    for n, s in enumerate(stored):
        states[n] = (await headgate.cases.settled(s.case.case_id, timeout_s=120)).state
    return [n for n, state in states.items() if state in TERMINAL_STATES]
