"""A document as it was read: its value, what was wrong with it, and which of its fields can be believed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.inbound.strict_json import Number


class Damage(StrEnum):
    """What was wrong with a document."""

    WRAPPED = "wrapped"  # a fence, a function call or prose around it
    WORDS = "words"  # around it, that say more than that it comes
    COMMENTS = "comments"
    PUNCTUATION = "punctuation"  # commas, colons or brackets that are missing, or too many
    QUOTES = "quotes"  # missing, single or curly ones, or quotes inside a text
    LITERALS = "literals"  # True, None, undefined, 05, .5
    NOT_FINITE = "not_finite"  # NaN, Infinity: no number
    ELLIPSIS = "ellipsis"  # "…" in place of what was left out
    CHARACTERS = "characters"  # unprintable, or escapes that stand for nothing
    TRUNCATED = "truncated"  # it ends before it is complete
    DOUBLED_KEY = "doubled_key"  # a key twice in one object, with two values
    SEVERAL = "several"  # several documents, one after the other
    AMBIGUOUS = "ambiguous"  # two readers read different things


UNSURE = frozenset(
    {
        Damage.NOT_FINITE, Damage.ELLIPSIS, Damage.TRUNCATED, Damage.DOUBLED_KEY, Damage.SEVERAL, Damage.AMBIGUOUS,
        Damage.WORDS,
    }
)  # fmt: skip
"""Damage after which something may be missing or wrong, and people are told so."""


@dataclass(frozen=True)
class TextPlace:
    """Where something stands in a text: characters from `start` up to `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class MendedDocument:
    """What was read. Numbers are `Number`s, their exact source text.

    Attributes:
        value: the document; None and `found` False where nothing can be read.
        damage: what was wrong; empty: it was strict JSON.
        doubted: fields of the outermost object whose value cannot be believed: cut off, given twice, read two ways.
        spans: where the values of the outermost object stand in the text, as far as that is known.
    """

    value: object
    found: bool = True
    damage: frozenset[Damage] = frozenset()
    doubted: frozenset[str] = frozenset()
    spans: Mapping[str, TextPlace] = field(default_factory=dict)

    @property
    def tainted(self) -> bool:
        """Whether anything was mended: what is decided on it needs a person where money moves."""
        return bool(self.damage)

    @property
    def is_sure(self) -> bool:
        """Whether nothing is missing or doubted: all that was wrong was how it was written."""
        return self.found and not self.damage & UNSURE and not self.doubted

    def told(self, known: Collection[str]) -> str:
        """Return what was wrong, for people; empty for a sound document.

        Doubted fields are named if they are `known`: what looks like a name in a broken document may be words.
        """
        said = ", ".join(str(one).replace("_", " ") for one in sorted(self.damage))
        doubted = sorted(self.doubted & frozenset(known))
        doubted += ["others"] if len(doubted) < len(self.doubted) else []
        return said + (f"; doubted: {', '.join(doubted)}" if doubted else "")


NOTHING_READ = MendedDocument(value=None, found=False, damage=frozenset({Damage.AMBIGUOUS}))


def same(one: object, other: object) -> bool:
    """Return whether two values say the same: `1.50` is `1.5`, but a number is no text and 1 is not true.

    >>> same(Number("1.50"), Number("1.5")), same(Number("1"), "1"), same(True, Number("1"))
    (True, False, False)
    """
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
        case Number(), Number():
            return one == other or _decimal(one) == _decimal(other)
    return type(one) is type(other) and one == other


def _decimal(number: Number) -> object:
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(number)
    except InvalidOperation:
        return str(number)
