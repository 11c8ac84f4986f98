"""A denser tier is asked for a reason that the rules name, once, and never a cheaper one."""

import pytest

from domain.blueprint import Blueprint
from domain.cascade.stepping import (
    AnsweredBy,
    cheaper_when_short,
    denser_than,
    is_high,
    is_unsure,
    reason_to_step_up,
    serving,
)
from domain.model_call import Tier
from domain.model_steps import DEFAULT_STEPS, KNOWN_TO_STEP, DenserWhen, ModelStep, StepRules
from domain.money.amount import Money
from tests.fakes.blueprint import BLUEPRINT

EMBEDDED, SMALL, LARGE = Tier
BOTH = {SMALL, LARGE}


def rules(*reasons: DenserWhen, **more: object) -> StepRules:
    return StepRules.model_validate({"tier": SMALL, "max_output": 9, "denser_when": reasons, **more})


@pytest.mark.parametrize("there", [set(), {EMBEDDED}, {EMBEDDED, SMALL}])
def test_a_tier_that_is_not_there_is_never_served_by_a_cheaper_one(there: set[Tier]) -> None:
    with pytest.raises(LookupError, match="large"):
        serving(LARGE, there)


@pytest.mark.parametrize("there", [BOTH, {EMBEDDED, *BOTH}, {LARGE}])
def test_whatever_is_there_the_step_goes_up(there: set[Tier]) -> None:
    order = list(Tier)
    for tier in Tier:
        assert order.index(serving(tier, there)) >= order.index(tier)
        denser = denser_than(tier, there)
        assert denser is None or order.index(denser) > order.index(tier)
    assert denser_than(LARGE, there) is None


def test_it_is_one_step_not_two() -> None:
    assert denser_than(EMBEDDED, {EMBEDDED, *BOTH}) is SMALL
    assert denser_than(EMBEDDED, {EMBEDDED, LARGE}) is LARGE


def test_a_reason_counts_only_where_the_rules_name_it() -> None:
    assert reason_to_step_up(list(DenserWhen), ()) is None
    assert reason_to_step_up([DenserWhen.UNFIT], [DenserWhen.ABSTAINED]) is None
    assert reason_to_step_up([], list(DenserWhen)) is None
    both = [DenserWhen.HIGH_STAKES, DenserWhen.NO_EVIDENCE]
    assert reason_to_step_up(both, both) is DenserWhen.NO_EVIDENCE


@pytest.mark.parametrize(
    ("there", "more"),
    [
        ({EMBEDDED, *BOTH}, {}),
        ({EMBEDDED, *BOTH}, {"cheaper_when_short": SMALL, "tier": SMALL}),
        ({EMBEDDED, *BOTH}, {"cheaper_when_short": LARGE}),
        (BOTH, {"cheaper_when_short": EMBEDDED}),
        ({LARGE}, {"cheaper_when_short": SMALL, "tier": LARGE}),
        ({EMBEDDED, *BOTH}, {"cheaper_when_short": EMBEDDED, "denser_when": [DenserWhen.HIGH_STAKES]}),
    ],
)
def test_nothing_is_saved_unless_the_blueprint_allows_it_and_never_at_high_stakes(
    there: set[Tier], more: dict[str, object]
) -> None:
    assert cheaper_when_short(rules(**more), there) is None


def test_a_cheaper_tier_that_is_not_there_is_served_by_the_next_one_as_long_as_that_is_cheaper() -> None:
    thrifty = rules(tier=LARGE, cheaper_when_short=EMBEDDED)
    assert cheaper_when_short(thrifty, {EMBEDDED, *BOTH}) is EMBEDDED
    assert cheaper_when_short(thrifty, BOTH) is SMALL
    assert cheaper_when_short(thrifty, {LARGE}) is None


def test_no_confidence_is_no_low_one() -> None:
    limit = rules(DenserWhen.LOW_CONFIDENCE, min_confidence=0.8)
    assert not is_unsure(None, limit)
    assert is_unsure(0.79, limit)
    assert not is_unsure(0.8, limit)
    assert not is_unsure(0.0, rules())


def test_a_currency_without_a_limit_is_always_high() -> None:
    limits = {"USD": 10_000}
    assert is_high(Money(minor=10_000, currency="USD"), limits)
    assert not is_high(Money(minor=9_999, currency="USD"), limits)
    assert is_high(Money(minor=1, currency="XAU"), limits)
    assert not is_high(None, limits)


def test_people_are_told_only_what_is_unusual() -> None:
    usual = AnsweredBy(step="claim", tier=SMALL, model="m")
    assert usual.remark == ""
    out = usual.model_copy(update={"stands_in_for": "openai gpt-x"})
    assert out.remark == "claim: answered by m for openai gpt-x, which is out"
    short = usual.model_copy(update={"money_short": True})
    assert short.remark == "claim: answered by m of the tier small (a budget is nearly used up)"
    up = short.model_copy(update={"tier": LARGE, "stepped_up": DenserWhen.UNFIT})
    assert up.remark == "claim: answered by m of the tier large (unfit)"


def test_without_steps_all_is_as_it_was() -> None:
    asked = {step: (BLUEPRINT.step(step).tier, BLUEPRINT.step(step).max_output) for step in ModelStep}
    assert asked == {
        ModelStep.ROUTE: (SMALL, 64),
        ModelStep.CLAIM: (SMALL, 600),
        ModelStep.DIAGNOSIS: (LARGE, 800),
        ModelStep.ARTICLE: (LARGE, 80),
        ModelStep.LEAD: (SMALL, 300),
        ModelStep.REPLY: (LARGE, 900),
        ModelStep.REPAIR: (SMALL, 800),
    }
    assert not any(r.denser_when for r in DEFAULT_STEPS.values())
    assert set(KNOWN_TO_STEP) == set(ModelStep)


def test_a_step_that_names_one_key_keeps_the_others() -> None:
    read = Blueprint.model_validate(
        {"name": "x", "models": BLUEPRINT.models, "steps": {"claim": {"denser_when": ["unfit"]}}}
    )
    assert read.step(ModelStep.CLAIM) == StepRules(tier=SMALL, max_output=600, denser_when=(DenserWhen.UNFIT,))
    assert read.step(ModelStep.ROUTE) == DEFAULT_STEPS[ModelStep.ROUTE]
