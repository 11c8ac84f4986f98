"""Order numbers as people type them, and which of a customer's own orders a number means.

People write "ORD–1024" with a long dash, "ord 1024", "#1024", or the digits of their own script. An order is only ever
recognised among the customer's **own** orders: whose order a number is otherwise stays unsaid.
"""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

LEAST_DIGITS = 4
"""Fewer digits do not say which order is meant once its letters are missing."""
MAX_WRITTEN = 256
"""What is longer is no order number: it is compared with nothing."""
_SOFT_HYPHEN = "\u00ad"
_MINUS = "\u2212"  # a mathematical sign to Unicode, a dash to people


class OrderMatch(NamedTuple):
    """What a number means among a customer's orders.

    Attributes:
        sure: the one order that it surely means, None if that cannot be said.
        close: orders that it may mean, the likeliest first.
    """

    sure: str | None
    close: tuple[str, ...] = ()


def fold_order_id(text: str) -> str:
    r"""Return an order number in plain signs: ASCII dashes and digits, capitals, no blanks, line breaks or `#`.

    Any other sign stays as it is: what is no order number does not become one.

    >>> fold_order_id(" ord \u2013 \uff11024\n5")
    'ORD-10245'
    """
    plain = unicodedata.normalize("NFKC", _without_soft_hyphens(text))
    folded = "".join(map(_plain_sign, plain)).upper()
    return folded.lstrip("#").rstrip(".")


def match_order(written: str, own: Sequence[str], *, whole: bool = True) -> OrderMatch:
    """Return which of a customer's orders a number means that is nobody's id as it stands.

    It is surely an order whose letters and digits are the same, or whose digits are (four or more of them) where only
    the letters before them are missing, cut short or added. Anything weaker is a proposal at most.

    Args:
        written: as the customer wrote it.
        own: ids of the customer's orders, the newest first.
        whole: `own` holds all of them; else equal digits alone say too little.

    >>> match_order("# 1024", ["ORD-1031", "ORD-1024"]).sure
    'ORD-1024'
    """
    named = _Parts.of(written)
    if not named.digits:
        return OrderMatch(None)
    parts = {order_id: _Parts.of(order_id) for order_id in own}
    same = [order_id for order_id, of in parts.items() if of.letters_and_digits == named.letters_and_digits]
    alike = [order_id for order_id, of in parts.items() if of.digits == named.digits]
    if len(same) == 1 and (named.prefix or len(named.digits) >= LEAST_DIGITS):
        return OrderMatch(same[0], tuple(alike))
    near = [order_id for order_id, of in parts.items() if order_id not in alike and _one_slip(named.digits, of.digits)]
    close = (*same, *(order_id for order_id in alike if order_id not in same), *near)
    rivals = [order_id for order_id in alike if parts[order_id].rest == named.rest or named.rest.isdecimal()]
    if whole and len(rivals) == 1 and named.means(parts[rivals[0]]):
        return OrderMatch(rivals[0], close)
    return OrderMatch(None, close)


class _Parts(NamedTuple):
    """A number without its punctuation: the letters before the first digit, and all from there on."""

    prefix: str
    rest: str

    @classmethod
    def of(cls, text: str) -> "_Parts":
        if len(text) > MAX_WRITTEN:
            return cls("", "")
        bare = "".join(sign for sign in fold_order_id(text) if sign.isalnum())
        first = next((place for place, sign in enumerate(bare) if sign.isdecimal()), len(bare))
        return cls(bare[:first], bare[first:])

    @property
    def letters_and_digits(self) -> str:
        return self.prefix + self.rest

    @property
    def digits(self) -> str:
        return "".join(sign for sign in self.rest if sign.isdecimal())

    def means(self, own: "_Parts") -> bool:
        """Whether it is the same number with other letters before it, none of which speak against it."""
        ours, theirs = self.prefix, own.prefix
        return (
            self.rest == own.rest
            and len(self.digits) >= LEAST_DIGITS
            and (ours.startswith(theirs) or theirs.startswith(ours))
        )


def _one_slip(one: str, other: str) -> bool:
    """Whether one digit was left out, added or mistyped, or two neighbours changed places, in numbers of four digits
    or more.
    """
    short, long = sorted((one, other), key=len)
    if len(short) < LEAST_DIGITS - 1 or len(long) < LEAST_DIGITS or len(long) - len(short) > 1:
        return False
    at = next((place for place, digit in enumerate(short) if digit != long[place]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    return swapped or short[at + 1 :] == long[at + 1 :]


def _without_soft_hyphens(text: str) -> str:
    """Return a text in which a soft hyphen is a dash between letters and digits, and nothing anywhere else.

    Some write it for the dash of an order number; in the middle of a word or number it only says where it may break.
    """
    if _SOFT_HYPHEN not in text:
        return text
    pieces = text.split(_SOFT_HYPHEN)
    joined = pieces[0]
    for piece in pieces[1:]:
        before, after = joined[-1:], piece[:1]
        parts = (before.isalpha() and after.isdecimal()) or (before.isdecimal() and after.isalpha())
        joined += ("-" if parts else "") + piece
    return joined


def _plain_sign(sign: str) -> str:
    if sign.isascii():
        return "" if sign.isspace() else sign
    category = unicodedata.category(sign)
    if category == "Nd":
        return str(unicodedata.decimal(sign))
    if category == "Pd" or sign == _MINUS:
        return "-"
    return "" if category in ("Cf", "Cc") or sign.isspace() else sign
