"""What is made of models on this machine, where they are installed. Part of the composition root."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ports.models.embedding import Embedder


def open_embedder() -> "Embedder":
    """Return the embedder in use."""
    from adapters.embedding.hashed import HashedEmbedder

    return HashedEmbedder()
