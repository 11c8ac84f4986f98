"""One worker that reuses answers, its cache, a model, and cases that come one by one."""

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.models.answer import AnswerActivities
from activities.models.diagnose import DiagnoseActivities, DiagnoseRequest, DiagnoseResult
from activities.models.reuse import AnswerCache
from activities.models.vouching import VouchingCustomers
from adapters.cache.memory import CacheInMemory
from domain.cache.record import ReusedAnswer, ReuseSum
from domain.case import CaseInput
from domain.errors import HeadgateError, TransientError
from domain.model_call import ModelReply, ModelRequest, Tier, Usage
from domain.model_steps import CacheRule, CacheRules, MeasuredError, ModelStep
from domain.money.lookup import wanted_id
from domain.reading.knowledge import Article
from tests.contracts.spending.answer_cache import towards
from tests.contracts.store_samples import case_input
from tests.fakes.blueprint import BLUEPRINT

TECHNICAL = "Technical Support"
ARTICLES = [
    Article(article_id=name, area="technical", title=title, symptoms=[title], cause="", steps=["do it"])
    for name, title in (("kb-vpn", "vpn password reset"), ("kb-mail", "mail password reset"), ("kb-fax", "fax is dead"))
]
RULES = CacheRules(
    steps=(ModelStep.DIAGNOSIS, ModelStep.ARTICLE),
    categories=(TECHNICAL,),
    measured=(MeasuredError(lang="en", embedder="fake", rule=CacheRule.STRICT, false_upper=0.005),),
    shadow_share=1e-12,
    shadow_first_share=1e-12,
)
COST = Usage(calls=1, input_tokens=100, output_tokens=10, cost_micros=56)
ASKED = "how is a vpn password reset"


class FakeEmbedder:
    """Points that are set by hand, one degree apart or far away."""

    name = "fake"
    size = 8

    def __init__(self) -> None:
        self.degrees: dict[str, float] = {}
        self.fails: HeadgateError | None = None

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.fails is not None:
            raise self.fails
        return [towards(self.degrees.get(text, 0.0)) for text in texts]


class WhoIsOnRecord(VouchingCustomers):
    """Finds ids as the records do; whoever is called made-up is on none."""

    def __init__(self) -> None:
        """Needs no records."""

    def id_of(self, case: CaseInput) -> str | None:
        wanted = wanted_id(case.customer_id)
        return None if wanted is None or wanted.startswith("made-up") else wanted


class FakeRecord:
    """Keeps what was reused, or fails."""

    def __init__(self) -> None:
        self.rows: list[ReusedAnswer] = []
        self.fails = False

    def write(self, reused: ReusedAnswer) -> None:
        if self.fails:
            raise TransientError("the store is away")
        self.rows.append(reused)

    def sums(self, days: int) -> list[ReuseSum]:
        raise NotImplementedError


class Choosing:
    """A model that chooses an article."""

    def __init__(self, article: str | None = "kb-vpn") -> None:
        self.article = article
        self.calls = 0
        self.fails: HeadgateError | None = None
        self.usage = COST

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        await asyncio.sleep(0.01)
        if self.fails is not None:
            raise self.fails
        choice = {"article_id": self.article, "confidence": 0.9}
        if request.schema_name == "diagnosis":
            choice |= {"cause": "", "steps": []}
        return ModelReply(text=json.dumps(choice), model="fake-1", usage=self.usage)


class World:
    """One worker, its cache, and cases that come one by one."""

    def __init__(self, rules: CacheRules = RULES, articles: Sequence[Article] = ARTICLES) -> None:
        self.model, self.embedder, self.record = Choosing(), FakeEmbedder(), FakeRecord()
        self.store = CacheInMemory()
        self.number = 0
        self.day = date(2026, 11, 30)
        self.restarted(rules, articles)

    def restarted(self, rules: CacheRules = RULES, articles: Sequence[Article] = ARTICLES, models: str = "m") -> None:
        cache = AnswerCache(self.store, self.embedder, self.record, models, WhoIsOnRecord())
        blueprint = BLUEPRINT.model_copy(update={"cache": rules})
        models_by_tier = dict.fromkeys(Tier, self.model)
        self.diagnosing = DiagnoseActivities(
            models_by_tier, blueprint, articles, answer_cache=cache, article_embedder=None, unanswered=None
        )
        self.answering = AnswerActivities(
            models_by_tier, blueprint, articles, answer_cache=cache, article_embedder=None, unanswered=None
        )

    async def ask(self, text: str = ASKED, *, category: str = TECHNICAL, **of: Any) -> DiagnoseResult:
        self.number += 1
        given = {
            "case_id": f"case/shop/{self.number}", "customer_id": f"C-{self.number}", "lang": "en", "subject": "",
            "text": text, "order_id": None, "amount": None, "flags": [],
        }  # fmt: skip
        case = case_input().model_copy(update=given | of)
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(
            environment.info,
            workflow_type="TechnicalSupportWorkflow",
            activity_id="technical_support/1.1",
            current_attempt_scheduled_time=datetime.combine(self.day, time(), UTC),
        )
        request = DiagnoseRequest(case=case, knowledge=("technical",), category=category)
        found: DiagnoseResult = await environment.run(self.diagnosing.diagnose, request)
        return found

    async def learnt(self, n: int = 5, **of: Any) -> None:
        for _ in range(n):
            await self.ask(**of)
        self.model.calls = 0
