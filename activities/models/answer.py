"""Answer: which approved article answers a question."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import asked_on
from activities.grants import require_grant
from activities.models.asking import Question
from activities.models.diagnose import OFFERED, doubts_of_choice, listed, shown
from activities.models.prompting import fenced_json, fenced_ticket, ticket_text
from activities.models.retrieval import OpensEmbedder, Retrieval
from activities.models.reuse import AnswerCache, ArticleReuse, OfAnArticle
from activities.models.unanswered import note_unanswered
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.model_call import Tier, Usage
from domain.model_steps import ModelStep
from domain.reading.answers import ArticleChoice
from domain.reading.knowledge import Article, Library, accept_article
from ports.knowledge import UnansweredRecord
from ports.models.model import LanguageModel


class AnswerRequest(BaseModel):
    """The question, and the areas of articles that may answer it."""

    case: CaseInput
    knowledge: Sequence[str] = ()
    category: str = ""


class AnswerResult(OfAnArticle):
    """The article that answers it, or None: then `candidates` are findings for a person."""

    candidates: list[str] = Field(default_factory=list)


class AnswerActivities:
    """Retrieval over the approved articles, then a model's choice; no word of an answer is the model's own.

    Raises:
        ConfigurationError: when built, if the blueprint has no prompt `article`.
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
        self._question = Question(models, blueprint, ModelStep.ARTICLE, ArticleChoice)
        self._reuse = ArticleReuse(answer_cache, blueprint, articles, ModelStep.ARTICLE)
        self._unanswered = unanswered
        self._retrieval = Retrieval(Library(articles, default_lang=blueprint.letters.fallback), article_embedder)

    @activity.defn
    async def answer_from_articles(self, request: AnswerRequest) -> AnswerResult:
        """Let the model choose the article that answers; without any that could, no model is asked.

        Raises:
            RefusedError: the specialist that asks may not use this tool.
            BadAnswerError: two answers did not fit.
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        require_grant("answer_from_articles")
        found = await self._answered(request)
        if found.article is None:
            await note_unanswered(self._unanswered, request.case, ModelStep.ARTICLE, request.category)
        return found

    async def _answered(self, request: AnswerRequest) -> AnswerResult:
        case, day = request.case, asked_on()
        ranked = await self._retrieval.nearest(
            ticket_text(case), areas=request.knowledge, day=day, lang=case.lang, top=OFFERED
        )
        if not ranked:
            return AnswerResult(article=None, usage=Usage())
        offered, candidates = [r.article for r in ranked], listed(ranked)
        return await self._reuse.answer(
            request.case,
            request.category,
            offered,
            lambda: self._asked(request.case, offered, candidates),
            lambda article, _: AnswerResult(article=article, candidates=candidates, usage=Usage()),
        )

    async def _asked(self, case: CaseInput, offered: Sequence[Article], candidates: list[str]) -> AnswerResult:
        asked = await self._question.ask(
            fenced_json("articles", shown(offered)),
            fenced_ticket(case),
            doubts=lambda said, _: doubts_of_choice(said.article_id, said.confidence, offered, self._question.rules),
            may_wait=case.may_wait,
        )
        article = accept_article(
            asked.answer.article_id,
            asked.answer.confidence,
            offered,
            min_confidence=case.policy.min_diagnosis_confidence,
        )
        return AnswerResult(article=article, candidates=candidates, usage=asked.usage, answered_by=asked.by)
