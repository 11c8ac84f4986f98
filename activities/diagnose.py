"""Diagnose: which knowledge article explains the trouble; and which one answers a question to Billing."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field
from temporalio import activity

from activities.grants import require_grant
from activities.ports import LanguageModel
from activities.prompting import Prompts, ask, fenced_json, fenced_ticket, read_json, ticket_text
from domain.answers import DiagnosisAnswer, strict_schema
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.models import Message, ModelRequest, Tier, Usage
from domain.support import Article, Diagnosis, KnowledgeIndex, Ranked, accept_diagnosis

MAX_OUTPUT = 800
OFFERED = 3  # more articles cost tokens and rarely hold the right one
# Below this share of the message's weighted words an article is about something else.
MIN_BILLING_COVERAGE = 0.5
_SCHEMA = strict_schema(DiagnosisAnswer)


class DiagnoseRequest(BaseModel):
    """The message to diagnose."""

    case: CaseInput


class DiagnoseResult(BaseModel):
    """The article that the answer may rely on, or None: then `diagnosis` and `candidates` are findings for a person."""

    article: Article | None
    diagnosis: Diagnosis
    candidates: list[str] = Field(default_factory=list)
    usage: Usage


class QuestionRequest(BaseModel):
    """The question to Billing."""

    case: CaseInput


class QuestionResult(BaseModel):
    """The article that answers it, or None; `coverage` of the best one, 0 to 1."""

    article: Article | None
    coverage: float = 0.0


class DiagnoseActivities:
    """Retrieval over the knowledge base, then the large model's choice, then the rule that accepts it.

    Raises:
        ConfigurationError: when built, if the blueprint has no prompt `diagnosis`.
    """

    def __init__(self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint, articles: Sequence[Article]) -> None:
        self._model = models[Tier.LARGE]
        self._prompts = Prompts(blueprint.prompts, "diagnosis")
        self._technical = KnowledgeIndex([a for a in articles if a.area == "technical"])
        self._billing = KnowledgeIndex([a for a in articles if a.area == "billing"])

    @activity.defn
    async def diagnose(self, request: DiagnoseRequest) -> DiagnoseResult:
        """Let the model choose among the articles that retrieval found; without any, no model is asked.

        Raises:
            RefusedError: not asked by Technical Support.
            BadAnswerError: two answers did not fit.
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        require_grant("diagnose")
        ranked = self._technical.search(ticket_text(request.case), top=OFFERED)
        if not ranked:
            return DiagnoseResult(article=None, diagnosis=Diagnosis(), usage=Usage())
        offered = [r.article for r in ranked]
        question = ModelRequest(
            tier=Tier.LARGE,
            schema_name="diagnosis",
            json_schema=_SCHEMA,
            messages=[
                Message(role="system", content=self._prompts.render("diagnosis")),
                Message(
                    role="user", content=f"{fenced_json('articles', _shown(offered))}\n{fenced_ticket(request.case)}"
                ),
            ],
            max_output=MAX_OUTPUT,
        )
        asked = await ask(self._model, question, lambda reply: read_json(reply, DiagnosisAnswer))
        diagnosis = asked.answer.diagnosis()
        # The confidence that the case's own rules ask for: those it started with, not those of today.
        article = accept_diagnosis(diagnosis, offered, min_confidence=request.case.policy.min_diagnosis_confidence)
        return DiagnoseResult(article=article, diagnosis=diagnosis, candidates=_listed(ranked), usage=asked.usage)

    @activity.defn
    async def search_billing_knowledge(self, request: QuestionRequest) -> QuestionResult:
        """Find the billing article that answers a question, by its words alone; no model is asked.

        Raises:
            RefusedError: not asked by Billing.
        """
        require_grant("search_billing_knowledge")
        ranked = self._billing.search(ticket_text(request.case), top=1)
        if not ranked:
            return QuestionResult(article=None)
        best = ranked[0]
        return QuestionResult(
            article=best.article if best.coverage >= MIN_BILLING_COVERAGE else None, coverage=best.coverage
        )


def _shown(articles: Sequence[Article]) -> list[dict[str, object]]:
    shown = {"article_id", "title", "symptoms", "cause", "steps"}
    return [a.model_dump(include=shown) for a in articles]


def _listed(ranked: Sequence[Ranked]) -> list[str]:
    return [f"{r.article.article_id} ({r.coverage:.0%})" for r in ranked]
