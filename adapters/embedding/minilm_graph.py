"""The encoder of MiniLM (BERT: 6 layers, 12 heads, 384 wide) as an ONNX graph, built from its weights as they were
published: nobody's re-export has to be trusted.

The graph takes the tokens of one text, without padding, and returns the mean of their vectors.
"""

import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

LAYERS, HEADS, WIDTH = 6, 12, 384
OPSET, IR = 20, 10
_EPSILON = 1e-12
_EMBEDDINGS = ("embeddings.word_embeddings", "embeddings.position_embeddings", "embeddings.token_type_embeddings")

Weights = dict[str, npt.NDArray[np.float32]]


def read_safetensors(content: bytes) -> Weights:
    """Return the tensors of single precision in a safetensors file: a length, a JSON header, the numbers.

    Raises:
        ValueError: it is none.
    """
    try:
        (length,) = struct.unpack_from("<Q", content)
        header = json.loads(content[8 : 8 + length])
        numbers = memoryview(content)[8 + length :]
        return {
            name: np.frombuffer(numbers[slice(*row["data_offsets"])], "<f4").reshape(row["shape"])
            for name, row in header.items()
            if name != "__metadata__" and row["dtype"] == "F32"
        }
    except (struct.error, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no safetensors file: {error!r}") from error


class _Graph:
    """Collects nodes; each method adds some, and returns the name of what comes out."""

    def __init__(self, weights: Weights) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.outside: Weights = {}
        self._weights = weights

    def weight(self, name: str, *, turned: bool = False) -> str:
        """The weights themselves stay outside of the graph: in it they would be in memory four times."""
        found = self._weights[name]
        self.outside[name] = np.ascontiguousarray(found.T) if turned else found
        tensor = TensorProto(
            name=name, data_type=TensorProto.FLOAT, dims=self.outside[name].shape, data_location=TensorProto.EXTERNAL
        )
        tensor.external_data.add(key="location", value="memory")
        self.constants[name] = tensor
        return name

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.constants[name] = numpy_helper.from_array(value, name)
        return name

    def node(self, kind: str, *given: str, **attributes: Any) -> str:  # noqa: ANN401 - as ONNX takes them
        made = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(given), [made], **attributes))
        return made

    def dense(self, at: str, given: str) -> str:
        return self.node(
            "Add", self.node("MatMul", given, self.weight(f"{at}.weight", turned=True)), self.weight(f"{at}.bias")
        )

    def normed(self, at: str, given: str) -> str:
        scale, bias = self.weight(f"{at}.weight"), self.weight(f"{at}.bias")
        return self.node("LayerNormalization", given, scale, bias, axis=-1, epsilon=_EPSILON)

    def heads(self, at: str, given: str, order: Sequence[int]) -> str:
        shape = self.constant("split", np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
        return self.node("Transpose", self.node("Reshape", self.dense(at, given), shape), perm=list(order))

    def attention(self, at: str, given: str) -> str:
        query = self.heads(f"{at}.self.query", given, (0, 2, 1, 3))
        key = self.heads(f"{at}.self.key", given, (0, 2, 3, 1))
        value = self.heads(f"{at}.self.value", given, (0, 2, 1, 3))
        scale = self.constant("scale", np.array(1 / math.sqrt(WIDTH / HEADS), np.float32))
        shares = self.node("Softmax", self.node("Mul", self.node("MatMul", query, key), scale), axis=-1)
        mixed = self.node("Transpose", self.node("MatMul", shares, value), perm=[0, 2, 1, 3])
        joined = self.node("Reshape", mixed, self.constant("join", np.array([0, 0, WIDTH], np.int64)))
        out = self.dense(f"{at}.output.dense", joined)
        return self.normed(f"{at}.output.LayerNorm", self.node("Add", out, given))

    def layer(self, at: str, given: str) -> str:
        seen = self.attention(f"{at}.attention", given)
        wide = self.node("Gelu", self.dense(f"{at}.intermediate.dense", seen))
        out = self.dense(f"{at}.output.dense", wide)
        return self.normed(f"{at}.output.LayerNorm", self.node("Add", out, seen))

    def embedded(self) -> str:
        words, positions, kinds = (self.weight(f"{name}.weight") for name in _EMBEDDINGS)
        one, two = self.constant("one", np.array([1], np.int64)), self.constant("two", np.array([2], np.int64))
        zero = self.constant("zero", np.array([0], np.int64))
        length = self.node("Slice", self.node("Shape", "input_ids"), one, two)
        here = self.node("Slice", positions, zero, length)
        summed = self.node("Add", self.node("Gather", words, "input_ids"), here)
        kind = self.node("Slice", kinds, zero, one)
        return self.normed("embeddings.LayerNorm", self.node("Add", summed, kind))


def encoder(weights: Weights) -> tuple[bytes, Weights]:
    """Return the graph, `input_ids` (1, n) to `mean` (1, 384), and the weights that it names and does not hold.

    Raises:
        KeyError: a tensor is missing.
    """
    graph = _Graph(weights)
    at = graph.embedded()
    for number in range(LAYERS):
        at = graph.layer(f"encoder.layer.{number}", at)
    axes = graph.constant("one", np.array([1], np.int64))
    graph.nodes.append(helper.make_node("ReduceMean", [at, axes], ["mean"], keepdims=0))
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"])
    mean = helper.make_tensor_value_info("mean", TensorProto.FLOAT, [1, WIDTH])
    made = helper.make_graph(graph.nodes, "minilm", [ids], [mean], list(graph.constants.values()))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    return model.SerializeToString(), graph.outside
