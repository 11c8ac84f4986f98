"""Going through the signs of a text, and noting what was wrong with it on the way."""

import re

from domain.repair.agreeing import DocumentReading
from domain.repair.document import Damage

AHEAD = 200  # characters that are looked at to tell where a text ends
_UNSEEN = "\ufeff\u200b\u2060"


class Scanner:
    """A place in `text`, which is read from `start` up to `end`; places are those of the whole text."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text = text[:end]
        self._at = start
        self._end = end
        self._open: list[str] = []  # brackets
        self._key: str | None = None  # of the outermost object
        self.reading = DocumentReading()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _blanks(self) -> bool:
        """Go past blanks and comments; return whether there were comments."""
        commented = False
        while self._at < self._end:
            sign = self._text[self._at]
            if sign.isspace() or sign in _UNSEEN:
                if sign not in " \t\r\n":
                    self._note(Damage.CHARACTERS)
                self._at += 1
            elif self._text.startswith("/*", self._at):
                end = self._text.find("*/", self._at + 2)
                commented = True
                self._at = self._end if end < 0 else end + 2
            elif self._text.startswith("//", self._at) or (sign == "#" and self._open):
                end = self._text.find("\n", self._at)
                commented = True
                self._at = self._end if end < 0 else end
            else:
                break
        if commented:
            self._note(Damage.COMMENTS)
        return commented

    def _ahead(self, at: int) -> str:
        """Return what follows a place, without blanks and comments."""
        return self._ahead_of(self._text[at : at + AHEAD])

    @staticmethod
    def _ahead_of(following: str) -> str:
        return re.sub(r"\A(?:\s+|/\*.*?\*/|//[^\n]*)*", "", following, flags=re.DOTALL)

    def _note(self, damage: Damage) -> None:
        self.reading.damage.add(damage)

    def _doubt(self, key: str | None) -> None:
        """Doubt a field of the outermost object: `key`, or the one that is being read."""
        name = key if key is not None else self._key
        if name is not None:
            self.reading.doubted.add(name)
