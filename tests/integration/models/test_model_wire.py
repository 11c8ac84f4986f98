"""Both official clients, through our adapters, against the offline model on a real socket.

Every way in which it can misbehave ends as the right error, as one more question, or with a person.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from activities.models.diagnose import DiagnoseActivities, DiagnoseRequest
from activities.models.route import RouteActivities, RouteRequest
from adapters.blueprints.folder import load_knowledge
from adapters.models.factory import build_models
from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.limiting import LimitedModel
from adapters.models.guards.traced import HeldCalls, TracedModel
from adapters.models.guards.watching import WatchedModel
from adapters.models.wires.anthropic import AnthropicModel
from adapters.models.wires.openai import OpenAIModel
from adapters.moods.memory import MoodsInMemory
from domain.errors import (
    BadAnswerError,
    ConfigurationError,
    HeadgateError,
    ToldToWaitError,
    TransientError,
    UnsupportedTaskError,
)
from domain.model_call import Tier
from domain.moods.waits import SPREAD_S, UNSAID_S
from domain.routing import BILLING, Unroutable
from ports.models.model import LanguageModel
from tests.integration.models.wires import (
    BLUEPRINT,
    FOLDER,
    TOKEN,
    Model,
    Tell,
    both,
    case,
    claimed,
    opened,
    question,
    routed,
    run,
)
from tests.served import Served
from workers.config.secret_files import secrets_in

# --- trouble of the provider ---


@pytest.mark.parametrize(
    ("told", "error", "waits"),
    [
        ({"mode": "429"}, ToldToWaitError, UNSAID_S),
        ({"mode": "429", "retry_after": "7"}, ToldToWaitError, 7.0),
        ({"mode": "429", "retry_after": "1.5"}, ToldToWaitError, 1.5),
        ({"mode": "429", "retry_after": "0"}, ToldToWaitError, 0.0),
        ({"mode": "429", "retry_after": "99999999999"}, ToldToWaitError, UNSAID_S),
        ({"mode": "429", "retry_after": "Fri, 31 Dec 2100 23:59:59 GMT"}, ToldToWaitError, UNSAID_S),
        ({"mode": "429", "retry_after": "Sun, 01 Jan 2023 00:00:00 GMT"}, ToldToWaitError, 0.0),
        ({"mode": "429", "retry_after": "soon"}, ToldToWaitError, UNSAID_S),
        ({"mode": "429", "code": "insufficient_quota"}, ConfigurationError, None),
        ({"mode": "500"}, TransientError, None),
        ({"mode": "hangup"}, TransientError, None),
    ],
)
async def test_trouble_of_the_provider_is_raised_at_once_as_what_it_means(
    model: LanguageModel, tell: Tell, told: dict[str, str], error: type[HeadgateError], waits: float | None
) -> None:
    if told.get("code") == "insufficient_quota" and isinstance(model, AnthropicModel):
        told = told | {"code": "enforced_spend_limit_reached"}
    tell(**told)
    with pytest.raises(error) as caught:
        await model.complete(question("I was charged twice"))
    assert type(caught.value) is error
    if isinstance(caught.value, ToldToWaitError):
        assert caught.value.wait_seconds == waits


@asynccontextmanager
async def opened_as_a_worker_does(url: str) -> AsyncIterator[Mapping[Tier, LanguageModel]]:
    models = build_models(BLUEPRINT, "offline", secrets_in({}), f"{url}/v1", MoodsInMemory())
    try:
        yield models
    finally:
        for model in models.values():
            assert isinstance(model, WatchedModel)
            wire = model.model
            while isinstance(wire, HeldCalls | LimitedModel | BudgetedModel | TracedModel):
                wire = wire.model
            assert isinstance(wire, OpenAIModel)
            await wire.aclose()


async def test_one_refusal_holds_back_the_calls_of_both_tiers_until_the_time_named(offline: str, tell: Tell) -> None:
    """The next call does not reach the server before Retry-After is over, whichever activity makes it."""
    async with opened_as_a_worker_does(offline) as models:
        router = RouteActivities(models, BLUEPRINT)
        diagnosing = DiagnoseActivities(
            models, BLUEPRINT, load_knowledge(FOLDER), answer_cache=None, article_embedder=None, unanswered=None
        )
        wanted = RouteRequest(case=case("I was charged twice, please refund me"))
        broken = DiagnoseRequest(case=case("my printer is offline and print jobs are stuck in the queue"))
        tell("429", retry_after="1")
        began = time.monotonic()
        with pytest.raises(ToldToWaitError, match="HTTP 429") as told:
            await router.route_case(wanted)
        assert 1 <= told.value.wait_seconds <= 1 + SPREAD_S
        for _ in range(3):
            with pytest.raises(ToldToWaitError, match="not asked"):
                await router.route_case(wanted)
            with pytest.raises(ToldToWaitError, match="not asked"):
                await run("TechnicalSupportWorkflow", diagnosing.diagnose, broken)
        assert time.monotonic() - began < 1, "a call that is held back fails at once"
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}) as client:
            assert (await client.get(f"{offline}/admin/misbehave")).json()["misbehaved"] == 1
        tell("none")
        await asyncio.sleep(told.value.wait_seconds)
        assert (await router.route_case(wanted)).route.category == BILLING
        assert (await run("TechnicalSupportWorkflow", diagnosing.diagnose, broken)).article is not None


async def test_the_client_never_retries_by_itself(offline: str, model: Model, tell: Tell) -> None:
    tell("500")
    with pytest.raises(TransientError):
        await model.complete(question("x"))
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}) as client:
        assert (await client.get(f"{offline}/admin/misbehave")).json()["misbehaved"] == 1


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
async def test_an_answer_that_takes_too_long_is_transient(offline: str, tell: Tell, wire: str) -> None:
    tell("latency", latency_s=2)
    async with opened(offline, wire, timeout_s=0.2) as model:
        with pytest.raises(TransientError):
            await model.complete(question("x"))


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
async def test_nobody_at_the_address_is_transient(wire: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        async with opened(f"http://127.0.0.1:{taken.getsockname()[1]}", wire) as model:
            with pytest.raises(TransientError):
                await model.complete(question("x"))


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/html", b"<html>bad gateway</html>"),
        ("application/json", b'{"choices": [}'),
        ("application/json", b"{}"),
        ("application/json", b"[]"),
        ("application/json", b"null"),
        ("application/json", b'{"id": "x", "choices": [], "content": null}'),
        ("application/json", b""),
    ],
)
async def test_a_reply_that_is_none_is_transient_whatever_a_proxy_made_of_it(
    wire: str, media_type: str, body: bytes
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    with Served(app) as served:
        async with opened(served.url, wire) as model:
            with pytest.raises(TransientError):
                await model.complete(question("x"))


async def test_a_task_that_the_model_does_not_do_says_so(model: LanguageModel) -> None:
    with pytest.raises(UnsupportedTaskError, match="unsupported_task"):
        await model.complete(question("translate this", name="translation"))


# --- answers that do not fit ---


@pytest.mark.parametrize("mode", ["cut", "malformed", "wrong_enum", "empty", "two_objects", "huge"])
async def test_a_route_that_does_not_fit_is_asked_once_more_and_then_left_to_a_person(
    model: LanguageModel, tell: Tell, mode: str
) -> None:
    tell(mode)
    result = await routed(model)
    assert (result.route.category, result.route.unroutable) == (None, Unroutable.NOT_A_CATEGORY)
    assert (result.route.asked, result.usage.calls) == (2, 2)
    tell(mode, count=1)
    result = await routed(model)
    assert (result.route.category, result.route.asked, result.usage.calls) == (BILLING, 2, 2)


async def test_a_refusal_leaves_the_route_to_a_person(model: LanguageModel, tell: Tell) -> None:
    tell("refuse")
    assert (await routed(model)).route.unroutable is Unroutable.ABSTAINED


@pytest.mark.parametrize("mode", ["cut", "malformed", "wrong_enum", "empty", "two_objects", "huge", "refuse"])
async def test_a_claim_that_does_not_fit_fails_after_the_second_answer_and_says_what_it_cost(
    model: LanguageModel, tell: Tell, mode: str
) -> None:
    tell(mode, for_schema="claim")
    with pytest.raises(BadAnswerError) as caught:
        await claimed(model, "refund $20 for order ORD-1")
    assert caught.value.usage is not None
    assert caught.value.usage.calls == 2
    assert caught.value.usage.cost_micros > 0
    tell(mode, for_schema="claim", count=1)
    assert (await claimed(model, "refund $20 for order ORD-1")).usage.calls == 2


async def test_a_nan_amount_is_never_money(model: LanguageModel, tell: Tell) -> None:
    tell("nan_amount")
    claim = (await claimed(model, "refund $20 for order ORD-1")).claim
    assert (claim.amount, claim.unreadable) == (None, ["amount"])
    activities = DiagnoseActivities(
        both(model), BLUEPRINT, load_knowledge(FOLDER), answer_cache=None, article_embedder=None, unanswered=None
    )
    asked = DiagnoseRequest(case=case("my printer is offline and print jobs are stuck"))
    with pytest.raises(BadAnswerError):  # a confidence that is NaN
        await run("TechnicalSupportWorkflow", activities.diagnose, asked)
