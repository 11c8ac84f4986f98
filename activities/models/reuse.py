"""Reuse: an approved article that answered several near questions answers this one, too, without a call.

Whatever goes wrong here leads to a call: the cache is never needed.
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from activities.clock import Clock, asked_on, utc_now
from activities.heartbeat import heartbeating
from activities.models.asking import OfAModel, step_asking
from activities.models.prompting import ticket_text
from activities.models.vouching import VouchingCustomers
from domain.blueprint import Blueprint
from domain.cache.admission import answer_named, why_not_cached, why_not_kept
from domain.cache.lexicon import GuardMarks, NearMissGuard
from domain.cache.nearness import NEIGHBOURHOOD
from domain.cache.neighbours import AnsweredQuestion, CacheDecision, decide_reuse
from domain.cache.record import ReusedAnswer
from domain.cache.scope import CacheScope, same_question
from domain.cache.standing import AnswerStanding, is_checked
from domain.case import CaseInput
from domain.errors import HeadgateError
from domain.model_steps import CacheRule, ModelStep
from domain.reading.knowledge import Article
from domain.routing import folded
from ports.models.cache import CacheStore
from ports.models.embedding import Embedder
from ports.models.reuse import ReuseRecord

_LOGGER = logging.getLogger("headgate.cache")
_SHARED = re.compile(r"([0-9]{1,15}) ([0-9]{1,15}) (.+)", re.ASCII)  # tokens, millionths, the answer


class OfAnArticle(OfAModel):
    """What results have in common whose answer is an article, or None; `reused` where the cache had it."""

    article: Article | None
    reused: ReusedAnswer | None = None


Result = TypeVar("Result", bound=OfAnArticle)
Ask = Callable[[], Awaitable[Result]]
Reuse = Callable[[Article, float], Result]


@dataclass(frozen=True)
class AnswerCache:
    """What is needed to reuse answers.

    Attributes:
        store: of answered questions.
        embedder: makes their vectors.
        record: of what was reused.
        models: all models of the profile in use: with others nothing is reused.
        customers: knows who vouches for an answer.
    """

    store: CacheStore
    embedder: Embedder
    record: ReuseRecord
    models: str
    customers: VouchingCustomers


class _Question(NamedTuple):
    """A question as the cache sees it."""

    case: CaseInput
    scope: CacheScope
    rule: CacheRule
    marks: GuardMarks
    vector: list[float]
    digest: str


class ArticleReuse:
    """Answers a step's questions from the cache where the rules let it, and keeps what models answered.

    Args:
        cache: None: every question is asked.
        blueprint: has the rules and the lexicon.
        articles: all that there are.
        step: the question.
        clock: the time in UTC.
    """

    def __init__(
        self,
        cache: AnswerCache | None,
        blueprint: Blueprint,
        articles: Sequence[Article],
        step: ModelStep,
        clock: Clock = utc_now,
    ) -> None:
        self._cache = cache if step in blueprint.cache.steps else None
        self._rules = blueprint.cache
        self._version = blueprint.version
        self._guard = NearMissGuard(blueprint.words.guard)
        self._approved = [a for a in articles if a.approved]
        self._knowledge: tuple[list[Article], str] = ([], _digest())
        self._step = step
        self._clock = clock

    async def answer(
        self, case: CaseInput, category: str, offered: Sequence[Article], ask: "Ask[Result]", reuse: "Reuse[Result]"
    ) -> Result:
        """Return what the cache has, or what a model says.

        Args:
            case: whose question it is.
            category: of the case.
            offered: the articles that a model could choose: another one is no answer.
            ask: asks a model.
            reuse: makes the result of an article and how similar its question was.

        Raises:
            HeadgateError: as `ask`; TransientError if what was reused cannot be put on record.
        """
        cache = self._cache
        question = None if cache is None else await self._question(cache, case, category)
        if cache is None or question is None:
            return await ask()
        found = await self._found(cache, question, offered)
        if found is not None:
            return await self._served(cache, question, *found, ask, reuse)
        async with heartbeating():
            flight = await cache.store.board(question.scope, question.digest)
        if not flight.leads:
            shared = await self._shared(cache, question, flight.answer or "", offered)
            if shared is not None:
                return await self._reused(cache, question, *shared, reuse)
            return (await self._asked(cache, question, ask))[0]
        shared_with: str | None = None
        try:
            result, shared_with = await self._asked(cache, question, ask)
        finally:
            await cache.store.land(question.scope, question.digest, shared_with)
        return result

    async def _question(self, cache: AnswerCache, case: CaseInput, category: str) -> _Question | None:
        """Return the question if it may be reused; no embedder is asked for one that may not."""
        lang = case.lang.partition("-")[0].lower()
        rule = self._rules.rule_for(lang, cache.embedder.name)
        if rule is None or why_not_cached(case, self._step, category, self._rules) is not None:
            return None
        text = ticket_text(case)
        try:
            (vector,) = await cache.embedder.embed([text])
        except HeadgateError as error:
            _LOGGER.warning("no vector of a question, it is asked: %s", error)
            return None
        scope = CacheScope(
            tenant=case.tenant,
            locale=lang,
            route=folded(category),
            audience=case.channel,
            step=self._step.value,
            case_rules=case.policy.version,
            blueprint=self._version,
            knowledge=self._knowledge_in_force(),
            model=cache.models,
            embedder=cache.embedder.name,
        )
        return _Question(case, scope, rule, self._guard.marks(text), vector, same_question(text))

    def _knowledge_in_force(self) -> str:
        """Return a digest of the articles that are valid today: with one more or less, the nearest may be another."""
        day = asked_on()
        valid = [a for a in self._approved if a.valid_on(day)]
        before, digest = self._knowledge
        if before != valid:
            digest = _digest(*(a.model_dump_json() for a in valid))
            self._knowledge = (valid, digest)
        return digest

    async def _found(
        self, cache: AnswerCache, question: _Question, offered: Sequence[Article]
    ) -> tuple[Article, CacheDecision, AnswerStanding] | None:
        now_s = self._clock().timestamp()
        near = await cache.store.nearest(question.scope, question.vector, now_s, top=NEIGHBOURHOOD)
        rule = question.rule
        decision = decide_reuse(near, question.marks, rule, now_s=now_s, window_s=self._rules.window_s)
        if decision.answer is None:
            return None
        standing = await cache.store.standing(question.scope, decision.answer)
        tightened = standing.rule(rule)
        if tightened is None:
            return None
        if tightened is not rule:
            decision = decide_reuse(near, question.marks, tightened, now_s=now_s, window_s=self._rules.window_s)
        article = _named(decision.answer, offered)
        return None if article is None else (article, decision, standing)

    async def _shared(
        self, cache: AnswerCache, question: _Question, said: str, offered: Sequence[Article]
    ) -> tuple[Article, CacheDecision] | None:
        """Return what the one who asked the very same got, if it may be shared."""
        found = _SHARED.fullmatch(said)
        if found is None:
            return None
        tokens, micros, answer = found.groups()
        article = _named(answer, offered)
        if article is None or (await cache.store.standing(question.scope, answer)).rule(question.rule) is None:
            return None
        decision = CacheDecision(
            answer=answer, why="the same question", rule=question.rule, cosine=1.0,
            saved_tokens=int(tokens), saved_micros=int(micros),
        )  # fmt: skip
        return article, decision

    async def _served(
        self,
        cache: AnswerCache,
        question: _Question,
        article: Article,
        decision: CacheDecision,
        standing: AnswerStanding,
        ask: "Ask[Result]",
        reuse: "Reuse[Result]",
    ) -> Result:
        if not is_checked(question.case.case_id, self._step, standing, self._rules):
            return await self._reused(cache, question, article, decision, reuse)
        try:
            result = await ask()
        except HeadgateError as error:  # a check is worth no case's answer
            _LOGGER.info("a reused answer is not checked: %s", error)
            return await self._reused(cache, question, article, decision, reuse)
        right = result.article is not None and _name(result.article) == _name(article)
        await cache.store.checked(question.scope, _name(article), right=right, max_false_hit=self._rules.max_false_hit)
        record = self._record(question, article, decision).model_copy(
            update={"confirmed": right, "saved_tokens": 0, "saved_micros": 0}
        )
        await asyncio.to_thread(cache.record.write, record)
        return result.model_copy(update={"reused": record})

    async def _reused(
        self,
        cache: AnswerCache,
        question: _Question,
        article: Article,
        decision: CacheDecision,
        reuse: "Reuse[Result]",
    ) -> Result:
        record = self._record(question, article, decision)
        await asyncio.to_thread(cache.record.write, record)
        return reuse(article, decision.cosine).model_copy(update={"reused": record})

    def _record(self, question: _Question, article: Article, decision: CacheDecision) -> ReusedAnswer:
        return ReusedAnswer(
            case_id=question.case.case_id,
            asked_by=step_asking(),
            tenant=question.scope.tenant,
            step=self._step.value,
            lang=question.scope.locale,
            answer=_name(article),
            rule=decision.rule,
            cosine=decision.cosine,
            margin=decision.margin,
            agree=decision.agree,
            saved_tokens=decision.saved_tokens,
            saved_micros=decision.saved_micros,
        )

    async def _asked(self, cache: AnswerCache, question: _Question, ask: "Ask[Result]") -> tuple[Result, str]:
        """Ask a model and keep what may be kept; return it, and what those may share who ask the same (or nothing)."""
        result = await ask()
        article, usage = result.article, result.usage
        approved = article is not None and article.approved
        if article is None or why_not_kept(approved=approved, usage=usage, by=result.answered_by) is not None:
            return result, ""
        answer, tokens = _name(article), usage.input_tokens + usage.output_tokens
        case, scope = question.case, question.scope
        async with heartbeating():
            customer = await asyncio.to_thread(cache.customers.id_of, case)
        now_s = self._clock().timestamp()
        kept = AnsweredQuestion(
            entry_id=_digest(scope.key, case.case_id, step_asking())[:32],
            answer=answer,
            customer=_digest(scope.tenant, customer) if customer else "",
            created_s=now_s,
            expires_s=now_s + self._rules.window_s,
            marks=question.marks,
            cost_micros=usage.cost_micros,
            tokens=tokens,
        )
        await cache.store.add(scope, kept, question.vector)
        return result, f"{tokens} {usage.cost_micros} {answer}"


def _name(article: Article) -> str:
    return answer_named(article.article_id, article.version)


def _named(answer: str | None, offered: Sequence[Article]) -> Article | None:
    return next((a for a in offered if answer is not None and _name(a) == answer), None)


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        body = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(body)}:".encode() + body)
    return digest.hexdigest()
