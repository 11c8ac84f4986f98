"""Numbers a message is judged by: hashed words, word pairs, letter groups and concepts, and a mean of word vectors."""

from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt

from adapters.models.offline.router.lexicon import Lexicon

VERSION = 1
"""Goes up when a text gets other features: what was taught under another version is not used."""

BUCKETS = 1 << 16
GROUP_WEIGHTS = (1.0, 0.7, 0.7)
"""Words and pairs, letter groups, concepts: the length of each group's part of the vector."""

_MAX_WORDS = 1_500
_FRAGMENT_SIZES = (3, 4, 5)


def hashed(words: Sequence[str], lexicon: Lexicon) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return buckets and values; a feature counts once, however often it stands in the text."""
    words = words[:_MAX_WORDS]
    groups = (set(_words(words)), set(_fragments(words)), set(_concepts(lexicon.read(words).concepts)))
    buckets: list[int] = []
    values: list[float] = []
    for weight, names in zip(GROUP_WEIGHTS, groups, strict=True):
        if names:
            ids = sorted({crc32(name.encode()) % BUCKETS for name in names})
            buckets += ids
            values += [weight / len(ids) ** 0.5] * len(ids)
    return np.array(buckets, dtype=np.int64), np.array(values, dtype=np.float32)


def _words(words: Sequence[str]) -> Iterator[str]:
    for place, word in enumerate(words):
        yield "w:" + word
        if place:
            yield f"b:{words[place - 1]} {word}"


def _fragments(words: Sequence[str]) -> Iterator[str]:
    for word in set(words):
        padded = f"<{word}>"
        for size in _FRAGMENT_SIZES:
            for start in range(len(padded) - size + 1):
                yield "f:" + padded[start : start + size]


def _concepts(concepts: Sequence[str]) -> Iterator[str]:
    for place, concept in enumerate(concepts):
        yield "c:" + concept
        for other in concepts[max(0, place - 2) : place]:
            yield f"p:{min(other, concept)} {max(other, concept)}"
