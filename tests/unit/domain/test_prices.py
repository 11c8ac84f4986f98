"""A call costs what the list says for its day: not what it will cost, not nothing."""

from datetime import date

import pytest

from domain.blueprint_checks import check_prices
from domain.errors import RuleError
from domain.model_call import Price, price_of_call, price_on


def price(begins: str, dollars: float, until: str | None = None, model: str = "m") -> Price:
    return Price(model=model, input=dollars, output=dollars, valid_from=begins, until=until)


LIST = [price("2026-07-01", 2), price("2026-01-01", 1), price("2027-01-01", 3, until="2027-03-31")]


@pytest.mark.parametrize(
    ("day", "dollars"),
    [
        ("2025-12-31", None),
        ("2026-01-01", 1),
        ("2026-06-30", 1),
        ("2026-07-01", 2),
        ("2026-12-31", 2),
        ("2027-03-31", 3),
        ("2027-04-01", None),
    ],
)
def test_the_price_in_force_on_the_day_is_charged(day: str, dollars: float | None) -> None:
    found = price_on(LIST, "m", date.fromisoformat(day))
    assert (found.input if found else None) == dollars
    assert price_on(LIST, "other", date.fromisoformat(day)) is None


def test_an_answer_that_came_is_never_free() -> None:
    after = price_of_call(LIST, "m", date(2030, 1, 1), LIST[0])
    before = price_of_call(LIST, "m", date(2020, 1, 1), LIST[0])
    assert (after.input, before.input) == (3, 2)


@pytest.mark.parametrize(
    ("prices", "key", "said"),
    [
        ([price("soon", 1)], "valid_from", "expected a date"),
        ([price("20260101", 1)], "valid_from", "expected a date"),
        ([price("2026-01-01", 1, until="ever")], "until", "expected a date"),
        ([price("2026-02-01", 1, until="2026-01-31")], "until", "before its valid_from"),
        ([price("2026-01-01", 1), price("2026-01-01", 2)], "model", "twice for the same day"),
        ([price("2026-01-01", 1, until="2026-06-01"), price("2026-06-01", 2)], "until", "next price begins on 2026-06"),
        ([price("2026-06-01", 2), price("2026-01-01", 1, until="2026-06-01")], "until", "next price begins on 2026-06"),
        ([price("2026-01-01", float("inf"))], "input", "costs inf"),
        ([price("2026-01-01", 1e300)], "input", "costs 1e\\+300 a million tokens of input: at most 1e\\+06"),
        ([Price(model="m", input=1, output=float("inf"))], "output", "costs inf"),
        ([Price(model="m", input=1, output=1, cached_input=float("inf"))], "cached_input", "at most 1"),
    ],
)
def test_two_prices_for_a_day_or_none_that_can_be_read_are_refused(prices: list[Price], key: str, said: str) -> None:
    with pytest.raises(RuleError, match=said) as wrong:
        check_prices(prices)
    assert wrong.value.where[2] == key


def test_prices_that_follow_each_other_and_those_of_other_models_are_good() -> None:
    check_prices([*LIST, price("2026-01-01", 9, until="2026-12-31", model="other")])
    check_prices([price("2026-01-01", 1, until="2026-06-30"), price("2026-07-01", 2)])
