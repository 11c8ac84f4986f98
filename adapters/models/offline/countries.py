"""Names of countries as senders write them, in seven languages, and their ISO 3166-1 codes.

The names come from the CLDR tables that Babel carries; a few everyday ones are added by hand.
"""

import re
from functools import cache

from babel import Locale

from adapters.models.offline.words import folded

_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl")
_EVERYDAY = {
    "US": ("usa", "u.s.a.", "u.s.", "united states of america", "the states", "america"),
    "GB": ("uk", "u.k.", "great britain", "england", "scotland", "wales", "grossbritannien"),
    "NL": ("holland",),
    "CZ": ("czech republic",),
    "AE": ("uae",),
    "KR": ("south korea", "korea"),
}
# Names that are commoner as other words or names.
_LEFT_OUT = frozenset({"jersey", "chad", "man", "mali"})


@cache
def _names() -> tuple[re.Pattern[str], dict[str, str]]:
    codes: dict[str, str] = {}
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}:
                codes.setdefault(folded(name), code)
    codes.update({folded(name): code for code, names in _EVERYDAY.items() for name in names})
    for name in _LEFT_OUT:
        codes.pop(name, None)
    longest_first = sorted(codes, key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)"), codes


def country_in(plain: str) -> str | None:
    """Return the code of the one country that a folded text names; None if it names none or several."""
    pattern, codes = _names()
    found = {codes[name] for name in pattern.findall(plain)}
    return found.pop() if len(found) == 1 else None
