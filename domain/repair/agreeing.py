"""Two readings of one broken document: where they agree it is believed, where they differ people are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.repair.document import NOTHING_READ, Damage, MendedDocument, TextPlace, same


@dataclass
class DocumentReading:
    """What one reader read; `guessed` says that it went by likelihood somewhere. As `MendedDocument` otherwise."""

    value: object = None
    damage: set[Damage] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)
    spans: dict[str, TextPlace] = field(default_factory=dict)
    guessed: bool = False


def agreed(first: DocumentReading | None, second: DocumentReading | None) -> MendedDocument:
    """Return the document of two readings, None for a reader that read nothing.

    The first reader is the strict one of the two: where they differ its reading stands, unless it guessed. All that
    differs is doubted, and so is all that only one of them could read. Never sure is what was not read by both.
    """
    chosen = first if first is not None and (second is None or not first.guessed) else second
    if chosen is None:
        return NOTHING_READ
    damage = set(chosen.damage) | (first.damage if first is not None else set())
    doubted = set(chosen.doubted) | (first.doubted & _names(chosen.value) if first is not None else set())
    if first is None or second is None:
        damage.add(Damage.AMBIGUOUS)
        doubted |= _names(chosen.value)
    elif not same(first.value, second.value):
        damage.add(Damage.AMBIGUOUS)
        doubted |= _differing(first.value, second.value) & _names(chosen.value)
    if Damage.SEVERAL in damage:  # which of them counts nobody can say
        doubted |= _names(chosen.value)
    spans = first.spans if first is not None and chosen is first else _shared(first, chosen)
    return MendedDocument(value=chosen.value, damage=frozenset(damage), doubted=frozenset(doubted), spans=dict(spans))


def _names(value: object) -> set[str]:
    return set(value) if isinstance(value, dict) else set()


def _differing(one: object, other: object) -> set[str]:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return _names(one) | _names(other)
    return {name for name in one.keys() | other.keys() if not _same_member(one, other, name)}


def _same_member(one: Mapping[str, object], other: Mapping[str, object], name: str) -> bool:
    return name in one and name in other and same(one[name], other[name])


def _shared(first: DocumentReading | None, chosen: DocumentReading) -> dict[str, TextPlace]:
    """Return the places of those fields that the first reader, who knows places, read the same way."""
    if first is None or not isinstance(first.value, dict) or not isinstance(chosen.value, dict):
        return {}
    return {name: span for name, span in first.spans.items() if _same_member(first.value, chosen.value, name)}
