"""Route: which of the case's categories a message belongs to."""

import hashlib
from collections.abc import Mapping, Sequence

from pydantic import BaseModel
from temporalio import activity

from activities.models.prompting import Prompts, ask, fenced_ticket, read_json
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.errors import BadAnswerError, UnfitAnswerError, UnsupportedTaskError
from domain.model_call import Message, ModelReply, ModelRequest, Tier, Usage
from domain.reading.answers import RouteAnswer, route_schema
from domain.routing import Category, Route, Unroutable, parse_route
from ports.model import LanguageModel

MAX_OUTPUT = 64  # `{"route": "Technical Support"}` is about ten tokens


class RouteRequest(BaseModel):
    """The message to route."""

    case: CaseInput


class RouteResult(BaseModel):
    """The route, what it took, and the model that answered last."""

    route: Route
    usage: Usage
    model: str = ""


class RouteActivities:
    """The router agent: one strict question, no tools, no customer data.

    Raises:
        ConfigurationError: when built, if the blueprint has no prompt `route`.
    """

    def __init__(self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint) -> None:
        self._model = models[Tier.SMALL]
        self._prompts = Prompts(blueprint.prompts, "route")

    @activity.defn
    async def route_case(self, request: RouteRequest) -> RouteResult:
        """Ask the small model for exactly one category; a misfit is asked again once, then there is no route.

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
        seen = _Seen()

        def read(reply: ModelReply) -> str:
            seen.note(reply)
            return _category(reply, names)

        try:
            asked = await ask(self._model, self._question(case, categories), read)
        except BadAnswerError as e:
            why = Unroutable.ABSTAINED if seen.refused else Unroutable.NOT_A_CATEGORY
            route = Route(unroutable=why, confidence=seen.confidence, asked=seen.replies)
            return RouteResult(route=route, usage=e.usage or Usage(), model=seen.model)
        except UnsupportedTaskError:
            return RouteResult(
                route=Route(unroutable=Unroutable.ABSTAINED, asked=seen.replies + 1), usage=Usage(calls=1)
            )
        route = Route(category=asked.answer, confidence=asked.reply.confidence, asked=asked.asked)
        return RouteResult(route=route, usage=asked.usage, model=seen.model)

    def _question(self, case: CaseInput, categories: Sequence[Category]) -> ModelRequest:
        return ModelRequest(
            tier=Tier.SMALL,
            schema_name="route",
            json_schema=route_schema([category.name for category in categories]),
            messages=[
                Message(role="system", content=self._prompts.render("route", categories=categories)),
                Message(role="user", content=fenced_ticket(case)),
            ],
            max_output=MAX_OUTPUT,
            case_id=case.case_id,
        )


class _Seen:
    """What the replies so far were, for a result without an answer."""

    def __init__(self) -> None:
        self.replies = 0
        self.refused = False
        self.model = ""
        self.confidence: float | None = None

    def note(self, reply: ModelReply) -> None:
        self.replies += 1
        self.refused = reply.refusal is not None
        self.model = reply.model
        self.confidence = reply.confidence


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
