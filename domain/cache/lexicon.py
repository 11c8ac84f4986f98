"""The guard against near misses: texts that lie close together, and mean something else.

Of sentences that were negated, three in four stay as near to the original as a paraphrase does; numbers, currencies and
opposites are no better. So these are compared by themselves, by lists of the blueprint (`[guard]` in
`words/LANG.toml`).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

_NUMBER = re.compile(r"[^\W_]*\d[\w.,:/-]*")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})

_Term = Annotated[StrictStr, Field(pattern=r"[^\s*]")]


class GuardWords(BaseModel):
    """Words of one language, or of all of them joined; a star at an end stands for whatever the word goes on with.

    Attributes:
        negations: "not", "*n't".
        currencies: groups of words for the same one: ["euro*", "€", "eur"].
        opposites: groups of which two different ones are never the same question: ["enable*", "disable*"].
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    negations: tuple[_Term, ...] = ()
    currencies: tuple[Annotated[tuple[_Term, ...], Field(min_length=1)], ...] = ()
    opposites: tuple[Annotated[tuple[_Term, ...], Field(min_length=2)], ...] = ()

    def plus(self, other: "GuardWords") -> "GuardWords":
        """Return the words of both."""
        return GuardWords(
            negations=tuple(dict.fromkeys(self.negations + other.negations)),
            currencies=tuple(dict.fromkeys(self.currencies + other.currencies)),
            opposites=tuple(dict.fromkeys(self.opposites + other.opposites)),
        )


class GuardMarks(BaseModel):
    """What the guard saw in a text, without a word of it: a digest of its numbers, and places in lists of the
    blueprint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: str = ""
    negated: bool = False
    currencies: frozenset[int] = frozenset()
    opposites: frozenset[tuple[int, int]] = frozenset()


class NearMissGuard:
    """Tells what in two close texts must not differ.

    >>> guard = NearMissGuard(GuardWords(negations=("not",), opposites=(("enable*", "disable*"),)))
    >>> why_apart(guard.marks("How do I enable it?"), guard.marks("how to disable it"))
    'opposites'
    >>> why_apart(guard.marks("How do I enable it?"), guard.marks("enabling it, how?")) is None
    True
    """

    def __init__(self, words: GuardWords) -> None:
        self._negation = _pattern(words.negations)
        self._currencies = [_pattern(group) for group in words.currencies]
        self._opposites = [[_pattern([term]) for term in group] for group in words.opposites]

    def marks(self, text: str) -> GuardMarks:
        """Return what counts of a text."""
        folded = " ".join(unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold().split())
        return GuardMarks(
            numbers=_digest(_numbers(folded)),
            negated=self._negation.search(folded) is not None,
            currencies=frozenset(n for n, group in enumerate(self._currencies) if group.search(folded)),
            opposites=frozenset(
                (n, side)
                for n, group in enumerate(self._opposites)
                for side, term in enumerate(group)
                if term.search(folded)
            ),
        )


def why_apart(one: GuardMarks, other: GuardMarks) -> str | None:
    """Return what parts two texts: numbers, currency, negation or opposites; None where nothing does."""
    if one.numbers != other.numbers:
        return "numbers"
    if one.currencies != other.currencies:
        return "currency"
    if one.negated != other.negated:
        return "negation"
    groups = {group for group, _ in one.opposites} & {group for group, _ in other.opposites}
    if any(_sides(one, group) != _sides(other, group) for group in groups):
        return "opposites"
    return None


def _sides(marks: GuardMarks, group: int) -> set[int]:
    return {side for of, side in marks.opposites if of == group}


def _numbers(folded: str) -> list[str]:
    """Return the numbers of a text, each once, in their order: "from 5 to 10" is not "from 10 to 5"."""
    return list(dict.fromkeys(number.rstrip(".,:/-") for number in _NUMBER.findall(folded)))


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16] if parts else ""


def _pattern(terms: Iterable[str]) -> re.Pattern[str]:
    alternatives = "|".join(_term(term.translate(_APOSTROPHES).casefold()) for term in terms)
    return re.compile(f"(?:{alternatives})" if alternatives else "(?!)")


def _term(term: str) -> str:
    stem = term.strip("*")
    starts = r"(?<!\w)" if stem[:1].isalnum() and not term.startswith("*") else ""
    ends = r"(?!\w)" if stem[-1:].isalnum() and not term.endswith("*") else ""
    return starts + r"\s+".join(map(re.escape, stem.split())) + ends
