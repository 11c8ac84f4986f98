"""What no type says of a blueprint: people who may decide, names that mean one thing, prices for all models."""

from datetime import date
from typing import Any

import pytest

from domain.blueprint import Blueprint
from domain.blueprint_checks import check_approvers, check_rules
from domain.errors import RuleError
from domain.model_call import Price
from domain.money.approval import Approver
from tests.fakes.blueprint import BLUEPRINT

TODAY = date(2026, 11, 30)


def approvers(*people: tuple[str, int | None]) -> list[Approver]:
    return [Approver(name=name, limit_minor=limit) for name, limit in people]


def test_the_default_blueprint_is_sound() -> None:
    check_rules(BLUEPRINT, TODAY)


def test_a_supervisor_is_told_before_the_deadline() -> None:
    late = BLUEPRINT.model_copy(
        update={"human": BLUEPRINT.human.model_copy(update={"escalate_after_s": BLUEPRINT.human.deadline_s})}
    )
    with pytest.raises(RuleError, match="deadline"):
        check_rules(late, TODAY)


@pytest.mark.parametrize(
    ("people", "where", "said"),
    [
        ([], (), "nobody may approve anything"),
        ([("dana", 1_000_000), ("eve", 5_000)], (), "nobody may approve more than 1,000,000 minor units"),
        ([("finance", None), ("dana", 5), ("dana", 9)], (2, "name"), "'dana' stands twice"),
        ([("finance", None), ("Finance", 9)], (1, "name"), "'Finance' stands twice"),
        ([("finance ", None)], (0, "name"), "as its owner gives it"),
        ([("", None)], (0, "name"), "as its owner gives it"),
        ([("fin\u202eance", None)], (0, "name"), "as its owner gives it"),
        ([("finance", None), ("dana", 0)], (1, "limit_minor"), "up to 0"),
        ([("finance", None), ("dana", -1)], (1, "limit_minor"), "up to -1"),
    ],
)
def test_every_amount_has_somebody_who_may_approve_it(
    people: list[tuple[str, int | None]], where: tuple[Any, ...], said: str
) -> None:
    with pytest.raises(RuleError) as wrong:
        check_approvers(approvers(*people))
    assert said in str(wrong.value)
    assert wrong.value.where == ("approval", "approvers", *where)


@pytest.mark.parametrize(
    ("people", "said"),
    [(("ann", "Ann"), "'Ann' twice"), (("",), "as its owner gives it"), (("ann ",), "as its owner gives it")],
)
def test_each_member_of_a_role_has_a_name_that_can_be_given(people: tuple[str, ...], said: str) -> None:
    with pytest.raises(RuleError, match=said) as wrong:
        check_rules(BLUEPRINT.model_copy(update={"roles": {"finance": people}}), TODAY)
    assert wrong.value.where == ("roles", "finance")


def priced(*prices: Price) -> Blueprint:
    return BLUEPRINT.model_copy(update={"prices": [*BLUEPRINT.prices, *prices]})


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (Price(model="gpt-4o", input=0, output=0), "'gpt-4o' stands twice for the same day"),
        (Price(model="x", input=0, output=0, valid_from="soon"), "expected a date"),
        (Price(model="x", input=float("inf"), output=0), "costs inf"),
    ],
)
def test_prices_say_one_thing(price: Price, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        check_rules(priced(price), TODAY)


def test_a_price_may_change_on_a_day() -> None:
    check_rules(priced(Price(model="gpt-4o", input=1, output=2, valid_from="2027-01-01")), TODAY)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "dear-model"}, "'dear-model' has no price"),
        ({"model": " "}, "model is empty"),
        ({"idle_s": 601.0}, "idle_s is 601: at most 600"),
        ({"idle_s": float("inf")}, "at most 600"),
        ({"answer_s": 3601.0}, "answer_s is 3601: at most 3600"),
        ({"base_url": "localhost:8000"}, "expected an address"),
    ],
)
def test_models_of_every_profile_are_checked_not_only_those_in_use(change: dict[str, Any], said: str) -> None:
    tiers = {tier: (order[0].model_copy(update=change),) for tier, order in BLUEPRINT.models["openai"].items()}
    with pytest.raises(RuleError, match=said) as wrong:
        check_rules(BLUEPRINT.model_copy(update={"models": {**BLUEPRINT.models, "openai": tiers}}), TODAY)
    assert wrong.value.where[:3] == ("models", "openai", "small")
