"""What two blueprints differ in is said in words, money first, and nothing that differs is left out."""

from typing import Any

import pytest

from domain.blueprint import Blueprint
from domain.installation.rules import BlueprintRules, differences, rules_of
from domain.model_call import Tier
from domain.model_steps import ModelStep, StepRules
from domain.pacing.pace import IntakeRules
from domain.policy.rules import ActionPolicy
from domain.reading.knowledge import Article
from domain.repair.kinds import DocumentKind
from domain.spend.budgets import Budget, Unit
from tests.fakes.blueprint import BLUEPRINT

ARTICLE = Article(article_id="kb-1", area="billing", title="A", symptoms=["a"], cause="b", steps=["c"])


def changed(**update: Any) -> Blueprint:
    return BLUEPRINT.model_copy(update={"version": "default@other", **update})


def limits(**minor: int) -> dict[str, Any]:
    return {"refund": BLUEPRINT.refund.model_copy(update={"approval_limit_minor": minor})}


def said(now: Blueprint) -> list[str]:
    return differences(rules_of(BLUEPRINT), rules_of(now))


def test_a_limit_that_moved_is_told_as_money() -> None:
    kept = dict(BLUEPRINT.refund.approval_limit_minor)
    assert said(changed(**limits(**{**kept, "USD": 100_000}))) == [
        "limit without approval 5,000.00 USD -> 1,000.00 USD"
    ]
    assert said(changed(**limits(**{**kept, "JPY": 1}))) == ["limit without approval 750,000 JPY -> 1 JPY"]
    del kept["GBP"]
    assert said(changed(**limits(**kept))) == ["limit without approval 4,000.00 GBP -> none for GBP"]


def test_approvers_are_told_by_what_they_may() -> None:
    finance, dana = BLUEPRINT.approval.approvers
    more = [finance, dana.model_copy(update={"limit_minor": None}), dana.model_copy(update={"name": "eve"})]
    assert said(changed(approval=BLUEPRINT.approval.model_copy(update={"approvers": more}))) == [
        "approver 'dana': up to 1,000,000 minor units -> any amount",
        "approver 'eve': not entitled -> up to 1,000,000 minor units",
    ]


def test_money_stands_first_and_texts_last() -> None:
    prompts = {**BLUEPRINT.prompts, "route": "guess"}
    now = changed(**limits(USD=1), prompts=prompts, min_diagnosis_confidence=0.9, ladder_s=[1.0])
    found = said(now)
    assert found[0].startswith("limit without approval")
    assert found[-3:] == [
        'ladder_s "[60.0, 300.0, 1800.0]" -> "[1.0]"',
        "min_diagnosis_confidence 0.5 -> 0.9",
        "texts changed: prompts/route.md",
    ]


@pytest.mark.parametrize("field", [name for name in Blueprint.model_fields if name not in ("version", "name")])
def test_no_part_of_a_blueprint_may_change_in_silence(field: str) -> None:
    """A field that is new in blueprints is compared, too: the test fails if it is forgotten."""
    texts = {"prompts": {"route": "x"}, "words": BLUEPRINT.words.model_copy(update={"common": ("x",)})}
    others = {
        "categories": BLUEPRINT.categories[:1],
        "ladder_s": [1.0],
        "min_diagnosis_confidence": 0.1,
        "models": {},
        "prices": [],
        "steps": {ModelStep.ROUTE: StepRules(tier=Tier.LARGE, max_output=9)},
        "profile_steps": {"openai": {ModelStep.ROUTE: StepRules(tier=Tier.LARGE, max_output=9)}},
        "outage_s": 1.0,
        "intake": IntakeRules(per_second_max=2),
        "documents": {"form": DocumentKind.model_validate({"fields": {"city": {}}})},
        "budgets": [Budget(scope="all", cap=1, unit=Unit.TOKENS)],
        "roles": {"finance": ("ann",)},
        "policies": {"wire": ActionPolicy()},
        "letters": BLUEPRINT.letters.model_copy(update={"texts": {"en": {"frame": "x"}}}),
        **texts,
    }
    value = others.get(field)
    if value is None:
        before = getattr(BLUEPRINT, field)
        number = next(name for name, v in before if isinstance(v, int | float))
        value = before.model_copy(update={number: getattr(before, number) + 1})
    assert said(changed(**{field: value})) != []


def test_articles_are_rules_too() -> None:
    assert differences(rules_of(BLUEPRINT, [ARTICLE]), rules_of(BLUEPRINT)) == ["texts changed: knowledge.json"]
    assert differences(rules_of(BLUEPRINT), rules_of(BLUEPRINT)) == []


def test_the_digest_of_money_moves_with_money_alone() -> None:
    digest = rules_of(BLUEPRINT).money_digest
    assert rules_of(changed(prompts={"route": "guess"})).money_digest == digest
    assert rules_of(changed(**limits(USD=500_001))).money_digest != digest
    assert rules_of(changed(categories=BLUEPRINT.categories[:2])).money_digest != digest
    assert rules_of(changed(roles={"finance": ("ann",)})).money_digest != digest
    assert rules_of(changed(policies={"wire": ActionPolicy()})).money_digest != digest


def test_rules_come_back_from_the_record_as_they_went_in() -> None:
    rules = rules_of(BLUEPRINT, [ARTICLE])
    assert differences(rules, BlueprintRules.model_validate_json(rules.model_dump_json())) == []
