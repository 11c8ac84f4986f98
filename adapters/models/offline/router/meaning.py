"""The second reader: what a message is about by its meaning, where a model for that is installed on this machine.

It knows English and the three queues that ship. The router's own word and this one together are surer than either, and
where they disagree that is doubt.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from adapters.models.offline.router.weights import Weights, load_weights
from ports.models.embedding import Embedder

HEAD = Path(__file__).with_name("meaning.npz")
LANGUAGES = frozenset({"en", "und"})

Probabilities = npt.NDArray[np.float32]


class Meaning:
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

    @classmethod
    def of(cls, embedder: Embedder) -> "Meaning | None":
        """Return the reader of an embedder, None where its head was trained with another one.

        Raises:
            WeightsError: the head is missing, or is not that of its digest.
        """
        head = load_weights(HEAD)
        return cls(embedder, head) if head.figures["embedder"] == embedder.name else None

    async def read(self, text: str, lang: str) -> Probabilities | None:
        """Return the probability of each label and, last, of none; None where it cannot tell."""
        if lang not in LANGUAGES:
            return None
        (vector,) = await self._embedder.embed([text])
        if not any(vector):
            return None
        logits = np.array(vector, dtype=np.float32) @ self._head.hashed + self._head.bias
        raised = np.exp(logits - logits.max())
        return np.asarray(raised / raised.sum(), dtype=np.float32)
