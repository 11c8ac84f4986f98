"""Asking: how often a model is asked, when a denser one is, and when an answer is taken.

A question is asked of the tier that its step names, twice at most, the second time with what was wrong. Where the
step's rules say so, the next denser tier is asked then, once. Whoever was asked is paid for: usage is summed up. While
money is short a cheaper tier may be asked first, and the step's own is then the denser one.
"""

from asyncio import sleep
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel
from temporalio import activity

from activities.heartbeat import heartbeating
from activities.models.prompting import Prompts, Schema, read_json
from domain.blueprint import Blueprint
from domain.cascade.stepping import AnsweredBy, cheaper_when_short, denser_than, reason_to_step_up, serving
from domain.errors import (
    BadAnswerError,
    BadSpellError,
    ConfigurationError,
    OverBudgetError,
    ToldToWaitError,
    TransientError,
    UnfitAnswerError,
    UnsupportedTaskError,
)
from domain.model_call import Message, ModelReply, ModelRequest, Tier, Usage
from domain.model_steps import DenserWhen, ModelStep
from domain.reading.answers import strict_schema
from ports.models.model import BudgetedTiers, JudgedModel, LanguageModel, OrderedModels

ANSWERS_AT_MOST = 2  # the answer, and one more after saying what was wrong with it
ANSWERS_IN_ALL = 3  # of both tiers: three answers fit into a step's time (`MODEL_TIMEOUT`)
HELD_AT_MOST_S = 60.0
"""So long a further call waits for its slot in all: who comes back later pays for the answers before once more."""
SHOWN_BACK_CHARS = 2_000

Answer = TypeVar("Answer")
Doubts = Callable[[Answer, ModelReply], Collection[DenserWhen]]


@dataclass
class Replies:
    """What came of a question so far, of both tiers, taken or not."""

    count: int = 0
    usage: Usage = field(default_factory=Usage)
    refused: bool = False
    model: str = ""
    confidence: float | None = None

    def note(self, reply: ModelReply) -> None:
        """Add a reply."""
        self.count += 1
        self.usage = self.usage.plus(reply.usage)
        self.refused = reply.refusal is not None
        self.model = reply.model
        self.confidence = reply.confidence


@dataclass(frozen=True)
class Asked(Generic[Answer]):
    """An answer that was taken, what all calls for it used, how often was asked, and who answered."""

    answer: Answer
    reply: ModelReply
    usage: Usage
    asked: int
    by: AnsweredBy


@dataclass(frozen=True)
class _Way:
    """The tier that is asked first, the denser one, and the reasons for that."""

    first: Tier
    denser: Tier | None
    reasons: frozenset[DenserWhen]
    money_short: bool = False


