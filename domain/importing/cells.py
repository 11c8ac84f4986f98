"""What one cell of a file may hold: each function reads a text or says what it expected and what to do."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from domain.errors import CellError
from domain.inbound.webhook import TENANT
from domain.money.amount import CURRENCIES
from domain.money.records import line_name

MAX_ID = 128  # as the sender's own: a longer one is not looked up
MAX_TEXT = 200
MAX_EMAIL = 254
MAX_COUNT = 10**8
MAX_QUANTITY = 10**6
SKEW = timedelta(days=1)
"""So far ahead of our clock a time of what has happened may lie: clocks and zones of other systems are not ours."""

Value = str | int | datetime | None


_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ](?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?))?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)
_DAYS = re.compile(r"(?P<days>[+-][0-9]{1,4}(?:\.[0-9]{1,3})?)d", re.ASCII)
_QUANTITY = re.compile(r"[0-9]{1,8}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)*")
_LANG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_TIME_EXAMPLE = "write for example '2026-03-05T14:00:00+01:00' or '2026-03-05T13:00:00Z'"


def text(raw: str) -> str:
    """Read a name or a word; blanks and joiners of any script may be in it, control characters may not."""
    return _plain(raw, MAX_TEXT, lambda sign: unicodedata.category(sign) not in _CONTROL)


def goods(raw: str) -> str:
    """Read the name of goods, which is kept short and without what could be an address."""
    name = line_name(raw)
    if not name:
        raise CellError("expected a name that can be read", "write what was bought")
    return name


def name_of(what: str) -> Callable[[str], str]:
    """Return a reader of ids, of `what` for its messages."""

    def read(raw: str) -> str:
        found = _plain(raw, MAX_ID)
        if found.startswith("#"):  # a sender's "#123" is looked up as "123"
            raise CellError(f"expected the id of {what} without '#'", "leave the sign out")
        return found

    return read


def tenant(raw: str) -> str:
    """Read a tenant, in the grammar of the webhook's field."""
    if not TENANT.fullmatch(raw):
        raise CellError("expected letters, digits, '.', '_' and '-', at most 64", "name the tenant as your source does")
    return raw


def email(raw: str) -> str:
    """Read an e-mail address."""
    found = _plain(raw, MAX_EMAIL)
    if not _EMAIL.fullmatch(found):
        raise CellError("expected one e-mail address", "write it as 'ann@example.com', or leave the cell empty")
    return found


def lang(raw: str) -> str:
    """Read a language, BCP 47."""
    if not _LANG.fullmatch(raw):
        raise CellError("expected a language code (BCP 47)", "write for example 'en' or 'de-CH'")
    return raw


def currency(raw: str) -> str:
    """Read a currency, ISO 4217."""
    if raw not in CURRENCIES:
        raise CellError("expected an ISO 4217 code in capital letters", "write for example 'USD'")
    return raw


def country(raw: str) -> str:
    """Read a country, ISO 3166."""
    if not _COUNTRY.fullmatch(raw):
        raise CellError("expected a country code of two capital letters (ISO 3166)", "write for example 'DE'")
    return raw


def country_or_all(raw: str) -> str:
    """Read a country, or the sign for all that are not named."""
    return raw if raw == "*" else country(raw)


def yes_or_no(raw: str) -> bool:
    """Read whether something is so."""
    said = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(raw.casefold())
    if said is None:
        raise CellError("expected 'true' or 'false'", "write one of them, or leave the cell empty for 'false'")
    return said


def count(raw: str) -> int:
    """Read a number of people."""
    if not raw.isascii() or not raw.isdecimal() or len(raw) > len(str(MAX_COUNT)) or int(raw) > MAX_COUNT:
        raise CellError(f"expected a whole number from 0 to {MAX_COUNT}", "write digits only")
    return int(raw)


def quantity(raw: str) -> int:
    """Read how many of an item were bought."""
    if not _QUANTITY.fullmatch(raw) or not 0 < int(raw) <= MAX_QUANTITY:
        expected = f"expected a whole number from 1 to {MAX_QUANTITY}"
        raise CellError(expected, "write 1 for what is sold by weight or length")
    return int(raw)


def one_of(words: Sequence[str]) -> Callable[[str], str]:
    """Return a reader of one of these words."""

    def read(raw: str) -> str:
        if raw not in words:
            raise CellError(f"expected one of {', '.join(words)}", "use one of these words")
        return raw

    return read


def when(raw: str, *, now: datetime, ahead: bool, relative: bool) -> datetime:
    """Read a point in time, ISO 8601 with its zone.

    Args:
        raw: the cell.
        now: the time of the import, with zone.
        ahead: whether it may lie in the future.
        relative: whether days from `now` may stand instead, as `-3d`; the samples alone do that, so as not to age.
    """
    days = _DAYS.fullmatch(raw)
    if days is not None:
        if not relative:
            raise CellError("expected a date: days from today are for the samples alone", _TIME_EXAMPLE)
        return now + timedelta(days=float(days["days"]))
    found = _TIME.fullmatch(raw)
    if found is None:
        raise CellError("expected date, time and time zone (ISO 8601)", _TIME_EXAMPLE)
    if found["clock"] is None:
        raise CellError("expected a time and its zone beside the date", _TIME_EXAMPLE)
    if found["zone"] is None:
        raise CellError("expected a time zone: 'Z' for UTC, or an offset such as '+01:00'", _TIME_EXAMPLE)
    try:
        at = datetime.fromisoformat(raw).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError("expected a date that there is", "look at day, month, hour and offset") from None
    if at.year < 1970:
        raise CellError("expected a date from 1970 on", "look at the year")
    if not ahead and at > now + SKEW:
        raise CellError("expected a time that has passed", "look at the year, and at day and month")
    return at


def _plain(raw: str, most: int, good: Callable[[str], bool] = str.isprintable) -> str:
    if len(raw) > most:
        raise CellError(f"expected at most {most} characters, found {len(raw)}", "shorten it")
    for place, sign in enumerate(raw, start=1):
        if not good(sign):
            named = unicodedata.name(sign, "a control character").lower()
            raise CellError(f"expected text, found U+{ord(sign):04X} ({named}) as character {place}", "take it out")
    return raw
