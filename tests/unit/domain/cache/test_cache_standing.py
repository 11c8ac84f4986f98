"""Checks of hits make an answer stricter by themselves, and never laxer."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.cache.standing import AnswerStanding, checked, is_checked, upper_share
from domain.model_steps import CacheRule, CacheRules


def after(*right: bool, max_false_hit: float = 0.006) -> AnswerStanding:
    standing = AnswerStanding()
    for one in right:
        standing = checked(standing, right=one, max_false_hit=max_false_hit)
    return standing


def test_three_wrong_in_a_row_are_quarantine_for_good() -> None:
    standing = after(*[False] * 3, *[True] * 1000, max_false_hit=0.999)
    assert standing.quarantined
    assert standing.rule(CacheRule.BALANCED) is None


def test_each_wrong_one_tightens_a_step_until_the_answer_is_off() -> None:
    once, twice = after(True, False), after(True, False, True, False)
    assert once.rule(CacheRule.BALANCED) is CacheRule.STRICT
    assert once.rule(CacheRule.STRICT) is None
    assert twice.rule(CacheRule.BALANCED) is None


def test_right_ones_never_loosen_it_again() -> None:
    assert after(False, *[True] * 5000).rule(CacheRule.STRICT) is None


def test_a_wrong_one_among_very_many_is_borne() -> None:
    standing = after(*[True] * 900, False)
    assert (standing.tightened, standing.rule(CacheRule.STRICT)) == (0, CacheRule.STRICT)


@pytest.mark.parametrize("n", [0, 1, 50, 1000])
def test_without_a_wrong_one_nothing_is_tightened(n: int) -> None:
    assert after(*[True] * n).rule(CacheRule.BALANCED) is CacheRule.BALANCED


@pytest.mark.parametrize(("found", "of"), [(0, 1), (0, 59), (1, 100), (5, 50), (20, 4000), (333, 1000)])
def test_the_bound_is_that_of_clopper_and_pearson(found: int, of: int) -> None:
    upper = Fraction(upper_share(found, of))
    at_most = sum(comb(of, n) * float(upper) ** n * float(1 - upper) ** (of - n) for n in range(found + 1))
    assert at_most == pytest.approx(0.05, rel=1e-6)


@settings(deadline=None)
@given(of=st.integers(1, 800), data=st.data())
def test_the_bound_is_above_the_share_and_grows_with_it(of: int, data: st.DataObject) -> None:
    found = data.draw(st.integers(0, of - 1))
    assert found / of < upper_share(found, of) <= upper_share(found + 1, of) <= 1


def test_more_is_checked_at_the_start_and_a_try_again_draws_the_same() -> None:
    rules = CacheRules()
    cases = [f"case/shop/{n}" for n in range(4000)]

    def drawn(standing: AnswerStanding) -> list[bool]:
        return [is_checked(case, "diagnosis", standing, rules) for case in cases]

    first, later = drawn(AnswerStanding()), drawn(AnswerStanding(checks=100))
    assert 0.17 < sum(first) / 4000 < 0.23
    assert 0.01 < sum(later) / 4000 < 0.03
    assert drawn(AnswerStanding()) == first


def test_many_wrong_ones_that_are_borne_are_no_error() -> None:
    standing = AnswerStanding(checks=2_000, wrong=1_000)
    for right in (False, True, False):
        standing = checked(standing, right=right, max_false_hit=1.0)
    assert not standing.quarantined
    assert (standing.wrong, standing.checks) == (1_000, 2_003)
