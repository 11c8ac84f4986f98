"""Lexicons of phrases, names of countries, and texts made ready for them: small letters, no accents, plain apostrophes
and blanks.

The names of countries come from the CLDR tables that Babel carries, in seven languages; a few everyday ones are added.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from babel import Locale

from adapters.blueprints.words import read_words
from domain.reading.knowledge import Fitting
from domain.reading.words import Words

_RUNS_ON = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")  # scripts that are written without blanks
_BLANKS = re.compile(r"\s+")
_GAP = r"(?:[^\w.!?]+\w+){0,5}?[^\w.!?]+"  # up to five words, within a sentence
_FOLDER = Path(__file__).parent
_BLUEPRINT = Path(__file__).parents[3] / "blueprints" / "default"  # with whose words the model was measured


def folded(text: str) -> str:
    """Return the text as the lexicons are read.

    >>> folded("Zurück  à l’envoyeur")
    "zuruck a l'envoyeur"
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("’", "'").replace("ʼ", "'")
    return _BLANKS.sub(" ", "".join(c for c in plain if not unicodedata.combining(c)))


def folded_in_place(text: str) -> str:
    """Return the text folded one character for one, so that places in it are places in the text."""
    return "".join(f if len(f := folded(c)) == 1 else c for c in text)


def any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of the phrases; `*` is the rest of a word, `~` up to five words between two
    others.

    >>> bool(any_of(["charged~twice"]).search("they charged my card twice"))
    True
    """
    parts, run_on = [], []
    for phrase in phrases:
        if _RUNS_ON.match(phrase):
            run_on.append(re.escape(folded(phrase)))
            continue
        stem = phrase.endswith("*")
        escaped = re.escape(folded(phrase.rstrip("*"))).replace(r"\ ", r"\W+").replace(r"\*", r"\w*")
        escaped = escaped.replace(r"\~", _GAP).replace("'", "'?")  # people leave apostrophes out
        parts.append(escaped if stem else escaped + r"(?!\w)")
    begun = "|".join(parts) or "(?!)"
    return re.compile(rf"(?<!\w)(?:{begun})" + "".join(f"|{word}" for word in run_on))


@cache
def lexicon(name: str) -> dict[str, list[str]]:
    """Return the phrases of a lexicon of this folder by section, in the file's order.

    Raises:
        ValueError: a phrase stands before the first section.
    """
    sections: dict[str, list[str]] = {}
    phrases: list[str] | None = None
    for line in (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("["):
            phrases = sections.setdefault(text.strip("[]"), [])
        elif phrases is None:
            raise ValueError(f"{name}.txt: {text!r} stands before the first [section]")
        else:
            phrases += [phrase.strip() for phrase in text.split("|") if phrase.strip()]
    return sections


@cache
def default_words() -> Words:
    """Return the words of the default blueprint, read once."""
    return read_words(_BLUEPRINT)[0]


@cache
def fitting() -> Fitting:
    """Return how well messages fit texts, by the default blueprint's words."""
    return Fitting(default_words().common)


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