class Cascade:
    """The models of a step, and when the denser one is asked.

    Args:
        models: by tier.
        blueprint: has the step's rules.
        step: whose.
    """

    def __init__(self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint, step: ModelStep) -> None:
        self.rules = blueprint.step(step)
        self.tier = serving(self.rules.tier, models)
        self._models = models
        self._step = step
        reasons = frozenset(self.rules.denser_when)
        self._usual = _Way(self.tier, denser_than(self.tier, models) if reasons else None, reasons)
        self._batched = step in blueprint.batch.steps
        cheaper = cheaper_when_short(self.rules, models)
        # What the cheaper one cannot answer the step's own does: a saving costs no case its answer.
        reasons |= {DenserWhen.ABSTAINED, DenserWhen.UNFIT}
        self._short = None if cheaper is None else _Way(cheaper, self.tier, reasons, money_short=True)

    async def ask(
        self,
        request: ModelRequest,
        read: Callable[[ModelReply], Answer],
        doubts: "Doubts[Answer]" = lambda _, __: (),
        replies: Replies | None = None,
    ) -> Asked[Answer]:
        """Ask, and where the rules say so the next denser tier, too: then what that one says counts.

        Args:
            request: of any tier: it is asked of the one that begins.
            read: takes an answer, or says by an `UnfitAnswerError` what is wrong with it.
            doubts: reasons for the denser tier that an answer which was taken gives.
            replies: gathers what came, for callers that need it without an answer.

        Raises:
            BadAnswerError: no answer was taken; `usage` says what all of them cost.
            BadSpellError: the same, while bad answers come to message after message.
            HeadgateError: what the model raises.
        """
        got = Replies() if replies is None else replies
        way = await self._way(request)
        if way.denser is None:
            return await self._try(way, way.first, request, read, got)
        try:
            asked = await self._try(way, way.first, request, read, got)
        except (BadAnswerError, BadSpellError, UnsupportedTaskError) as error:
            declined = got.refused or isinstance(error, UnsupportedTaskError)
            why = reason_to_step_up([DenserWhen.ABSTAINED if declined else DenserWhen.UNFIT], way.reasons)
            if why is None:
                raise
        else:
            why = reason_to_step_up(doubts(asked.answer, asked.reply), way.reasons)
            if why is None:
                return asked
        denser = request.model_copy(update={"may_wait": False})  # one batch for a step at most
        return await self._try(way, way.denser, denser, read, got, why)

    async def _way(self, request: ModelRequest) -> _Way:
        if self._short is None or not isinstance(self._models, BudgetedTiers):
            return self._usual
        # What waits for a batch is asked anew for hours: with another tier each time it would be put, and paid, twice.
        if self._batched and request.may_wait:
            return self._usual
        return self._short if await self._models.is_short(request) else self._usual

    async def _try(
        self,
        way: _Way,
        tier: Tier,
        request: ModelRequest,
        read: Callable[[ModelReply], Answer],
        got: Replies,
        stepped_up: DenserWhen | None = None,
    ) -> Asked[Answer]:
        request = request.model_copy(update={"tier": tier})
        model, stands_in_for = self._models[tier], ""
        if isinstance(model, OrderedModels):
            model, stands_in_for = await model.standing()
        # Who declines once is not asked again where another one is asked at once.
        gives_way = stepped_up is None and way.denser is not None and DenserWhen.ABSTAINED in way.reasons
        answers = min(ANSWERS_AT_MOST, ANSWERS_IN_ALL - got.count)
        answer, reply = await _ask(model, request, read, got, answers=answers, gives_way=gives_way)
        by = AnsweredBy(
            step=self._step,
            tier=tier,
            model=reply.model,
            stepped_up=stepped_up,
            stands_in_for=stands_in_for,
            money_short=way.money_short,
        )
        return Asked(answer=answer, reply=reply, usage=got.usage, asked=got.count, by=by)


@dataclass
class _Patience:
    """Seconds that further calls may still wait for their slots."""

    left_s: float


async def _called(model: LanguageModel, request: ModelRequest, got: Replies, patience: _Patience) -> ModelReply:
    """Call a model. What came of the question before is paid for: a further call waits for its slot here, and an error
    has all costs with it.
    """
    while True:
        try:
            return await model.complete(request)
        except ToldToWaitError as error:
            if not (error.held and got.count and error.wait_seconds <= patience.left_s):
                raise
            patience.left_s -= error.wait_seconds
            await sleep(error.wait_seconds)
        except (TransientError, OverBudgetError, UnsupportedTaskError, ConfigurationError) as error:
            if got.usage.calls:
                error.usage = got.usage.plus(error.usage or Usage())
            raise


