"""Which lines of an order a customer's words mean, and what they cost: one reading, or none.

The words are data: they choose among the lines of the records and say no amount. What could mean two things, is only
touched, leaves something out or is not understood to its end has no reading here and goes to a person.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from pydantic import BaseModel, Field

from domain.money import item_words as words
from domain.money.amount import parse_amount
from domain.money.claim import Claim, Origin, Scope
from domain.money.records import MAX_LINES, LineKind, Order, OrderLine

MAX_WANTED = 20
MAX_CHARS = 300  # of one wish
MAX_WORDS = 40

_PLURALS = ("s", "n", "en", "es")
_LEAST = 3  # letters that a word has without its plural
_COUNT = re.compile(r"(?:x([0-9]{1,3})|([0-9]{1,3})x?)", re.ASCII)
_FEW = re.compile(r"[2-9]|[1-9][0-9]", re.ASCII)
_PIECES = re.compile(r"[0-9]+er|x[0-9]+|[0-9]+x", re.ASCII)


class ItemsAsked(BaseModel):
    """The lines that the words mean. `minor` is what they cost, in minor units of the order's currency."""

    minor: int = Field(ge=0)
    names: list[str] = Field(default_factory=list)


def items_asked(wanted: Sequence[str], lines: Sequence[OrderLine]) -> ItemsAsked | None:
    """Return what the customer's words mean, or None where not every one of them has a single reading.

    Args:
        wanted: what is asked for, in the customer's words; each may name several things.
        lines: of the order, as the records have them; none: they are not known.

    >>> mugs = OrderLine(name="Blue mug", quantity=3, amount_minor=3_000)
    >>> items_asked(["one of the three mugs"], [mugs])
    ItemsAsked(minor=1000, names=['Blue mug'])
    >>> items_asked(["the mugs"], [mugs]) is None
    True
    """
    if not lines or len(lines) > MAX_LINES or not 0 < len(wanted) <= MAX_WANTED:
        return None
    goods = _Goods(lines)
    units: dict[int, int] = {}
    for wish in wanted:
        meant = goods.meant(wish)
        if meant is None or any(units.get(place, count) != count for place, count in meant.items()):
            return None
        units |= meant
    chosen = [(lines[place], units[place]) for place in sorted(units)]
    minor = sum(line.amount_minor * count // line.quantity for line, count in chosen)
    return ItemsAsked(minor=minor, names=[line.name for line, _ in chosen])


class _Name:
    """The name of a line in words.

    Attributes:
        words: all that tell it apart.
        content: those of them that must all be said.
        head: the word that says what it is; None where that is not plain.
        is_pack: one unit of it is several pieces.
        pairs: words that follow each other in it.
    """

    def __init__(self, name: str) -> None:
        said = words.tokens(name)
        self.pairs = set(pairwise(said))
        self.words = {word for word in said if word not in words.SMALL and (len(word) > 1 or word.isdigit())}
        spoken = {word for word in self.words if not word[0].isdigit() and word not in words.UNITS}
        self.content = spoken or self.words
        first = [word for word in words.tokens(words.first_part(name)) if word in spoken and word not in words.LOOKS]
        self.head = first[-1] if first else None
        self.is_pack = not words.PACKS.isdisjoint(said) or any(
            _PIECES.fullmatch(word) or (_FEW.fullmatch(word) and not _is_unit(said, place))
            for place, word in enumerate(said)
        )

    def is_clear(self, said: Sequence[str]) -> bool:
        """Return whether a word that would leave us in doubt stands as in the name: "half-zip sweater"."""
        around = zip(["", *said], said, [*said[1:], ""], strict=False)
        return all(
            word not in words.UNCLEAR or (before, word) in self.pairs or (word, after) in self.pairs
            for before, word, after in around
        )


def _is_unit(said: Sequence[str], place: int) -> bool:
    """Return whether the number at a place counts litres or the like."""
    return place + 1 < len(said) and said[place + 1] in words.UNITS


class _Hit:
    """What a wish and the name of a line have in common.

    Attributes:
        said: words of the wish.
        named: words of the name.
        exact: those of the name that were not said in the singular while the name has the plural.
    """

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.named: set[str] = set()
        self.exact: set[str] = set()


class _Goods:
    """The lines of an order, by the words of their names."""

    def __init__(self, lines: Sequence[OrderLine]) -> None:
        self._lines = lines
        self._names = [_Name(line.name) for line in lines]
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, name in enumerate(self._names):
            for word in name.words:
                self._places[word].append(place)

    def meant(self, wish: str) -> dict[int, int] | None:
        """Return the places of the lines that a wish means, each with how many units of it."""
        if not wish.strip() or len(wish) > MAX_CHARS:
            return None
        said = words.tokens(wish)
        if len(said) > MAX_WORDS:
            return None
        parts = [part for part in map(words.tokens, words.parts(wish)) if not all(map(_is_beside, part))]
        whole = self._one(said, [set(part) for part in parts])
        if whole is not None or not 1 < len(parts) <= MAX_WANTED:
            return whole
        if len(parts) == 2:  # "both the jug and the lamp"
            parts = [[word for word in part if word not in words.BOTH] for part in parts]
        found: dict[int, int] = {}
        for part in parts:
            meant = self._one(part, [set(part)])
            if meant is None or any(found.get(place, count) != count for place, count in meant.items()):
                return None
            found |= meant
        return found

    def _one(self, said: Sequence[str], parts: Sequence[set[str]]) -> dict[int, int] | None:
        """Return what one wish means; a name counts only if it has a word in each of the parts."""
        of_kind = self._of_kind(said)
        if of_kind:
            return {place: self._lines[place].quantity for place in of_kind}
        hits = self._hits(said)
        known = {word for hit in hits.values() for word in hit.said} | words.KIND_WORDS.intersection(said)
        fitting = [place for place, hit in hits.items() if known <= hit.said and self._fits(place, hit, said)]
        if len(fitting) != 1:
            return None
        [place] = fitting
        hit, name, line = hits[place], self._names[place], self._lines[place]
        if any(hit.said.isdisjoint(part) for part in parts) or not name.is_clear(said) or _is_part_of_it(said, hit):
            return None
        # "one glass" of "Wine glasses": a unit of it may be a box of six.
        if (name.is_pack or line.quantity == 1) and not hit.named <= hit.exact:
            return None
        count = _how_many([word for word in said if word not in hit.said], line.quantity, is_pack=name.is_pack)
        return None if count is None else {place: count}

    def _hits(self, said: Sequence[str]) -> dict[int, _Hit]:
        hits: dict[int, _Hit] = defaultdict(_Hit)
        for word in dict.fromkeys(said):
            for named, is_exact in _forms(word):
                for place in self._places.get(named, ()):
                    hit = hits[place]
                    hit.said.add(word)
                    hit.named.add(named)
                    if is_exact:
                        hit.exact.add(named)
        return hits

    def _fits(self, place: int, hit: _Hit, said: Sequence[str]) -> bool:
        name = self._names[place]
        for looks in (words.COLOURS, words.SIZES):
            wanted, there = looks.intersection(said), looks & name.words
            if there and not wanted <= there:  # another colour is another thing
                return False
        is_whole = bool(name.content) and name.content <= hit.named
        if self._lines[place].kind in {LineKind.SHIPPING, LineKind.TAX}:
            return is_whole and len(name.content) > 1  # "the parcel" that is broken is not what "Parcel" cost
        return is_whole or (name.head is not None and name.head in hit.named)

    def _of_kind(self, wish: Sequence[str]) -> list[int]:
        """Return the lines for shipping or for tax, if the words say nothing but that."""
        said = set(wish)
        for kind, alone, beside in (
            (LineKind.SHIPPING, words.SHIPPING, words.DELIVERY),
            (LineKind.TAX, words.TAX, frozenset[str]()),
        ):
            rest = said - alone - beside - words.COST - words.SMALL
            strong = bool(said & alone) or bool(said & beside and said & words.COST)
            if not strong and not (said & (beside - words.NEVER_ALONE) and said - beside <= words.ARTICLES):
                continue
            places = [place for place, line in enumerate(self._lines) if line.kind is kind]
            if not rest:
                return places
            names = self._names
            named = [place for place in places if rest <= names[place].words and names[place].is_clear(wish)]
            return named if len(named) == 1 else []
        return []


def _is_beside(word: str) -> bool:
    """Return whether a word says how many, how much or nothing: it names no goods."""
    return word[0].isdigit() or word in words.BESIDE or bool(_COUNT.fullmatch(word))


def _is_part_of_it(said: Sequence[str], hit: _Hit) -> bool:
    """Return whether the words are about something of the thing, as the lid of a jug."""
    return any(
        word in words.OF
        and said[place] not in hit.said | words.COST | words.ASKED
        and not _is_beside(said[place])
        and not hit.said.isdisjoint(said[place + 2 :])
        for place, word in enumerate(said[1:])
    )


def _forms(word: str) -> list[tuple[str, bool]]:
    """Return the words of a name that a word of a wish may mean, and whether it does so but for its own plural."""
    forms = [(word, True)]
    for ending in _PLURALS:
        if len(word) >= _LEAST:
            forms.append((word + ending, False))
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST:
            forms.append((word.removesuffix(ending), True))
    return forms


def _how_many(said: Sequence[str], quantity: int, *, is_pack: bool) -> int | None:
    """Return the units that the words say, None where they do not say it, or say what cannot be."""
    counts: list[int] = []
    for place, word in enumerate(said):
        if word in words.BOTH and quantity != 2:
            return None
        count = quantity if word in words.ALL or word in words.BOTH else _number(said, place)
        if count is not None and (is_pack and word not in words.ALL):
            return None  # "one of the glasses": of the pack, or one of its pieces?
        if count is not None and count not in counts:
            counts.append(count)
    match counts:
        case []:
            return 1 if quantity == 1 else None
        case [count]:
            return count if 1 <= count <= quantity else None
        case [count, of] if 1 <= count < of == quantity:  # "one of the three"
            return count
    return None


def _number(said: Sequence[str], place: int) -> int | None:
    word = said[place]
    if word in words.NUMBERS:
        return words.NUMBERS[word]
    found = _COUNT.fullmatch(word)
    beside = {*said[max(place - 1, 0) : place], *said[place + 1 : place + 2]}
    if found is None or not words.MONEY.isdisjoint(beside):
        return None
    return int(found[1] or found[2])


def is_all(claim: Claim, order: Order) -> bool:
    """Return whether the amount that is asked for is no less than the order or a charge of it."""
    least = min([order.total_minor, *(charge.amount_minor for charge in order.charges)])
    return claim.amount is not None and claim.amount.minor >= least


def may_mean_one(claim: Claim, order: Order) -> bool:
    """Return whether a wish for everything may mean one thing of an order, by what else is named before it."""
    is_everything = claim.scope is Scope.ALL or (is_all(claim, order) and claim.amount_origin is Origin.GIVEN)
    pieces = sum(line.quantity for line in order.lines if line.kind in {LineKind.ITEM, LineKind.SERVICE})
    named = claim.things if pieces else claim.singled + claim.returned
    return is_everything and pieces != 1 and bool(named)


def is_told_by_records(claim: Claim, order: Order) -> bool:
    """Return whether the records tell how much is meant: every other figure is theirs, a share has one price that it
    can be of, and who wants a part names less than all.
    """
    if claim.share_bp is not None and any(charge.amount_minor != order.total_minor for charge in order.charges):
        return False  # a share of what was charged, or of what it should have cost?
    return not (claim.is_part_told and is_all(claim, order)) and _knows_figures(claim, order)


def _knows_figures(claim: Claim, order: Order) -> bool:
    """Return whether the records know every other amount that the message names."""
    amounts = [charge.amount_minor for charge in order.charges]
    back = [charge.refunded_minor for charge in order.charges]
    known = {order.total_minor, *amounts, *back, sum(amounts), sum(back), *(a - order.total_minor for a in amounts)}
    try:
        numbers = [parse_amount(number, order.currency).minor for number in claim.numbers]
    except ValueError:
        return False
    return known.issuperset([*numbers, *(figure.minor for figure in claim.figures)])
