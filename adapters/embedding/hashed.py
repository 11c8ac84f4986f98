"""The embedder that needs no weights: hashed n-grams of characters."""

import asyncio
from collections.abc import Sequence

from adapters.embedding.ngrams import DIMENSIONS, embed

WEAK = (
    "it compares spelling, not meaning: it finds near-identical wording only, and takes a sentence with one word "
    "changed for the same"
)


class HashedEmbedder:
    """An `Embedder` that is always there, and weak (`WEAK`). The same text has the same vector on every machine."""

    name = f"hashed-ngrams-1/{DIMENSIONS}"
    size = DIMENSIONS

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors; of each text the first 8,000 characters count. Never raises."""
        return await asyncio.to_thread(lambda: [embed(text).tolist() for text in texts])
