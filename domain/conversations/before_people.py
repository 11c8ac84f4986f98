"""Older cases of a customer that wait for a person because they may take a wish for money back."""

import re

from domain.case import CaseInput
from domain.money.refund import Rule, ToHuman, describe

WROTE_AGAIN = "the customer wrote again"
_TAKES_BACK = (describe(ToHuman(rule=Rule.NOT_WANTED_NOW)), describe(ToHuman(rule=Rule.DISPUTE_TOLD)), WROTE_AGAIN)
_RUN = re.compile(r"[^\W_]+")


def may_take_back(told: str) -> bool:
    """Return whether people were called to a case because it may take something back, by what they were told."""
    return any(finding in told for finding in _TAKES_BACK)


def names_order(case: CaseInput, order_id: str) -> bool:
    """Return whether a case speaks of an order, in whatever spelling of its number."""
    runs = _RUN.findall(order_id.casefold())
    if not runs:
        return False
    number = re.compile(r"(?<![^\W_])" + r"[\W_]{0,3}".join(map(re.escape, runs)) + r"(?![^\W_])")
    said = (case.order_id or "", case.subject, case.text, *case.answers)
    return any(number.search(text.casefold()) for text in said)
