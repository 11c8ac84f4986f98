"""Words that rules look for in messages: lists by language, content of the blueprint (`words/LANG.toml`).

The lists of all languages are joined: nobody can tell for sure in which language a message is, and a list that is not
looked at protects nobody.
"""

import re
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, StrictStr

Phrases = tuple[StrictStr, ...]


class Words(BaseModel):
    """The words of one language, or of all of them joined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    negations: Phrases = ()  # before an amount: "minus" 20
    magnitudes: Phrases = ()  # behind an amount: 20 "thousand"
    common: Phrases = ()  # every message has them; sharing them with an article says nothing


def joined(lists: Sequence[Words]) -> Words:
    """Return the words of all languages, each once."""
    return Words(**{name: _union([getattr(words, name) for words in lists]) for name in Words.model_fields})


def lists_of(words: Words) -> dict[str, Phrases]:
    """Return all lists by their names."""
    return {name: getattr(words, name) for name in Words.model_fields}


def _union(lists: Sequence[Phrases]) -> Phrases:
    return tuple(dict.fromkeys(phrase for phrases in lists for phrase in phrases))


def any_of(words: Iterable[str]) -> str:
    r"""Return a regular expression for one of the words, as they are; of no words, one that matches nowhere.

    >>> any_of(["minus", "c.a."]), any_of([])
    ('(?:minus|c\\.a\\.)', '(?!)')
    """
    alternatives = "|".join(map(re.escape, words))
    return f"(?:{alternatives})" if alternatives else "(?!)"
