"""all-MiniLM-L6-v2 on this machine's processor, in single precision."""

import asyncio
from collections.abc import Sequence

import numpy as np

from adapters.weights.manifest import local_model
from adapters.weights.shelf import Shelf
from domain.errors import ConfigurationError

MINILM = "minilm"
MAX_TOKENS = 256  # what it was trained with; the rest of a text does not count
_MAX_CHARS = 8_000
_GRAPH = 1  # goes up when the graph changes what comes out


class MiniLMEmbedder:
    """An `Embedder` for English texts; others it puts near each other by their spelling.

    Loads about 90 MB of weights; threads may share it. One text at a time: padding would cost more than it saves.

    Args:
        shelf: where the model's files are.

    Raises:
        ConfigurationError: a file is missing or another one than that of the manifest.
    """

    def __init__(self, shelf: Shelf) -> None:
        from onnxruntime import InferenceSession, OrtValue, SessionOptions  # type: ignore[import-untyped]
        from tokenizers import Tokenizer

        from adapters.embedding.minilm_graph import WIDTH, encoder, read_safetensors

        model = local_model(MINILM)
        self.size = WIDTH
        self.name = f"{model.origin}/fp32-{_GRAPH}/{model.file('model.safetensors').sha256[:12]}"
        options = SessionOptions()
        options.intra_op_num_threads = 1  # workers are many; threads of one text would only wait for each other
        options.log_severity_level = 3  # errors
        try:
            graph, weights = encoder(read_safetensors(shelf.read(model, "model.safetensors")))
            values = [OrtValue.ortvalue_from_numpy(tensor) for tensor in weights.values()]
            options.add_external_initializers(list(weights), values)
            self._session = InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except (KeyError, ValueError) as error:
            raise ConfigurationError(f"the weights of {MINILM!r} are not as expected: {error}") from error
        self._tokenizer = Tokenizer.from_buffer(shelf.read(model, "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors; of each text the first 256 tokens count."""
        return await asyncio.to_thread(lambda: [self._one(text) for text in texts])

    def _one(self, text: str) -> list[float]:
        clear = text[:_MAX_CHARS].encode("utf-8", "replace").decode("utf-8")  # half a character would be refused
        if not clear.strip():
            return [0.0] * self.size
        ids = np.array([self._tokenizer.encode(clear).ids], np.int64)
        mean = self._session.run(["mean"], {"input_ids": ids})[0][0]
        return [float(x) for x in mean / np.linalg.norm(mean)]
