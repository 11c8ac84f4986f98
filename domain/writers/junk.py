"""Junk: what reaches Sales and is no inquiry, known by its own words, whatever a model made of it.

Who writes to sell to us, or the same to thousands, says so in the words of that trade: one of the list `offers`, or two
different ones of `hints`. What is mostly no language (a hand on the keyboard, filler text, code) asks for nothing, even
where a company and a number stand in it. Neither is a lead; a person may still see one in it.
"""

import re
import unicodedata
from collections import Counter

from domain.inbound.cleaned import TOKEN
from domain.reading.claim_words import any_stem, fold
from domain.reading.sales import Junk
from domain.reading.words import Words

READ_CHARS = 10_000
_HINTS_OF_OFFER = 2
_FEW_WORDS = 6  # in fewer hardly anything repeats
_LETTERS = 0.55  # of all signs are letters at least; prices and part numbers have fewer than prose
_SAME, _REPEATED = 1 / 3, 3  # so many of the words are no more one and the same
_SENTENCE = 4  # words from which on people who write in Latin letters need one of the small ones
_NOISE = 0.3  # may be noise
_FILLER = 0.3  # may be filler text
_FILLERS = 3  # different ones: "dolor" and "et" are words of living languages, too
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ROWS = ("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "qsdfghjklm", "zxcvbnm", "yxcvbnm", "wxcvbn")
_RUN = 4  # keys side by side
_RUNS = frozenset(
    keys[at : at + _RUN] for row in _ROWS for keys in (row, row[::-1]) for at in range(len(keys) - _RUN + 1)
) - {"erty", "wert"}  # "property", and German
_QUESTION = frozenset("?？؟")  # who asks wants to know something
_VOWELS = frozenset("aeiouy")
_SYLLABIC = frozenset("lr")  # Slavs do without vowels beside them: "smrt", "vlk"


class JunkSigns:
    """Reads the signs of junk by the words of a blueprint."""

    def __init__(self, words: Words) -> None:
        sales = words.sales
        self._needs = any_stem(sales.needs)
        self._offers = any_stem(sales.offers)
        self._hints = any_stem(sales.hints)
        self._fillers = frozenset(map(fold, sales.fillers))
        telling = (word for claim in words.claim.values() for word in claim.telling)
        self._small = {
            plain for plain in map(fold, (*words.common, *telling, *sales.small)) if len(plain) > 1 or plain == "i"
        }

    def verdict(self, text: str) -> Junk | None:
        """Return why a message is junk, None where it shows no sign of it; personal data are tokens by now."""
        read = TOKEN.sub(" ", text[:READ_CHARS])
        if self._is_no_language(read):
            return Junk.NO_LANGUAGE
        plain = " ".join(fold(read).split())
        hints = {found.group() for found in self._hints.finditer(plain)}
        if self._offers.search(plain) or len(hints) >= _HINTS_OF_OFFER:
            return Junk.OFFER
        return None if self._needs.search(plain) or not _QUESTION.isdisjoint(plain) else Junk.NO_NEED

    def _is_no_language(self, text: str) -> bool:
        signs = [sign for sign in text if not sign.isspace()]
        if sum(unicodedata.category(sign)[0] in "LM" for sign in signs) <= _LETTERS * len(signs):
            return True
        words = _WORD.findall(text)
        if sum(map(is_noise, words)) > _NOISE * len(words):
            return True
        said = Counter(map(fold, words))
        latin = sum(count for word, count in said.items() if word.isascii())
        if latin >= max(_SENTENCE, len(words) / 2) and self._small.isdisjoint(said):
            return True
        if len(words) < _FEW_WORDS:
            return False
        fillers = {word: said[word] for word in said.keys() & self._fillers}
        is_filler = len(fillers) >= _FILLERS and sum(fillers.values()) > _FILLER * len(words)
        return is_filler or max(said.values()) >= max(_REPEATED, _SAME * len(words))


def is_noise(word: str) -> bool:
    """Return whether a word is a hand on the keyboard: keys side by side, one letter, or no vowel.

    >>> [word for word in ("asdf", "fghfgh", "zzzz", "sdkfjh", "property", "smrt", "GmbH") if is_noise(word)]
    ['asdf', 'fghfgh', 'zzzz', 'sdkfjh']
    """
    plain = fold(word)
    if len(plain) < _RUN or not plain.isascii() or word[1:] != word[1:].lower():
        return False  # "GmbH", "HTTP"
    runs = sum(plain[at : at + _RUN] in _RUNS for at in range(len(plain) - _RUN + 1))
    if len(set(plain)) == 1 or (runs and runs + _RUN - 1 >= len(plain) / 2):
        return True
    return _VOWELS.isdisjoint(plain) and (_SYLLABIC.isdisjoint(plain) or len(plain) > _RUN + 1)
