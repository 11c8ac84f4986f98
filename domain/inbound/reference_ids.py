"""Ids that senders give for customers and orders: which of them may stand in histories.

An id is a name for a record, not a place for personal data: addresses, card numbers, bank accounts and social security
numbers that come in such a field are not used as ids.
"""

import re

_ID = re.compile(r"[A-Za-z0-9#][A-Za-z0-9._:/#-]{0,63}", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_SSN = re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", re.ASCII)


def usable_id(value: str | None) -> str | None:
    """Return an id that may be used and shown, or None.

    >>> usable_id("ORD-10023")
    'ORD-10023'
    >>> usable_id("4111 1111 1111 1111"), usable_id("ann@example.com"), usable_id("GB29NWBK60161331926819")
    (None, None, None)
    """
    if value is None or not _ID.fullmatch(value):
        return None
    bare = re.sub(r"[^A-Za-z0-9]", "", value)
    if _SSN.fullmatch(value) or _is_card_number(bare) or _is_iban(bare.upper()):
        return None
    return value


def _is_card_number(digits: str) -> bool:
    """Luhn (ISO/IEC 7812): one in ten numbers of that length passes, which is the price of not keeping cards."""
    if not digits.isdecimal() or not 13 <= len(digits) <= 19:
        return False
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(d), 10)) for d in even)) % 10 == 0


def _is_iban(text: str) -> bool:
    """ISO 13616: the country and check digits moved to the end, letters as numbers, modulo 97."""
    if not _IBAN.fullmatch(text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1