async def _ask(
    model: LanguageModel,
    request: ModelRequest,
    read: Callable[[ModelReply], Answer],
    got: Replies,
    *,
    answers: int,
    gives_way: bool,
) -> tuple[Answer, ModelReply]:
    """Ask one model until `read` takes the answer, so often at most; each time after the first with what was wrong."""
    asking, before, patience = request, got.count, _Patience(HELD_AT_MOST_S)
    judge = model if isinstance(model, JudgedModel) else None  # measurements ask models that nobody watches
    async with heartbeating():
        for _ in range(answers):
            reply = await _called(model, asking, got, patience)
            got.note(reply)
            try:
                answer = read(reply)
            except UnfitAnswerError as e:
                reason = str(e)
            else:
                if judge is not None:
                    await judge.judged(request, fit=True)
                return answer, reply
            if (gives_way and got.refused) or (judge is not None and judge.in_spell(request)):
                break
            asking = _with_objection(request, reply, reason)
    n = got.count - before
    message = f"task {request.schema_name!r}: {n} answer{'s' if n > 1 else ''} did not fit: {reason}"
    # A model that declines to answer says something of the message, however many come: that is no spell.
    if judge is not None and reply.refusal is None and await judge.judged(request, fit=False):
        raise BadSpellError(f"{message}; nor did those to other messages", got.usage)
    raise BadAnswerError(message, got.usage)


class Question(Generic[Schema]):
    """One typed question to a model: instructions of the blueprint, data that is fenced, an answer of one schema.

        claim = Question(models, blueprint, ModelStep.CLAIM, ClaimAnswer)
        asked = await claim.ask(fenced_ticket(case))

    Args:
        models: who may be asked, by tier.
        blueprint: has the instructions, and the step's tier, output and reasons for a denser one.
        step: names the prompt, and the structured output on the wire.
        schema: the answer.

    Raises:
        ConfigurationError: the blueprint has no such prompt, or it is no valid template.
    """

    def __init__(
        self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint, step: ModelStep, schema: type[Schema]
    ) -> None:
        self._cascade = Cascade(models, blueprint, step)
        self._prompts = Prompts(blueprint.prompts, step.value)
        self._name = step.value
        self._schema = schema
        self._json_schema = strict_schema(schema)
        self.rules = self._cascade.rules

    async def ask(
        self,
        *data: str,
        read: Callable[[ModelReply], Schema] | None = None,
        doubts: "Doubts[Schema]" = lambda _, __: (),
        may_wait: bool = False,
    ) -> Asked[Schema]:
        """Ask about the data, fenced texts side by side.

        Args:
            data: what is asked about.
            read: takes the answer where more than its schema counts.
            doubts: reasons for a denser tier that an answer gives.
            may_wait: whether the case can wait for a batch.

        Raises:
            BadAnswerError: no answer fitted.
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        request = ModelRequest(
            tier=self._cascade.tier,
            schema_name=self._name,
            json_schema=self._json_schema,
            messages=[
                Message(role="system", content=self._prompts.render(self._name)),
                Message(role="user", content="\n".join(data)),
            ],
            max_output=self.rules.max_output,
            case_id=_asking(),
            asked_by=step_asking(),
            may_wait=may_wait,
        )
        return await self._cascade.ask(request, read or (lambda reply: read_json(reply, self._schema)), doubts)


class OfAModel(BaseModel):
    """What the results of such questions say in common: what the calls used, and who answered in the end."""

    usage: Usage
    answered_by: AnsweredBy | None = None


def _asking() -> str:
    """Return the workflow that asks, empty outside of one."""
    return (activity.info().workflow_id or "") if activity.in_activity() else ""


def step_asking() -> str:
    """Return which specialist's step asks: what such a step is called, the same at every try of it."""
    step = activity.info().activity_id if activity.in_activity() else ""
    return step if "/" in step else ""


def _with_objection(request: ModelRequest, reply: ModelReply, reason: str) -> ModelRequest:
    said = (reply.refusal or reply.text).strip()[:SHOWN_BACK_CHARS] or "(nothing)"
    objection = f"This answer cannot be taken: {reason}. Answer again, once, exactly as the instructions say."
    added = [Message(role="assistant", content=said), Message(role="user", content=objection)]
    return request.model_copy(update={"messages": [*request.messages, *added], "may_wait": False})
