"""The lexicon of the trade: words of fourteen languages that mean one of some seventy concepts of the three queues."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from adapters.models.offline.router.text import fold, tokens

LEXICON = Path(__file__).with_name("lexicon.txt")
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "ar", "ru", "zh", "ja", "hi")

_MIN_STEM = 4
_COMPOUND_WORD = 9
_COMPOUND_STEM = 6
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_ARABIC_PREFIXES = ("وال", "بال", "كال", "فال", "لل", "ال", "و", "ب", "ل", "ف")


@dataclass(frozen=True)
class Reading:
    """What the lexicon found: the concepts in order, and per word the concept if the word is of another language."""

    concepts: tuple[str, ...]
    foreign: tuple[str | None, ...]


@dataclass
class Lexicon:
    """Stems and whole words with their concept; `english` tells which of them are English."""

    stems: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    pairs: dict[tuple[str, str], str] = field(default_factory=dict)
    english: set[str] = field(default_factory=set)
    wide: dict[str, str] = field(default_factory=dict)
    longest: int = 0

    def read(self, words: Sequence[str]) -> Reading:
        """Find the concept of every word, and of every two words that the lexicon joins."""
        concepts: list[str] = []
        foreign: list[str | None] = []
        for place, word in enumerate(words):
            concept, is_english = self._of(word)
            foreign.append(None if is_english else concept)
            if concept is not None:
                concepts.append(concept)
            pair = self._pair(words[place - 1], word) if place else None
            if pair is not None and pair not in concepts[-2:]:
                concepts.append(pair)
        return Reading(tuple(concepts), tuple(foreign))

    def _of(self, word: str) -> tuple[str | None, bool]:
        found = self._known(word)
        if found is None and "\u0600" <= word[0] <= "\u06ff":
            bare = next((word[len(prefix) :] for prefix in _ARABIC_PREFIXES if word.startswith(prefix)), "")
            found = self._known(bare) if len(bare) > 2 else None
        return found if found is not None else (None, True)

    def _known(self, word: str) -> tuple[str, bool] | None:
        if word in self.words:
            return self.words[word], word in self.english
        if word in self.wide:
            return self.wide[word], False
        if word[0] in self.wide:
            return self.wide[word[0]], False
        for end in range(min(len(word), self.longest), 2, -1):
            stem = word[:end]
            if stem in self.stems:
                return self.stems[stem], stem in self.english
        return self._in_compound(word) if len(word) >= _COMPOUND_WORD else None

    def _in_compound(self, word: str) -> tuple[str, bool] | None:
        for start in range(3, len(word) - _COMPOUND_STEM + 1):
            for end in range(min(len(word), start + self.longest), start + _COMPOUND_STEM - 1, -1):
                if word[start:end] in self.stems:
                    return self.stems[word[start:end]], False
        return None

    def _pair(self, first: str, second: str) -> str | None:
        for cut_first in (first, first[:5]):
            for end in range(len(second), 1, -1):
                concept = self.pairs.get((cut_first, second[:end]))
                if concept is not None:
                    return concept
        return None

    def add(self, concept: str, stem: str, *, english: bool) -> None:
        """Take in one entry of the file; the first concept that claims a stem keeps it, and English comes first."""
        exact = stem.endswith("$")
        open_end = stem.endswith("*")
        parts = tokens(fold(stem.rstrip("$*").replace("_", " ").replace("-", " ").replace("'", " ")))
        if not parts:
            return
        if len(parts) > 1:
            if any("\u3040" <= char <= "\u9fff" for char in parts[0]):
                for part in parts:
                    self.wide.setdefault(part, concept)
            else:
                self.pairs.setdefault((parts[0], parts[1]), concept)
            return
        word = parts[0]
        if any("\u3040" <= char <= "\u9fff" for char in word):
            self.wide.setdefault(word, concept)
        elif exact or (len(word) < _MIN_STEM and not open_end):
            self.words.setdefault(word, concept)
        else:
            self.stems.setdefault(word, concept)
            self.longest = max(self.longest, len(word))
        if english:
            self.english.add(word)


@cache
def load_lexicon() -> Lexicon:
    """Read the lexicon beside this module."""
    lines = LEXICON.read_text(encoding="utf-8").splitlines()
    rows = [line.partition(":") for line in lines if line and not line.startswith("#")]
    lexicon = Lexicon()
    for column in range(len(LANGUAGES)):
        for name, _, body in rows:
            cells = body.split(" / ")
            if column < len(cells):
                for stem in cells[column].split():
                    lexicon.add(name, stem, english=column == 0)
                    spelled_out = stem.casefold().translate(_UMLAUTS)
                    if spelled_out != stem.casefold():
                        lexicon.add(name, spelled_out, english=False)
    return lexicon
