"""What is not plainly a general question with one approved answer is neither kept nor served."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.blueprint import CasePolicy
from domain.cache.admission import LONGEST_CHARS, why_not_cached, why_not_kept
from domain.cache.scope import CacheScope, same_question
from domain.cascade.stepping import AnsweredBy
from domain.case import CaseInput, Machine
from domain.model_call import Tier, Usage
from domain.model_steps import CacheRule, CacheRules, MeasuredError, ModelStep

RULES = CacheRules(steps=(ModelStep.DIAGNOSIS, ModelStep.ROUTE), categories=("Technical Support",))
BY = AnsweredBy(step="diagnosis", tier=Tier.LARGE, model="gpt")


def case(**changed: Any) -> CaseInput:
    given = {
        "case_id": "case/shop/1", "source": "shop", "lang": "en", "text": "How do I reset my VPN password?",
        "received_at": datetime(2026, 11, 1, tzinfo=UTC), "policy": CasePolicy(version="v@1"), "customer_id": "C-1",
    }  # fmt: skip
    return CaseInput.model_validate(given | changed)


def test_a_short_general_question_may_be_answered_from_the_cache() -> None:
    for one in (case(), case(flags=["signature"])):
        assert why_not_cached(one, ModelStep.DIAGNOSIS, " technical support.", RULES) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"order_id": "ORD-1"},
        {"amount": "20"},
        {"text": "How do I track ORD-10023?"},
        {"text": "invoice 47 11 08 15"},
        {"subject": "customer 20231", "text": "how do I log in"},
        {"text": "write to [EMAIL_1] please"},
        {"subject": "from [NAME_2]"},
        {"text": "a" * (LONGEST_CHARS + 1)},
        {"text": "?!"},
        {"text": "I do n\u043et know how to log in"},  # a Cyrillic o
        {"answers": ["and my phone, too"]},
        {"continues": "case/shop/0"},
        {"open_about": ["case/shop/0"]},
        {"replay": 1},
        {"suspicious": True},
        {"flags": ["instruction_like"]},
        {"flags": ["signature", "quoted_history"]},
        {"edited_by": ["ops"]},
        {"machine": Machine.LIST},
        {"skip_to_human": "nothing readable"},
    ],
)
def test_whatever_may_be_somebody_s_own_or_is_odd_is_not(changed: dict[str, Any]) -> None:
    assert why_not_cached(case(**changed), ModelStep.DIAGNOSIS, "Technical Support", RULES) is not None


@pytest.mark.parametrize(
    ("step", "category", "rules"),
    [
        (ModelStep.ROUTE, "Technical Support", RULES),  # even where a blueprint names it
        (ModelStep.ARTICLE, "Technical Support", RULES),
        (ModelStep.DIAGNOSIS, "Billing", RULES),
        (ModelStep.DIAGNOSIS, "", RULES),
        (ModelStep.DIAGNOSIS, "Technical Support", CacheRules()),
    ],
)
def test_only_what_the_blueprint_names_and_an_article_answers(
    step: ModelStep, category: str, rules: CacheRules
) -> None:
    assert why_not_cached(case(), step, category, rules) is not None


@pytest.mark.parametrize(
    ("usage", "by"),
    [
        (Usage(degraded=True), BY),
        (Usage(), None),
        (Usage(), BY.model_copy(update={"stands_in_for": "gpt"})),
        (Usage(), BY.model_copy(update={"money_short": True})),
    ],
)
def test_what_another_than_the_step_s_own_model_said_is_not_kept(usage: Usage, by: AnsweredBy | None) -> None:
    assert why_not_kept(approved=True, usage=usage, by=by) is not None
    assert why_not_kept(approved=True, usage=Usage(calls=1), by=BY) is None
    assert why_not_kept(approved=False, usage=Usage(calls=1), by=BY) is not None


SCOPE = CacheScope(
    tenant="acme", locale="en", route="it", audience="web", step="diagnosis", case_rules="d@1", blueprint="d@1",
    knowledge="k", model="gpt", embedder="minilm",
)  # fmt: skip


def test_each_part_of_a_scope_is_a_wall() -> None:
    parts = {name: getattr(SCOPE, name) for name in SCOPE.__slots__}
    keys = {CacheScope(**parts | {name: "other"}).key for name in parts} | {SCOPE.key}
    assert len(keys) == len(parts) + 1


def test_no_value_of_a_part_reaches_over_into_the_next() -> None:
    parts = {name: getattr(SCOPE, name) for name in SCOPE.__slots__}
    one = CacheScope(**parts | {"tenant": "a", "locale": "b6:locale:1:c"})
    other = CacheScope(**parts | {"tenant": "a6:locale:1:b", "locale": "c"})
    assert one.key != other.key


def test_questions_are_the_same_by_case_blanks_and_forms_of_letters_alone() -> None:
    assert same_question("Ｒeset\n VPN") == same_question("reset vpn")
    assert same_question("reset vpn?") != same_question("reset vpn")


def measured(rule: CacheRule, upper: float, lang: str = "en", embedder: str = "e") -> MeasuredError:
    return MeasuredError(lang=lang, embedder=embedder, rule=rule, false_upper=upper)


def test_a_language_without_a_measured_error_is_off() -> None:
    strict = CacheRules(measured=(measured(CacheRule.STRICT, 0.005),))
    assert strict.rule_for("en", "e") is CacheRule.STRICT
    assert strict.rule_for("de", "e") is None
    assert strict.rule_for("en", "another") is None
    assert CacheRules().rule_for("en", "e") is None
    assert CacheRules(measured=(measured(CacheRule.STRICT, 0.007),)).rule_for("en", "e") is None


def test_the_worse_of_two_figures_counts_and_balanced_falls_back_to_strict() -> None:
    good, bad = measured(CacheRule.STRICT, 0.005), measured(CacheRule.STRICT, 0.02)
    assert CacheRules(measured=(good, bad)).rule_for("en", "e") is None
    balanced = CacheRules(rule=CacheRule.BALANCED, measured=(good, measured(CacheRule.BALANCED, 0.01)))
    assert balanced.rule_for("en", "e") is CacheRule.STRICT
    assert balanced.model_copy(update={"max_false_hit": 0.01}).rule_for("en", "e") is CacheRule.BALANCED


@pytest.mark.parametrize("window", [0, -1, 86_401, 31_536_000, float("nan"), float("inf")])
def test_a_window_of_nothing_or_of_more_than_a_day_is_refused(window: float) -> None:
    with pytest.raises(ValueError, match="window_s"):
        CacheRules(window_s=window)
