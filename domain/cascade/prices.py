"""Prices are dated: a call costs what the list says for its day."""

import math
from collections.abc import Sequence
from datetime import date

from domain.errors import RuleError
from domain.model_call import Price


def price_on(prices: Sequence[Price], model: str, day: date) -> Price | None:
    """Return a model's price in force on a day; None where the list has none for it.

    Of several the one that began last counts; one of the future does not, nor one whose last day (`until`) is over.
    """
    begun = [p for p in prices if p.model == model and date.fromisoformat(p.valid_from) <= day]
    newest = max(begun, key=lambda p: p.valid_from, default=None)
    over = newest is not None and newest.until is not None and date.fromisoformat(newest.until) < day
    return None if over else newest


def price_of_call(prices: Sequence[Price], model: str, day: date, known: Price) -> Price:
    """Return what a call costs that was made: the price in force, or where the list ends the last that was (`known` at
    the start): an answer that came is never free.
    """
    begun = [p for p in prices if p.model == model and date.fromisoformat(p.valid_from) <= day]
    return max(begun, key=lambda p: p.valid_from, default=known)


def check_prices(prices: Sequence[Price]) -> None:
    """Check that for each model and day there is at most one price.

    Raises:
        RuleError: a price or a date is none, a last day comes before the first, or two prices meet.
    """
    seen: dict[tuple[str, date], int] = {}
    for number, price in enumerate(prices):
        where = ("prices", number)
        if not (math.isfinite(price.input) and math.isfinite(price.output)):
            raise RuleError((*where, "input"), f"prices: {price.model!r} costs {price.input:g} and {price.output:g}")
        begins, ends = _day(price, "valid_from", number), _day(price, "until", number) if price.until else None
        if (price.model, begins) in seen:
            said = f"prices: {price.model!r} stands twice for the same day: remove one, or give one a valid_from"
            raise RuleError((*where, "model"), said)
        if ends is not None and ends < begins:
            said = f"prices: until of {price.model!r} is {ends}, before its valid_from ({begins}): name a later day"
            raise RuleError((*where, "until"), said)
        seen[price.model, begins] = number
        following = min(
            (p.valid_from for p in prices if p.model == price.model and p.valid_from > price.valid_from), default=None
        )
        if ends is not None and following is not None and following <= ends.isoformat():
            said = (
                f"prices: until of {price.model!r} is {ends}, but its next price begins on {following}: name the day "
                "before, or leave until out"
            )
            raise RuleError((*where, "until"), said)


def _day(price: Price, key: str, number: int) -> date:
    said = str(getattr(price, key))
    try:
        day = date.fromisoformat(said)
    except ValueError:
        day = None
    if day is None or day.isoformat() != said:  # dates are compared as texts, too
        message = f"prices: {key} of {price.model!r} is {said!r}, expected a date such as '2026-01-01'"
        raise RuleError(("prices", number, key), message)
    return day
