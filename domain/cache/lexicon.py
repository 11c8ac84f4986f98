"""The guard against near misses: texts that lie close together, and mean something else.

Of sentences that were negated, three in four stay as near to the original as a paraphrase does; numbers, currencies,
opposites and names are no better. So these are compared by themselves, by lists of the blueprint (`[guard]` in
`words/LANG.toml`).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

_NUMBER = re.compile(r"[^\W_]*\d[\w.,:/-]*")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})

_WORD = re.compile(r"[^\W\d_]{2,}(?:'[^\W\d_]+)?")
_NUMBER_WORD = re.compile(r"([^\W\d_]+)-?")
_DIGESTS = 4096  # so many digests of words there are: several words share each
_STEM = 6  # letters by which a word is known in its forms: "transferred", "transfers"
_SHORTEST_ROOT = 3  # "un-set"

_Term = Annotated[StrictStr, Field(pattern=r"[^\s*]")]


class GuardWords(BaseModel):
    """Words of one language, or of all of them joined; a star at an end stands for whatever the word goes on with.

    Attributes:
        negations: "not", "*n't".
        currencies: groups of words for the same one: ["euro*", "€", "eur"].
        opposites: groups of which two different ones are never the same question: ["enable*", "disable*"].
        numbers: number words, each beside its figure: ["two", "2"].
        prefixes: that turn a word into its opposite: "un".
        contrasts: words whose two sides are not exchanged: "instead of".
        common: words that say nothing of what is asked about: "please".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    negations: tuple[_Term, ...] = ()
    currencies: tuple[Annotated[tuple[_Term, ...], Field(min_length=1)], ...] = ()
    opposites: tuple[Annotated[tuple[_Term, ...], Field(min_length=2)], ...] = ()
    numbers: tuple[tuple[_Term, _Term], ...] = ()
    prefixes: tuple[_Term, ...] = ()
    contrasts: tuple[_Term, ...] = ()
    common: tuple[_Term, ...] = ()

    def plus(self, other: "GuardWords") -> "GuardWords":
        """Return the words of both."""
        both = {name: dict.fromkeys(getattr(self, name) + getattr(other, name)) for name in GuardWords.model_fields}
        return GuardWords(**{name: tuple(terms) for name, terms in both.items()})


class GuardMarks(BaseModel):
    """What the guard saw in a text, without a word of it: a digest of its numbers, places in lists of the blueprint,
    and of what it is about short digests (`words`, what is left of those with a prefix as `roots`, and those behind a
    contrast as `behind`), which many words share.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: str = ""
    negated: bool = False
    currencies: frozenset[int] = frozenset()
    opposites: frozenset[tuple[int, int]] = frozenset()
    words: frozenset[int] = frozenset()
    roots: frozenset[int] = frozenset()
    behind: frozenset[int] = frozenset()


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
        self._figures = {word.casefold(): figure for word, figure in words.numbers}
        self._prefixes = tuple(prefix.casefold() for prefix in words.prefixes)
        self._contrast = _pattern(words.contrasts)
        self._common = frozenset(term.casefold() for term in words.common)

    def marks(self, text: str) -> GuardMarks:
        """Return what counts of a text."""
        folded = " ".join(unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold().split())
        said = self._about(folded)
        behind = [match.end() for match in self._contrast.finditer(folded)]
        return GuardMarks(
            numbers=_digest(_numbers(_NUMBER_WORD.sub(self._figure, folded))),
            negated=self._negation.search(folded) is not None,
            currencies=frozenset(n for n, group in enumerate(self._currencies) if group.search(folded)),
            opposites=frozenset(
                (n, side)
                for n, group in enumerate(self._opposites)
                for side, term in enumerate(group)
                if term.search(folded)
            ),
            words=_digests(said),
            roots=_digests(
                word[len(prefix) :]
                for word in said
                for prefix in self._prefixes
                if word.startswith(prefix) and len(word) - len(prefix) >= _SHORTEST_ROOT
            ),
            behind=_digests(self._about(folded[behind[-1] :])) if behind else frozenset(),
        )

    def _about(self, folded: str) -> set[str]:
        """Return the words of a text that say what it is about."""
        known = self._common | self._figures.keys()
        return {w for w in _WORD.findall(folded) if w not in known and not self._negation.fullmatch(w)}

    def _figure(self, word: re.Match[str]) -> str:
        figure = self._figures.get(word[1])
        return word[0] if figure is None else f"{figure} "


def why_apart(one: GuardMarks, other: GuardMarks) -> str | None:
    """Return what parts two texts: numbers, currency, negation, opposites, a contrast turned round, or one word that is
    another; None where nothing does.
    """
    if one.numbers != other.numbers:
        return "numbers"
    if one.currencies != other.currencies:
        return "currency"
    if one.negated != other.negated:
        return "negation"
    groups = {group for group, _ in one.opposites} & {group for group, _ in other.opposites}
    if any(_sides(one, group) != _sides(other, group) for group in groups):
        return "opposites"
    if one.roots & (other.words - one.words) or other.roots & (one.words - other.words):
        return "opposites"
    if one.behind and (one.behind - other.behind) & other.words and (other.behind - one.behind) & one.words:
        return "contrast"
    if len(one.words - other.words) == len(other.words - one.words) == 1 and one.words & other.words:
        return "another word"
    return None


def names_another(asked: GuardMarks, agreeing: Sequence[GuardMarks]) -> bool:
    """Return whether a text has a word that none of some others has, and lacks one that they all have: however they are
    put, they may be about something else.
    """
    everywhere = frozenset[int].intersection(*(marks.words for marks in agreeing))
    anywhere = frozenset[int].union(*(marks.words for marks in agreeing))
    return bool(everywhere - asked.words and asked.words - anywhere)


def _sides(marks: GuardMarks, group: int) -> set[int]:
    return {side for of, side in marks.opposites if of == group}


def _numbers(folded: str) -> list[str]:
    """Return the numbers of a text, each once, in their order: "from 5 to 10" is not "from 10 to 5"."""
    return list(dict.fromkeys(number.rstrip(".,:/-") for number in _NUMBER.findall(folded)))


def _digests(words: Iterable[str]) -> frozenset[int]:
    """Return digests of words by their beginnings, so short that many words share one."""
    whole = (hashlib.sha256(word[:_STEM].encode("utf-8", "surrogatepass")).digest()[:4] for word in words)
    return frozenset(int.from_bytes(digest, "big") % _DIGESTS for digest in whole)


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
