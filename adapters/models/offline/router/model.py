"""The router itself: from a text to a queue, its probabilities, or no queue at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from adapters.models.offline.router.features import hashed
from adapters.models.offline.router.lexicon import Lexicon, load_lexicon
from adapters.models.offline.router.meaning import MeaningReader, Meant, Probabilities
from adapters.models.offline.router.text import plain, tokens
from adapters.models.offline.router.weights import WEIGHTS, Weights, fingerprint, load_weights
from domain.cascade.calibration import calibrated

LEVEL = "hashed-linear"
LEVEL_WITH_MEANING = "hashed-linear+minilm"
"""Named in every routing, so that a report can say which kind of model spoke."""


class Routing(NamedTuple):
    """What the router says of one message.

    `label` is None when it abstains, `best` what it would have said, `confidence` the share of such answers that is
    right, measured on messages that trained nothing; `scores` sum to 1 over the labels, as the model has them;
    `in_domain` is the probability that the message is for any of the queues.
    """

    label: str | None
    best: str
    scores: dict[str, float]
    in_domain: float
    level: str
    confidence: float


class EmbeddedRouter:
    """Routes customer messages without a network: deterministic, bounded, safe to share between threads.

    >>> EmbeddedRouter.load().route("I was charged twice for my order").label
    'Billing'
    """

    def __init__(self, weights: Weights, lexicon: Lexicon, meaning: MeaningReader | None = None) -> None:
        self._weights = weights
        self._lexicon = lexicon
        # What was taught here knows these customers; the second reader does not.
        self._meaning = meaning if weights.taught is None and meaning and meaning.labels == weights.labels else None
        self.labels = weights.labels
        self.level = LEVEL if self._meaning is None else LEVEL_WITH_MEANING
        self.fingerprint = fingerprint(weights) + (f"-{self._meaning.digest[:8]}" if self._meaning else "")
        self.figures: dict[str, Any] = weights.figures  # as training wrote them

    @classmethod
    def load(cls, path: Path | None = None) -> "EmbeddedRouter":
        """Load the weights in the package, or those at `path`; raises WeightsError if the digest differs."""
        return cls(load_weights(path or WEIGHTS), load_lexicon())

    async def meant(self, text: str, lang: str, examples: Mapping[str, Sequence[str]]) -> Meant | None:
        """Return what the second reader says of a message, None where there is none or it knows not the language."""
        return None if self._meaning is None else await self._meaning.read(text, lang, examples)

    def route(self, text: str, meant: Probabilities | None = None) -> Routing:
        """Route one message: plain text, already cleaned of HTML; `meant` is what the second reader says of it."""
        words = tokens(plain(text))
        logits = self._logits(words)
        every = _softmax(logits)
        if meant is not None and self._meaning is not None and words:
            return self._together(((every + meant) / 2).astype(np.float32), self._meaning.accept_from)
        in_domain = float(1.0 - every[-1]) if words else 0.0
        within = _softmax(logits[:-1] / self._weights.temperature)
        best = self.labels[int(within.argmax())]
        scores = {label: round(float(score), 6) for label, score in zip(self.labels, within, strict=True)}
        accepted = bool(words) and in_domain >= self._weights.abstain_below
        sure = round(calibrated(float(within.max()), self._weights.calibration), 6)
        return Routing(best if accepted else None, best, scores, round(in_domain, 6), LEVEL, sure)

    def _together(self, every: Probabilities, accept_from: float) -> Routing:
        """Route by the mean of both readers; its probabilities are honest as they are."""
        within = every[:-1] / every[:-1].sum()
        best = self.labels[int(within.argmax())]
        scores = {label: round(float(score), 6) for label, score in zip(self.labels, within, strict=True)}
        in_domain = float(1.0 - every[-1])
        label = best if in_domain >= accept_from else None
        return Routing(label, best, scores, round(in_domain, 6), LEVEL_WITH_MEANING, scores[best])

    def _logits(self, words: list[str]) -> npt.NDArray[np.float32]:
        if not words:
            return self._weights.bias
        buckets, values = hashed(words, self._lexicon)
        return np.asarray(values @ self._weights.hashed[buckets] + self._weights.bias, dtype=np.float32)


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum(), dtype=np.float32)
