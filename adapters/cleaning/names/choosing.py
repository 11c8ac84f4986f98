"""From what a model thinks of each word to the names that are taken: pure, and tested without the model.

The model takes firms, brands and months for people now and then. What stands before a word for a firm, what it calls a
name in no more than half of the places where it stands, and a surname on its own are therefore left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SURE = 0.75  # of a word that begins with a capital letter
SURE_OF_SMALL = 0.95  # of one that does not
BESIDE_A_NAME = 0.3  # of one right behind such a word
MOST_NAMES = 50  # of a message
_FEWEST_LETTERS = 2
_FIRM = re.compile(
    r"(?:['’]s)?\s+(?:bank(?:ing)?|lending|financ(?:ial|e)|inc|llc|ltd|gmbh|ag|corp|company|loans?|credit|insurance|group|capital|"
    r"services?|systems|software|cards?|stores?|shop)\b",
    re.IGNORECASE,
)
_MONTHS = frozenset({"january", "february", "march", "april", "may", "june", "july", "august"})


@dataclass(frozen=True, slots=True)
class JudgedWord:
    """A word of a text, and how sure the model is, from 0 to 1, that it is a given name or a surname."""

    start: int
    end: int
    given: float
    surname: float


def names_among(text: str, words: Sequence[JudgedWord]) -> list[str]:
    """Return the names in a text as they stand there, each once, at most 50.

    Args:
        text: as the model saw it.
        words: of the text, in order.
    """
    runs = list(_runs(text, words))
    said = [text[run[0].start : run[-1].end] for run in runs]
    rare: dict[str, bool] = {}  # by name: one that stands often is looked at once
    for name in said:
        if name.lower() not in rare:
            rare[name.lower()] = _is_rare(text, name, said)
    left_out = {
        name.lower() for run, name in zip(runs, said, strict=True) if rare[name.lower()] or _is_none(text, run, name)
    }
    return [name for name in dict.fromkeys(said) if name.lower() not in left_out][:MOST_NAMES]


def _runs(text: str, words: Sequence[JudgedWord]) -> Iterator[list[JudgedWord]]:
    """Yield words in a row, on one line, that are names."""
    run: list[JudgedWord] = []
    for word in words:
        between = text[run[-1].end : word.start] if run else ""
        beside = between == " " or (between == ". " and run[-1].end - run[-1].start == 1)  # an initial
        sure = SURE if text[word.start].isupper() else SURE_OF_SMALL
        certainty = word.given + word.surname
        if run and not (beside and certainty >= BESIDE_A_NAME):
            yield run
            run = []
        if run or certainty >= sure:
            run.append(word)
    if run:
        yield run


def _is_none(text: str, run: Sequence[JudgedWord], name: str) -> bool:
    if len(name) < _FEWEST_LETTERS or name.lower() in _MONTHS or max(word.given for word in run) < 0.5:
        return True
    return _FIRM.match(text, run[-1].end) is not None


def _is_rare(text: str, name: str, said: Sequence[str]) -> bool:
    """Return whether a name is taken for one in no more than half of the places where it stands."""
    as_word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    stands = len(as_word.findall(text))
    return stands > 1 and 2 * sum(as_word.search(other) is not None for other in said) <= stands
