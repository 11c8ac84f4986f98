"""Route: which of the case's categories a message belongs to."""

import hashlib
from collections.abc import Mapping, Sequence

from pydantic import BaseModel
from temporalio import activity

from activities.models.asking import Cascade, OfAModel, Replies
from activities.models.prompting import Prompts, fenced_ticket, read_json
from domain.blueprint import Blueprint
from domain.cascade.stepping import is_unsure
from domain.case import CaseInput
from domain.errors import BadAnswerError, UnfitAnswerError, UnsupportedTaskError
from domain.model_call import Message, ModelReply, ModelRequest, Tier, Usage
from domain.model_steps import DenserWhen, ModelStep
from domain.reading.answers import RouteAnswer, route_schema
from domain.routing import Category, Route, Unroutable, parse_route
from ports.models.model import LanguageModel


class RouteRequest(BaseModel):
    """The message to route."""

    case: CaseInput


class RouteResult(OfAModel):
    """The route, what it took, and the model that answered last."""

    route: Route
    model: str = ""


class RouteActivities:
    """The router agent: one strict question, no tools, no customer data.

    Raises:
        ConfigurationError: when built, if the blueprint has no prompt `route`.
    """

    def __init__(self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint) -> None:
        self._cascade = Cascade(models, blueprint, ModelStep.ROUTE)
        self._prompts = Prompts(blueprint.prompts, "route")

    @activity.defn
    async def route_case(self, request: RouteRequest) -> RouteResult:
        """Ask for exactly one category; a misfit is asked again once, then there is no route.

        A message that no model could place, or that it refused to, is never forced into a category: `route.category`
        is None and `route.unroutable` says why.

        Raises:
            BadSpellError: no answer fitted, nor did those to other messages.
            TransientError, ToldToWaitError, ConfigurationError: as the model's.
        """
        case = request.case
        if not any(c.isalnum() for c in case.subject + case.text):
            return RouteResult(route=Route(unroutable=Unroutable.EMPTY_MESSAGE, asked=0), usage=Usage())
        # Those that the case started with, not those of today: its specialists follow from them.
        categories = _in_case_order(case.case_id, case.policy.categories)
        names = [category.name for category in categories]
        got = Replies()
        try:
            asked = await self._cascade.ask(
                self._question(case, categories),
                lambda reply: _category(reply, names),
                lambda _, reply: self._doubts(reply),
                got,
            )
        except BadAnswerError:
            why = Unroutable.ABSTAINED if got.refused else Unroutable.NOT_A_CATEGORY
            route = Route(unroutable=why, confidence=got.confidence, asked=got.count)
            return RouteResult(route=route, usage=got.usage, model=got.model)
        except UnsupportedTaskError:
            route = Route(unroutable=Unroutable.ABSTAINED, asked=got.count + 1)
            return RouteResult(route=route, usage=got.usage.plus(Usage(calls=1)))
        route = Route(category=asked.answer, confidence=asked.reply.confidence, asked=asked.asked)
        return RouteResult(route=route, usage=asked.usage, model=got.model, answered_by=asked.by)

    def _doubts(self, reply: ModelReply) -> list[DenserWhen]:
        return [DenserWhen.LOW_CONFIDENCE] if is_unsure(reply.confidence, self._cascade.rules) else []

    def _question(self, case: CaseInput, categories: Sequence[Category]) -> ModelRequest:
        return ModelRequest(
            tier=self._cascade.tier,
            schema_name="route",
            json_schema=route_schema([category.name for category in categories]),
            messages=[
                Message(role="system", content=self._prompts.render("route", categories=categories)),
                Message(role="user", content=fenced_ticket(case)),
            ],
            max_output=self._cascade.rules.max_output,
            case_id=case.case_id,
            may_wait=case.may_wait,
        )


def _category(reply: ModelReply, names: Sequence[str]) -> str:
    bare = None if reply.refusal is not None or reply.truncated else parse_route(reply.text, names)
    if bare is not None:  # a server without structured output may answer with the word alone
        return bare
    said = read_json(reply, RouteAnswer).route
    category = parse_route(said, names)
    if category is None:
        raise UnfitAnswerError(f"{said[:60]!r} is none of {list(names)!r}")
    return category


def _in_case_order(case_id: str, categories: Sequence[Category]) -> list[Category]:
    """Return the categories in an order that the case decides: models favour the first, so no queue shall always be
    it.
    """
    return sorted(categories, key=lambda c: hashlib.sha256(f"{case_id}\0{c.name}".encode()).digest())
