"""An answer is reused only where several near questions agree on it, and nothing speaks against it."""

import math
from typing import Any

import pytest

from domain.cache.lexicon import GuardMarks
from domain.cache.neighbours import AnsweredQuestion, CacheDecision, NearQuestion, decide_reuse
from domain.model_steps import CACHE_WINDOW_S, CacheRule

NOW = 1_800_000_000.0
PLAIN = GuardMarks()


def near(
    cosine: float, answer: str = "vpn@1", customer: str = "", *, age_s: float = 60.0, lasts_s: float = CACHE_WINDOW_S
) -> NearQuestion:
    near.count += 1  # type: ignore[attr-defined]
    number: int = near.count  # type: ignore[attr-defined]
    question = AnsweredQuestion(
        entry_id=f"e{number}",
        answer=answer,
        customer=customer or f"c{number}",
        created_s=NOW - age_s,
        expires_s=NOW - age_s + lasts_s,
        marks=PLAIN,
        cost_micros=number,
        tokens=100,
    )
    return NearQuestion(question=question, cosine=cosine)


near.count = 0  # type: ignore[attr-defined]


def agreed(n: int = 5, cosine: float = 0.9) -> list[NearQuestion]:
    return [near(cosine - i / 100) for i in range(n)]


def decided(
    found: list[NearQuestion],
    rule: CacheRule = CacheRule.STRICT,
    asked: GuardMarks = PLAIN,
    window_s: float = CACHE_WINDOW_S,
) -> CacheDecision:
    return decide_reuse(found, asked, rule, now_s=NOW, window_s=window_s)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_too_few_questions_answer_nothing(n: int) -> None:
    assert decided(agreed(n, 1.0)).answer is None


def test_four_of_five_is_enough_and_three_is_not() -> None:
    found = agreed(4)
    assert decided(found).answer == "vpn@1"
    other = near(0.70, "mail@1")
    assert decided([*found, other]).answer == "vpn@1"
    assert decided([*agreed(3), other, near(0.69, "mail@1")]).why == "too few agree"


@pytest.mark.parametrize(
    ("rule", "cosine", "hit"),
    [
        (CacheRule.STRICT, 0.7999, False),
        (CacheRule.STRICT, 0.80, True),
        (CacheRule.BALANCED, 0.7499, False),
        (CacheRule.BALANCED, 0.75, True),
    ],
)
def test_the_threshold_is_met_or_not(rule: CacheRule, cosine: float, *, hit: bool) -> None:
    decision = decided(agreed(cosine=cosine), rule)
    assert (decision.answer is not None) is hit
    assert decision.why == ("hit" if hit else "too far")


@pytest.mark.parametrize(("rule", "other"), [(CacheRule.STRICT, 0.781), (CacheRule.BALANCED, 0.801)])
def test_another_answer_that_is_as_near_stops_it_however_far_down_it_stands(rule: CacheRule, other: float) -> None:
    found = [near(0.9) for _ in range(5)]
    assert decided([*found, near(other, "mail@1")], rule).why == "another answer is as near"
    assert decided([*found, near(other - 0.01, "mail@1")], rule).answer == "vpn@1"


@pytest.mark.parametrize(
    ("rule", "other", "hit"),
    [
        (CacheRule.STRICT, 0.651, False),
        (CacheRule.STRICT, 0.649, True),
        (CacheRule.BALANCED, 0.691, False),
        (CacheRule.BALANCED, 0.689, True),
    ],
)
def test_one_near_question_with_far_ones_behind_it_is_one_witness(rule: CacheRule, other: float, *, hit: bool) -> None:
    found = [near(0.9), near(0.7), near(0.7), near(0.7), near(other, "mail@1")]  # 0.75 on average
    decision = decided(found, rule)
    assert (decision.answer is not None) is hit
    assert decision.why == ("hit" if hit else "another answer is as near as most that agree")


def test_what_has_another_answer_is_none_of_those_that_agree() -> None:
    assert decided([*agreed(4, 0.80), near(0.67, "mail@1")]).answer == "vpn@1"


def test_another_version_is_another_answer() -> None:
    assert decided([*agreed(), near(0.9, "vpn@2")]).answer is None


@pytest.mark.parametrize(
    "spoilt",
    [{"age_s": CACHE_WINDOW_S}, {"age_s": 60.0, "lasts_s": 60.0}, {"age_s": -1.0}, {"age_s": 10 * CACHE_WINDOW_S}],
)
def test_what_is_over_or_of_the_future_counts_for_nothing(spoilt: dict[str, Any]) -> None:
    assert decided([near(0.95, **spoilt) for _ in range(5)]).why == "nothing near"


def test_a_window_that_became_shorter_holds_for_what_was_kept_before() -> None:
    found = [near(0.9, age_s=100.0) for _ in range(5)]
    assert decided(found, window_s=101.0).answer is not None
    assert decided(found, window_s=100.0).answer is None


def test_one_customer_cannot_plant_an_answer() -> None:
    planted = [near(0.95, customer="eve") for _ in range(5)]
    assert decided(planted).why == "on probation"
    assert decided([*planted[:4], near(0.94, customer="ann")]).answer == "vpn@1"


def test_unknown_senders_vouch_for_nothing() -> None:
    found = agreed()
    for one in found[1:]:
        one.question.customer = ""
    assert decided(found).why == "on probation"


def test_what_parts_it_from_some_and_not_from_others_makes_no_difference() -> None:
    found = agreed()
    found[3].question.marks = GuardMarks(negated=True)
    assert decided(found, asked=GuardMarks(negated=True)).answer == "vpn@1"
    assert decided(found, asked=GuardMarks(negated=True, numbers="ab")).answer is None


def test_a_negation_that_only_another_answer_has_opens_nothing() -> None:
    other = near(0.6, "mail@1")
    other.question.marks = GuardMarks(negated=True)
    assert decided([*agreed(4), other], asked=GuardMarks(negated=True)).why == "near miss: negation"


def test_a_near_miss_of_all_is_a_miss() -> None:
    assert decided(agreed(), asked=GuardMarks(negated=True)).why == "near miss: negation"
    assert decided(agreed(), asked=GuardMarks(numbers="ab")).why == "near miss: numbers"


def test_a_word_that_none_of_those_that_agree_has_in_place_of_one_of_all_is_a_near_miss() -> None:
    found = agreed(4)
    for number, one in enumerate(found):  # put in four ways, each two words and more apart
        one.question.marks = GuardMarks(words=frozenset({1, 10 + number, 20 + number}))
    assert decided(found, asked=GuardMarks(words=frozenset({2, 10, 11}))).why == "near miss: another word"
    assert decided(found, asked=GuardMarks(words=frozenset({1, 2, 10, 11}))).answer == "vpn@1"
    assert decided(found, asked=GuardMarks(words=frozenset({10, 11}))).answer == "vpn@1"


def test_no_number_is_near() -> None:
    assert decided([near(math.nan) for _ in range(5)]).answer is None


def test_a_hit_says_what_it_relies_on_and_what_it_saved() -> None:
    found = agreed()
    decision = decided([*found[::-1], near(0.5, "mail@1")])
    assert (decision.answer, decision.agree, decision.cosine, decision.margin) == ("vpn@1", 5, 0.9, 0.4)
    assert (decision.saved_micros, decision.saved_tokens) == (found[0].question.cost_micros, 100)
    assert decided(found[:3]).saved_tokens == 0
