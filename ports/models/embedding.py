"""Texts as vectors whose angle says how near they are in meaning."""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns texts into vectors of one size.

    Attributes:
        name: what made the vectors, with version and digest: those of two names are never compared.
        size: how many numbers a vector has.
    """

    name: str
    size: int

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector of unit length for each text, in order; zeros for one that says nothing.

        Raises:
            TransientError: a server does not answer, or says to wait (ToldToWaitError).
            ConfigurationError: it refuses us, or its vectors have another size.
        """
        ...
