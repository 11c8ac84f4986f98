"""The second reader: what a message is about by its meaning, where a model for that is installed on this machine.

It knows English and the three queues that ship. The router's own word and this one together are surer than either, and
where they disagree that is doubt.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adapters.models.offline.router.weights import Weights, load_weights
from domain.routing import MOST_EXAMPLES
from ports.models.embedding import Embedder

HEAD = Path(__file__).with_name("meaning.npz")
LANGUAGES = frozenset({"en", "und"})

NEAR = 0.65
"""Cosine from which on a message is of the kind of an example: of messages that are not, about one in a hundred."""
_MOST_KEPT = 2_000  # vectors of examples, 1.5 kB each

Probabilities = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]


class Meant(NamedTuple):
    """What it says of a message: the probability of each label and, last, of none; the category of a near example."""

    probabilities: Probabilities
    nearest: str | None


class MeaningReader:
    """Reads messages by the vectors of one embedder.

    Args:
        embedder: the one that the head was trained with.
        head: its weights.
    """

    def __init__(self, embedder: Embedder, head: Weights) -> None:
        self._embedder = embedder
        self._head = head
        self.labels = head.labels
        self.accept_from = head.abstain_below
        self.digest = head.digest
        self._examples: dict[str, Vector] = {}

    @classmethod
    def of(cls, embedder: Embedder) -> "MeaningReader | None":
        """Return the reader of an embedder, None where its head was trained with another one.

        Raises:
            WeightsError: the head is missing, or is not that of its digest.
        """
        head = load_weights(HEAD)
        return cls(embedder, head) if head.figures["embedder"] == embedder.name else None

    async def read(self, text: str, lang: str, examples: Mapping[str, Sequence[str]] | None = None) -> Meant | None:
        """Return what it says of a message; None where it cannot tell.

        Args:
            text: of the message.
            lang: of the message.
            examples: of some categories.
        """
        if lang not in LANGUAGES:
            return None
        (found,) = await self._embedder.embed([text])
        if not any(found):
            return None
        vector = np.array(found, dtype=np.float32)
        logits = vector @ self._head.hashed + self._head.bias
        raised = np.exp(logits - logits.max())
        probabilities = np.asarray(raised / raised.sum(), dtype=np.float32)
        return Meant(probabilities, await self._nearest(vector, examples or {}))

    async def _nearest(self, vector: Vector, examples: Mapping[str, Sequence[str]]) -> str | None:
        """Return the category of the nearest example, None if none is near."""
        nearest: tuple[float, str] | None = None
        for name, texts in examples.items():
            for example in texts[:MOST_EXAMPLES]:
                nearness = float(vector @ await self._example(example))
                if nearness >= NEAR and (nearest is None or nearness > nearest[0]):
                    nearest = (nearness, name)
        return nearest[1] if nearest is not None else None

    async def _example(self, text: str) -> Vector:
        known = self._examples.get(text)
        if known is None:
            (found,) = await self._embedder.embed([text])
            known = np.array(found, dtype=np.float32)
            if len(self._examples) < _MOST_KEPT:
                self._examples[text] = known
        return known
