"""What the headers of a reply or a refusal say of limits, sense and nonsense."""

import pytest

from adapters.models.guards.said import said_of
from domain.model_call import RateHeaders, RateWindow
from domain.pacing.limits import SaidLimits


def test_nothing_said_is_nothing() -> None:
    assert said_of(None) is None


@pytest.mark.parametrize("limit", [0, -1])
def test_nonsense_counts_as_not_said_and_less_than_nothing_left_as_nothing(limit: int) -> None:
    nonsense = RateHeaders(requests=RateWindow(limit=0), tokens=RateWindow(limit=limit, remaining=-7, reset_s=-3))
    assert said_of(nonsense) == SaidLimits(0, 0, -1, 0, 0)


def test_a_window_ends_only_where_it_is_used_up_and_of_two_the_later_one_counts() -> None:
    empty, half = RateWindow(limit=300, remaining=0, reset_s=7.5), RateWindow(limit=9000, remaining=5, reset_s=99)
    assert said_of(RateHeaders(requests=empty, tokens=half)) == SaidLimits(300, 9000, 0, 5, 7.5)
    both = RateHeaders(requests=empty, tokens=half.model_copy(update={"remaining": 0}))
    assert said_of(both) == SaidLimits(300, 9000, 0, 0, 99)
