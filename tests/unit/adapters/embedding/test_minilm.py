"""The encoder computes what its weights say; the model itself where it is installed."""

import json
import math
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from adapters.embedding.minilm import MINILM, MiniLMEmbedder
from adapters.embedding.minilm_graph import HEADS, LAYERS, WIDTH, Weights, encoder, read_safetensors
from adapters.weights.manifest import local_model
from adapters.weights.shelf import Shelf
from domain.errors import ConfigurationError
from tests.unit.adapters.weights.installed import shelf_with

WORDS, POSITIONS, WIDE = 20, 12, 64
Array = npt.NDArray[np.float64]


def made_up_weights() -> Weights:
    rng = np.random.default_rng(7)

    def some(*shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(0, 0.2, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": some(WORDS, WIDTH),
        "embeddings.position_embeddings.weight": some(POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": some(2, WIDTH),
    }
    shapes = {
        **{f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")},
        "attention.output.dense": (WIDTH, WIDTH), "intermediate.dense": (WIDE, WIDTH), "output.dense": (WIDTH, WIDE),
    }  # fmt: skip
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            weights[f"encoder.layer.{layer}.{name}.weight"] = some(*shape)
            weights[f"encoder.layer.{layer}.{name}.bias"] = some(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            weights[f"encoder.layer.{layer}.{name}.weight"] = some(WIDTH)
            weights[f"encoder.layer.{layer}.{name}.bias"] = some(WIDTH)
    weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"] = some(WIDTH), some(WIDTH)
    return weights


def by_hand(weights: Weights, ids: list[int]) -> Array:
    """BERT as its paper writes it, in double precision."""

    def dense(at: str, x: Array) -> Array:
        return x @ weights[f"{at}.weight"].T.astype(float) + weights[f"{at}.bias"]

    def normed(at: str, x: Array) -> Array:
        spread = np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        result: Array = (x - x.mean(-1, keepdims=True)) / spread * weights[f"{at}.weight"] + weights[f"{at}.bias"]
        return result

    def split(x: Array) -> Array:
        return x.reshape(len(ids), HEADS, -1).transpose(1, 0, 2)

    x: Array = weights["embeddings.word_embeddings.weight"][ids].astype(float)
    x += weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = normed("embeddings.LayerNorm", x + weights["embeddings.token_type_embeddings.weight"][0])
    for number in range(LAYERS):
        at = f"encoder.layer.{number}"
        query, key, value = (split(dense(f"{at}.attention.self.{part}", x)) for part in ("query", "key", "value"))
        scores = np.exp(query @ key.transpose(0, 2, 1) / math.sqrt(WIDTH / HEADS))
        mixed = (scores / scores.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(len(ids), WIDTH)
        seen = normed(f"{at}.attention.output.LayerNorm", dense(f"{at}.attention.output.dense", mixed) + x)
        wide = dense(f"{at}.intermediate.dense", seen)
        wide = wide * (1 + np.vectorize(math.erf)(wide / math.sqrt(2))) / 2
        x = normed(f"{at}.output.LayerNorm", dense(f"{at}.output.dense", wide) + seen)
    return np.asarray(x.mean(0))


def safetensors(weights: Weights) -> bytes:
    header, numbers = {}, b""
    for name, tensor in weights.items():
        data = tensor.tobytes()
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [len(numbers), len(numbers) + len(data)]}
        numbers += data
    head = json.dumps({"__metadata__": {}, **header}).encode()
    return struct.pack("<Q", len(head)) + head + numbers


@pytest.mark.parametrize("ids", [[3], [1, 5, 2], list(range(POSITIONS))])
def test_the_graph_computes_what_the_weights_say(ids: list[int]) -> None:
    from onnxruntime import InferenceSession, OrtValue, SessionOptions

    weights = made_up_weights()
    graph, outside = encoder(read_safetensors(safetensors(weights)))
    options = SessionOptions()
    options.add_external_initializers(list(outside), [OrtValue.ortvalue_from_numpy(one) for one in outside.values()])
    session = InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    (mean,) = session.run(["mean"], {"input_ids": np.array([ids], np.int64)})
    np.testing.assert_allclose(mean[0], by_hand(weights, ids), atol=1e-4)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 8, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 9) + b'{"a": 1}']
)
def test_what_is_no_safetensors_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"safetensors|JSON|Expecting|decode|delimiter"):
        read_safetensors(content)


def test_a_model_that_differs_is_not_loaded(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    place = shelf.place_of(local_model(MINILM))
    place.mkdir()
    (place / "model.safetensors").write_bytes(safetensors(made_up_weights()))
    with pytest.raises(ConfigurationError, match=r"is not loaded: sha256 .*headgate models install minilm"):
        MiniLMEmbedder(shelf)


async def test_the_model_says_of_its_own_examples_what_its_authors_say() -> None:
    """The three sentences, and the similarities, with which the model is introduced."""
    embedder = MiniLMEmbedder(shelf_with(MINILM))
    sentences = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.", " ", "\ud800 a"]
    found = np.array(await embedder.embed(sentences))
    assert found.shape == (5, embedder.size)
    near = found @ found.T
    assert [round(float(n), 4) for n in (near[0, 1], near[0, 2], near[1, 2])] == [0.6660, 0.1046, 0.1411]
    assert not found[3].any()
    assert near[4, 4] == pytest.approx(1)
    assert await embedder.embed(["word " * 10_000])
