"""The offline model behind every wire, for tests of the adapters and of the model activities."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from temporalio.testing import ActivityEnvironment

from activities.models.extract import ClaimRequest, ClaimResult, ExtractActivities
from activities.models.route import RouteActivities, RouteRequest, RouteResult
from adapters.blueprints.folder import load_blueprint
from adapters.models.wires.anthropic import AnthropicModel
from adapters.models.wires.openai import OpenAIModel
from domain.blueprint import ModelChoice
from domain.case import CaseInput
from domain.inbound.webhook import DEFAULT_TENANT
from domain.model_call import Message, ModelRequest, Price, Tier
from domain.reading.answers import route_schema
from domain.routing import DEFAULT_CATEGORIES
from ports.models.model import LanguageModel

FOLDER = Path(__file__).parents[3] / "blueprints" / "default"
BLUEPRINT = load_blueprint(FOLDER)
TOKEN = "for-tests"
PRICE = Price(model="embedded-router-1", input=1.0, output=2.0)
Asked = TypeVar("Asked")
Found = TypeVar("Found")
Tell = Callable[..., None]
Model = OpenAIModel | AnthropicModel
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


WIRES = ["json_schema", "json_object", "openai-tool", "anthropic"]


def model_on(url: str, wire: str, *, timeout_s: float = 5.0) -> Model:
    name = PRICE.model
    if wire == "anthropic":
        choice = ModelChoice(provider="anthropic", model=name, structured="tool", idle_s=timeout_s)
        return AnthropicModel(choice, api_key="k", base_url=url, price=lambda: PRICE)
    structured = "tool" if wire == "openai-tool" else wire
    choice = ModelChoice.model_validate(
        {"provider": "openai", "model": name, "structured": structured, "idle_s": timeout_s, "logprobs": True}
    )
    return OpenAIModel(choice, api_key="k", base_url=f"{url}/v1", price=lambda: PRICE)


@asynccontextmanager
async def opened(url: str, wire: str, *, timeout_s: float = 5.0) -> AsyncIterator[Model]:
    model = model_on(url, wire, timeout_s=timeout_s)
    try:
        yield model
    finally:
        await model.aclose()


def case(text: str, **fields: object) -> CaseInput:
    policy = BLUEPRINT.case_policy(DEFAULT_TENANT)
    values = {"case_id": "case/shop/1", "source": "shop", "received_at": NOW, "policy": policy, "text": text}
    return CaseInput.model_validate(values | fields)


def question(text: str, *, name: str = "route") -> ModelRequest:
    return ModelRequest(
        tier=Tier.SMALL,
        schema_name=name,
        json_schema=route_schema([c.name for c in DEFAULT_CATEGORIES]),
        messages=[
            Message(role="system", content="Sort it."),
            Message(role="user", content=f"<ticket>\n{text}\n</ticket>"),
        ],
        max_output=64,
    )


async def run(workflow_type: str, activity: Callable[[Asked], Awaitable[Found]], argument: Asked) -> Found:
    """Run an activity as one of that workflow's."""
    environment = ActivityEnvironment()
    environment.info = type(environment.info)(**{**vars(environment.info), "workflow_type": workflow_type})
    return await environment.run(activity, argument)


def both(model: LanguageModel) -> dict[Tier, LanguageModel]:
    return {Tier.SMALL: model, Tier.LARGE: model}


async def routed(model: LanguageModel, text: str = "I was charged twice, please refund me") -> RouteResult:
    return await RouteActivities(both(model), BLUEPRINT).route_case(RouteRequest(case=case(text)))


async def claimed(model: LanguageModel, text: str, **fields: object) -> ClaimResult:
    activities = ExtractActivities(both(model), BLUEPRINT)
    return await run("BillingWorkflow", activities.extract_claim, ClaimRequest(case=case(text, **fields)))
