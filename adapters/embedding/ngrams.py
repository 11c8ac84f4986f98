"""Embeddings without weights: hashed n-grams of characters, good for near-identical wording and nothing deeper.

Deterministic: the same text gives the same bytes on every machine. It knows no synonyms and no languages; whoever needs
those takes MiniLM or an embedding server.
"""

import hashlib
import unicodedata

import numpy as np
import numpy.typing as npt

DIMENSIONS = 384
_SIZES = (3, 4, 5)
_LONGEST = 8_000


def embed(text: str, dimensions: int = DIMENSIONS) -> npt.NDArray[np.float32]:
    """Return a vector of unit length; of an empty text, zeros.

    Args:
        text: read folded, at most 8,000 characters.
        dimensions: of the vector, 8 to 4,096.
    """
    folded = " ".join(unicodedata.normalize("NFKC", text[:_LONGEST]).casefold().split())
    vector = np.zeros(dimensions, dtype=np.float32)
    padded = f" {folded} "
    for size in _SIZES:
        for at in range(len(padded) - size + 1):
            digest = hashlib.blake2b(padded[at : at + size].encode("utf-8", "replace"), digest_size=8).digest()
            bucket = int.from_bytes(digest[:4], "big") % dimensions
            vector[bucket] += 1.0 if digest[4] & 1 else -1.0
    length = float(np.linalg.norm(vector))
    return vector / length if folded and length > 0 else vector * 0
