"""Diagnose: which knowledge article explains the trouble; and which one answers a question to Billing."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import asked_on
from activities.grants import require_grant
from activities.models.asking import Question
from activities.models.prompting import fenced_json, fenced_ticket, ticket_text
from activities.models.retrieval import OpensEmbedder, Retrieval
from activities.models.reuse import AnswerCache, ArticleReuse, OfAnArticle
from activities.models.unanswered import note_unanswered
from domain.blueprint import Blueprint
from domain.cascade.stepping import is_unsure
from domain.case import CaseInput
from domain.model_call import Tier, Usage
from domain.model_steps import DenserWhen, ModelStep, StepRules
from domain.reading.answers import DiagnosisAnswer
from domain.reading.knowledge import Article, Diagnosis, Fitting, Library, Ranked, accept_article
from ports.knowledge import UnansweredRecord
from ports.models.model import LanguageModel

OFFERED = 3  # more articles cost tokens and rarely hold the right one
# Of 817 questions to Billing of four sources 60 % reach this fit, and for 80 % of those the article is the one meant;
# of off-topic messages 4 % reach it, of those for other queues 15 %. Below it a person answers.
MIN_BILLING_FIT = 0.4


class DiagnoseRequest(BaseModel):
    """The message to diagnose, and the areas of articles to look in."""

    case: CaseInput
    knowledge: Sequence[str] = ("technical",)
    category: str = ""


class DiagnoseResult(OfAnArticle):
    """The article that the answer may rely on, or None: then `diagnosis` and `candidates` are findings for a person. Of
    a reused one the confidence is how similar its question was.
    """

    diagnosis: Diagnosis
    candidates: list[str] = Field(default_factory=list)


class QuestionRequest(BaseModel):
    """The question to Billing, and the areas of articles to look in."""

    case: CaseInput
    knowledge: Sequence[str] = ("billing",)


class QuestionResult(BaseModel):
    """The article that answers it, or None; `coverage` says how well the best one fits, 0 to 1."""

    article: Article | None
    coverage: float = 0.0


class DiagnoseActivities:
    """Retrieval over the knowledge base, then a model's choice, or one that it made before, and the rule that takes it.

    Raises:
        ConfigurationError: when built, if the blueprint has no prompt `diagnosis`.
    """

    def __init__(
        self,
        models: Mapping[Tier, LanguageModel],
        blueprint: Blueprint,
        articles: Sequence[Article],
        *,
        answer_cache: AnswerCache | None,
        article_embedder: OpensEmbedder | None,
        unanswered: UnansweredRecord | None,
    ) -> None:
        self._question = Question(models, blueprint, ModelStep.DIAGNOSIS, DiagnosisAnswer)
        self._reuse = ArticleReuse(answer_cache, blueprint, articles, ModelStep.DIAGNOSIS)
        self._unanswered = unanswered
        self._library = Library(articles, default_lang=blueprint.letters.fallback)
        self._retrieval = Retrieval(self._library, article_embedder)
        self._fitting = Fitting(blueprint.words.common)

    @activity.defn
    async def diagnose(self, request: DiagnoseRequest) -> DiagnoseResult:
        """Let the model choose among the articles that retrieval found; without any, no model is asked.

        Raises:
            RefusedError: the specialist that asks may not use this tool.
            BadAnswerError: two answers did not fit.
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        require_grant("diagnose")
        found = await self._diagnosed(request)
        if found.article is None:
            await note_unanswered(self._unanswered, request.case, ModelStep.DIAGNOSIS, request.category)
        return found

    async def _diagnosed(self, request: DiagnoseRequest) -> DiagnoseResult:
        case, day = request.case, asked_on()
        ranked = await self._retrieval.nearest(
            ticket_text(case), areas=request.knowledge, day=day, lang=case.lang, top=OFFERED
        )
        if not ranked:
            return DiagnoseResult(article=None, diagnosis=Diagnosis(), usage=Usage())
        offered, candidates = [r.article for r in ranked], listed(ranked)

        def reused(article: Article, similar: float) -> DiagnoseResult:
            said = Diagnosis(article_id=article.article_id, confidence=max(0.0, min(similar, 1.0)))
            return DiagnoseResult(article=article, diagnosis=said, candidates=candidates, usage=Usage())

        return await self._reuse.answer(
            request.case, request.category, offered, lambda: self._asked(request.case, offered, candidates), reused
        )

    async def _asked(self, case: CaseInput, offered: Sequence[Article], candidates: list[str]) -> DiagnoseResult:
        asked = await self._question.ask(
            fenced_json("articles", shown(offered)),
            fenced_ticket(case),
            doubts=lambda said, _: doubts_of_choice(said.article_id, said.confidence, offered, self._question.rules),
            may_wait=case.may_wait,
        )
        diagnosis = asked.answer.diagnosis()
        # The confidence that the case's own rules ask for: those it started with, not those of today.
        article = accept_article(
            diagnosis.article_id,
            diagnosis.confidence,
            offered,
            min_confidence=case.policy.min_diagnosis_confidence,
        )
        return DiagnoseResult(
            article=article, diagnosis=diagnosis, candidates=candidates, usage=asked.usage, answered_by=asked.by
        )

    @activity.defn
    async def search_billing_knowledge(self, request: QuestionRequest) -> QuestionResult:
        """Find the billing article that answers a question, by its words alone; no model is asked.

        Raises:
            RefusedError: the specialist that asks may not use this tool.
        """
        require_grant("search_billing_knowledge")
        found = self._searched(request)
        if found.article is None:
            await note_unanswered(self._unanswered, request.case, "billing question", "")
        return found

    def _searched(self, request: QuestionRequest) -> QuestionResult:
        text = ticket_text(request.case)
        message = self._fitting.content_words(text)
        lang = request.case.lang
        ranked = self._library.search(text, areas=request.knowledge, day=asked_on(), lang=lang, top=OFFERED)
        fits = [
            (self._fitting.fit(message, title=a.title, symptoms=a.symptoms), a) for a in (r.article for r in ranked)
        ]
        if not fits:
            return QuestionResult(article=None)
        own = [found for found in fits if found[0] >= MIN_BILLING_FIT and self._library.is_in(found[1], lang)]
        fit, best = max(own or fits, key=lambda found: found[0])
        return QuestionResult(article=best if fit >= MIN_BILLING_FIT else None, coverage=fit)


def doubts_of_choice(
    article_id: str | None, confidence: float, offered: Sequence[Article], rules: StepRules
) -> list[DenserWhen]:
    """Say why a choice among articles may be a matter for a denser model."""
    if article_id is None:
        return [DenserWhen.ABSTAINED]
    if all(article.article_id != article_id for article in offered):
        return [DenserWhen.NO_EVIDENCE]
    return [DenserWhen.LOW_CONFIDENCE] if is_unsure(confidence, rules) else []


def shown(articles: Sequence[Article]) -> list[dict[str, object]]:
    """Return what a model sees of articles."""
    fields = {"article_id", "title", "symptoms", "cause", "steps"}
    return [a.model_dump(include=fields) for a in articles]


def listed(ranked: Sequence[Ranked]) -> list[str]:
    """Return articles that were looked at, for people: id, and the share of the message's words that each covers, or
    how near each is in meaning.
    """
    return [f"{r.article.article_id} ({r.coverage if r.cosine is None else r.cosine:.0%})" for r in ranked]
