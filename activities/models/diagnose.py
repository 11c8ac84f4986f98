"""Diagnose: which knowledge article explains the trouble; and which one answers a question to Billing."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field
from temporalio import activity

from activities.grants import require_grant
from activities.models.prompting import Prompts, ask, fenced_json, fenced_ticket, read_json, ticket_text
from domain.answers import DiagnosisAnswer, strict_schema
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.knowledge import Article, Diagnosis, KnowledgeIndex, Ranked, accept_diagnosis, content_words, symptom_fit
from domain.model_call import Message, ModelRequest, Tier, Usage
from ports.model import LanguageModel

MAX_OUTPUT = 800
OFFERED = 3  # more articles cost tokens and rarely hold the right one
# Of 817 questions to Billing of four sources 60 % reach this fit, and for 80 % of those the article is the one meant;
# of off-topic messages 4 % reach it, of those for other queues 15 %. Below it a person answers.
MIN_BILLING_FIT = 0.4
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
    """The article that answers it, or None; `coverage` says how well the best one fits, 0 to 1."""

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
        message = content_words(ticket_text(request.case))
        ranked = self._billing.search(ticket_text(request.case), top=OFFERED)
        fits = [(symptom_fit(message, title=a.title, symptoms=a.symptoms), a) for a in (r.article for r in ranked)]
        if not fits:
            return QuestionResult(article=None)
        fit, best = max(fits, key=lambda found: found[0])
        return QuestionResult(article=best if fit >= MIN_BILLING_FIT else None, coverage=fit)


def _shown(articles: Sequence[Article]) -> list[dict[str, object]]:
    shown = {"article_id", "title", "symptoms", "cause", "steps"}
    return [a.model_dump(include=shown) for a in articles]


def _listed(ranked: Sequence[Ranked]) -> list[str]:
    return [f"{r.article.article_id} ({r.coverage:.0%})" for r in ranked]
