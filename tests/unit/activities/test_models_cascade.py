"""A denser model is asked where the blueprint says so, at most once, both are paid for, and the case says why."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.models import asking
from activities.models.extract import ClaimRequest, ClaimResult, ExtractActivities
from activities.models.qualify import _doubts
from activities.models.route import RouteActivities, RouteRequest, RouteResult
from domain.blueprint import Blueprint
from domain.errors import (
    BadAnswerError,
    ConfigurationError,
    HeadgateError,
    OverBudgetError,
    ToldToWaitError,
    TransientError,
    UnsupportedTaskError,
)
from domain.model_call import ModelReply, Tier, Usage
from domain.model_steps import DenserWhen, ModelStep, StepRules
from domain.money.claim import Origin
from domain.reading.answers import LeadAnswer
from domain.reading.sales import Interest
from domain.routing import BILLING, SALES, Unroutable
from tests.contracts.store_samples import case_input
from tests.fakes.blueprint import BLUEPRINT
from tests.fakes.model import FakeModel

COST = Usage(calls=1, input_tokens=100, output_tokens=10, cost_micros=56)
TEXT = "ORD-7 arrived broken, I want $20 back."


def reply(text: str, *, confidence: float | None = None, refusal: str | None = None, model: str = "m") -> ModelReply:
    return ModelReply(text=text, confidence=confidence, refusal=refusal, model=model, usage=COST)


def to(category: str, confidence: float | None = None) -> ModelReply:
    return reply(json.dumps({"route": category}), confidence=confidence)


REFUSED = reply("", refusal="I cannot say")


def with_rules(step: ModelStep, **rules: Any) -> Blueprint:
    values = {"tier": Tier.SMALL, "max_output": 77, **rules}
    return BLUEPRINT.model_copy(update={"steps": {step: StepRules.model_validate(values)}})


async def route(small: FakeModel, large: FakeModel, *reasons: DenserWhen, **more: Any) -> RouteResult:
    blueprint = with_rules(ModelStep.ROUTE, denser_when=reasons, **more)
    models = {Tier.SMALL: small, Tier.LARGE: large}
    return await RouteActivities(models, blueprint).route_case(RouteRequest(case=case_input()))


async def claim(models: Mapping[Tier, FakeModel], **rules: Any) -> ClaimResult:
    case = case_input().model_copy(update={"text": TEXT, "lang": "en"})
    reading = ExtractActivities(models, with_rules(ModelStep.CLAIM, **rules))
    return await ActivityEnvironment().run(reading.read_claim, ClaimRequest(case=case))


def claimed(order_id: str = "ORD-7", quote: str = "ORD-7 arrived broken", amount: str = "20") -> ModelReply:
    said = {
        "wants": "refund",
        "wants_quote": "I want $20 back",
        "reason": "damaged",
        "reason_quote": "arrived broken",
        "order_id": {"value": order_id, "quote": quote},
        "amount": {"value": amount, "currency": "USD", "quote": "$20"},
    }
    return reply(json.dumps(said))


ONLY = {
    DenserWhen.ABSTAINED: [REFUSED],
    DenserWhen.UNFIT: [reply("nonsense"), reply("again")],
    DenserWhen.LOW_CONFIDENCE: [to(BILLING, 0.6)],
}


@pytest.mark.parametrize("reason", ONLY)
async def test_without_rules_no_denser_model_is_asked(reason: DenserWhen) -> None:
    large = FakeModel()
    result = await route(FakeModel(*ONLY[reason], REFUSED), large)
    assert (large.asked, result.answered_by and result.answered_by.remark) in (([], ""), ([], None))


@pytest.mark.parametrize("reason", ONLY)
async def test_for_another_reason_than_those_named_none_is_asked(reason: DenserWhen) -> None:
    large = FakeModel()
    others = [r for r in ONLY if r is not reason]
    await route(FakeModel(*ONLY[reason], REFUSED), large, *others, min_confidence=0.9)
    assert large.asked == []


@pytest.mark.parametrize("reason", ONLY)
async def test_for_a_reason_that_is_named_the_denser_one_answers_and_both_are_paid_for(reason: DenserWhen) -> None:
    small, large = FakeModel(*ONLY[reason]), FakeModel(to(SALES, 0.1))
    result = await route(small, large, reason, min_confidence=0.9)
    calls = len(ONLY[reason]) + 1
    assert (result.route.category, result.route.asked, result.usage.calls) == (SALES, calls, calls)
    assert result.usage.cost_micros == COST.cost_micros * calls
    assert result.answered_by is not None
    assert (result.answered_by.tier, result.answered_by.stepped_up) == (Tier.LARGE, reason)
    assert reason.replace("_", " ") in result.answered_by.remark
    assert [r.tier for r in (*small.asked, *large.asked)] == [Tier.SMALL] * (calls - 1) + [Tier.LARGE]
    assert large.asked[0].messages == small.asked[0].messages, "it is asked afresh, not told what the first one said"
    assert {r.max_output for r in (*small.asked, *large.asked)} == {77}


async def test_a_model_that_cannot_do_the_task_is_stepped_over() -> None:
    result = await route(FakeModel(UnsupportedTaskError("422")), FakeModel(to(SALES)), DenserWhen.ABSTAINED)
    assert (result.route.category, result.usage) == (SALES, COST)


async def test_it_steps_up_once_and_never_back_to_what_was_doubted() -> None:
    """What the dense model declines goes to a person, although the small one had an answer."""
    small, large = FakeModel(to(BILLING, 0.2)), FakeModel(REFUSED, REFUSED)
    result = await route(small, large, *ONLY, min_confidence=0.9)
    assert (result.route.category, result.route.unroutable) == (None, Unroutable.ABSTAINED)
    assert (len(small.asked), len(large.asked), result.usage.calls) == (1, 2, 3)


async def test_three_answers_in_all_are_as_many_as_fit_into_a_step() -> None:
    small, large = FakeModel(reply("x"), reply("y")), FakeModel(reply("z"), to(SALES))
    result = await route(small, large, DenserWhen.UNFIT)
    assert (result.route.unroutable, len(large.asked), result.usage.calls) == (Unroutable.NOT_A_CATEGORY, 1, 3)


async def test_an_outage_of_the_denser_one_is_no_answer_of_the_small_one() -> None:
    with pytest.raises(TransientError, match="away"):
        await route(FakeModel(REFUSED), FakeModel(TransientError("away")), DenserWhen.ABSTAINED)


async def test_an_outage_is_no_reason_to_step_up() -> None:
    large = FakeModel(to(SALES))
    with pytest.raises(TransientError, match="away"):
        await route(FakeModel(TransientError("away")), large, *ONLY, min_confidence=0.9)
    assert large.asked == []


async def test_a_high_stake_is_read_by_the_denser_model_too() -> None:
    rules = {"denser_when": [DenserWhen.HIGH_STAKES]}
    small, large = FakeModel(claimed()), FakeModel(claimed())
    result = await claim({Tier.SMALL: small, Tier.LARGE: large}, **rules, high_stakes_minor={"USD": 2_000})
    assert (len(large.asked), result.usage) == (1, COST.plus(COST))
    large = FakeModel()
    result = await claim(
        {Tier.SMALL: FakeModel(claimed()), Tier.LARGE: large}, **rules, high_stakes_minor={"USD": 2_001}
    )
    assert (large.asked, result.usage) == ([], COST)


async def test_what_the_message_does_not_say_is_looked_at_again() -> None:
    guess = claimed("ORD-9", "ORD-9")
    large = FakeModel(claimed())
    models = {Tier.SMALL: FakeModel(guess), Tier.LARGE: large}
    result = await claim(models, denser_when=[DenserWhen.NO_EVIDENCE])
    assert (len(large.asked), result.claim.order_id, result.claim.order_origin) == (1, "ORD-7", Origin.QUOTED)


async def test_money_read_by_both_in_vain_is_for_a_person_and_all_of_it_is_paid_for() -> None:
    models = {Tier.SMALL: FakeModel(reply("x"), reply("y")), Tier.LARGE: FakeModel(reply("z"))}
    with pytest.raises(BadAnswerError) as caught:
        await claim(models, denser_when=[DenserWhen.UNFIT])
    assert caught.value.usage is not None
    assert caught.value.usage.calls == 3


@pytest.mark.parametrize(
    "error", [OverBudgetError("used up"), UnsupportedTaskError("422"), ConfigurationError("401"), TransientError("503")]
)
async def test_what_was_paid_before_a_call_that_was_not_answered_is_not_forgotten(error: HeadgateError) -> None:
    models = {Tier.SMALL: FakeModel(reply("x"), reply("y")), Tier.LARGE: FakeModel(error)}
    with pytest.raises(type(error)) as caught:
        await claim(models, denser_when=[DenserWhen.UNFIT])
    assert caught.value.usage == COST.plus(COST)


async def test_a_profile_without_the_first_look_is_asked_by_its_next_tier() -> None:
    small = FakeModel(claimed())
    await claim({Tier.SMALL: small, Tier.LARGE: FakeModel()}, tier=Tier.EMBEDDED)
    embedded, small = FakeModel(reply("x"), reply("y")), FakeModel(claimed())
    models = {Tier.EMBEDDED: embedded, Tier.SMALL: small, Tier.LARGE: FakeModel()}
    await claim(models, tier=Tier.EMBEDDED, denser_when=[DenserWhen.UNFIT])
    assert (len(embedded.asked), len(small.asked)) == (2, 1)


def test_a_lead_that_the_message_does_not_bear_out_is_a_doubt() -> None:
    known = LeadAnswer(
        interest=Interest.QUOTE,
        interest_quote="a quote",
        product=None,
        seats=25,
        country=None,
        urgent=False,
        company=None,
    )
    assert _doubts(known, "We want a quote for 25 seats") == []
    for said in (known.model_copy(update={"seats": 26}), known.model_copy(update={"interest_quote": "buy"})):
        assert _doubts(said, "We want a quote for 25 seats") == [DenserWhen.NO_EVIDENCE]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept, seconds; nobody really sleeps."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asking, "sleep", sleep)
    return waits


def held(wait_s: float) -> ToldToWaitError:
    return ToldToWaitError("not asked, its requests per minute are used up", wait_s, held=True)


async def test_a_further_question_waits_for_its_slot_and_the_first_is_not_paid_twice(slept: list[float]) -> None:
    small = FakeModel(reply("nonsense"), held(6.0), held(7.0), to(SALES))
    result = await route(small, FakeModel())
    assert (result.route.category, result.usage.calls, slept) == (SALES, 2, [6.0, 7.0])


@pytest.mark.parametrize("before", [[], [reply("nonsense")]])
async def test_a_first_question_and_one_that_would_wait_too_long_come_back_later(
    before: list[ModelReply], slept: list[float]
) -> None:
    with pytest.raises(ToldToWaitError):
        await route(FakeModel(*before, held(61.0 if before else 1.0)), FakeModel())
    assert slept == []


async def test_a_provider_s_own_word_to_wait_is_no_matter_of_a_slot(slept: list[float]) -> None:
    with pytest.raises(ToldToWaitError):
        await route(FakeModel(reply("nonsense"), ToldToWaitError("429", 1.0)), FakeModel())
    assert slept == []
