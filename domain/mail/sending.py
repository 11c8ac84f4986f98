"""What a letter is sent with, and when one more to the same address is too many: two robots must not write for ever."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

CASE_HEADER = "X-Headgate-Case"
"""Stands on every letter: so one that comes back, whole or within a report, is known."""

ALWAYS_SENT = frozenset({"refund_paid", "approval_rejected", "approval_expired", "person_answer"})
"""Kinds of letter that tell of money that was moved, or of what a person decided: no limit holds them back."""

BY_A_PERSON = frozenset({"person_answer"})
DAY = timedelta(hours=24)
SAME_TEXT_WITHIN = timedelta(hours=1)


class EarlierLetter(NamedTuple):
    """A letter that was queued to the address before."""

    at: datetime
    text: str


def letter_headers(kind: str, case_id: str) -> Mapping[str, str]:
    """Return the headers that whoever sends a letter puts on it, beside its Message-ID: RFC 3834 for what no person
    wrote, and the same for servers of Microsoft Exchange.

    >>> letter_headers("refund_denied", "case/shop/evt_1")["Auto-Submitted"]
    'auto-replied'
    >>> dict(letter_headers("person_answer", "case/shop/evt_1"))
    {'X-Headgate-Case': 'case/shop/evt_1'}
    """
    ours = {CASE_HEADER: case_id}
    if kind in BY_A_PERSON:
        return ours
    return {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All", **ours}


def letters_left(kind: str, per_day: int) -> int | None:
    """Return how many letters may go to an address in a day before one of this kind is held back; None: it never is.

    >>> letters_left("refund_denied", 5), letters_left("refund_paid", 5)
    (5, None)
    """
    return None if kind in ALWAYS_SENT else per_day


def objection_to_sending(recent: Sequence[EarlierLetter], text: str, now: datetime, *, per_day: int) -> str | None:
    """Return why one more automatic letter to an address is held back, None if it may go.

    Args:
        recent: what was queued to the same address lately, in any order; what lies in the future counts too, since the
            clocks of two workers differ.
        text: of the letter that is to go.
        now: the time at which it would be queued.
        per_day: how many letters may go there within 24 hours.
    """
    of_today = [sent for sent in recent if now - sent.at < DAY]
    if len(of_today) >= per_day:
        return f"the address had its letters of a day ({per_day})"
    if any(sent.text == text and now - sent.at < SAME_TEXT_WITHIN for sent in of_today):
        return "the same text went to this address within the hour"
    return None
