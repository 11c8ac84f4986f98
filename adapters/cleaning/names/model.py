"""Rampart, a small model that tells names of people from other words, on this machine's processor."""

import json
import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from adapters.cleaning.names.choosing import JudgedWord, names_among
from adapters.weights.manifest import local_model
from adapters.weights.shelf import Shelf
from domain.errors import ConfigurationError

NAMES = "names"
MAX_HEAD, MAX_TAIL = (
    5_000,
    1_000,
)  # characters of a long text that are looked at: two seconds at most
_WINDOW = 480  # characters, as its authors advise
_MAX_TOKENS = 512  # of a window: characters of some scripts are several tokens each
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


class NameModel:
    """Finds names of people in texts, English ones best. Holds no state, may be shared by threads.

    Args:
        shelf: where the model's files are.

    Raises:
        ConfigurationError: a file is missing or another one than that of the manifest.
    """

    def __init__(self, shelf: Shelf) -> None:
        from onnxruntime import InferenceSession, SessionOptions  # type: ignore[import-untyped]
        from tokenizers import Tokenizer

        model = local_model(NAMES)
        options = SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors
        content = shelf.read(model, "model_q4.onnx")
        self._session = InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_buffer(shelf.read(model, "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        labels = {label: int(n) for n, label in json.loads(shelf.read(model, "config.json"))["id2label"].items()}
        try:
            self._given = [labels["B-GIVEN_NAME"], labels["I-GIVEN_NAME"]]
            self._surname = [labels["B-SURNAME"], labels["I-SURNAME"]]
        except KeyError as error:
            raise ConfigurationError(f"the model {NAMES!r} has no label {error}") from error

    def names_in(self, text: str) -> list[str]:
        """Return the names of people in a text as they stand there; of a long one its beginning and its end count."""
        if not _WORD.search(text):
            return []
        if len(text) > MAX_HEAD + MAX_TAIL:
            text = f"{text[:MAX_HEAD]}\n{text[-MAX_TAIL:]}"
        words = [word for start, end in _windows(text) for word in self._judged(text[start:end], start)]
        return names_among(text, words)

    def _judged(self, window: str, at: int) -> Iterator[JudgedWord]:
        # Half a character would be refused; "?" is as long, so that places stay the same.
        encoded = self._tokenizer.encode(window.encode("utf-8", "replace").decode("utf-8"))
        chances = self._chances(encoded.ids)
        given, surname = chances[:, self._given].sum(1), chances[:, self._surname].sum(1)
        tokens = [(n, start, end) for n, (start, end) in enumerate(encoded.offsets) if end > start]
        for word in _WORD.finditer(window):
            own = [n for n, start, end in tokens if start < word.end() and end > word.start()]
            if own:
                yield JudgedWord(
                    at + word.start(), at + word.end(), float(given[own].mean()), float(surname[own].mean())
                )

    def _chances(self, ids: list[int]) -> npt.NDArray[np.float64]:
        """Return how sure the model is of each label, by token."""
        given = np.array([ids], np.int64)
        feed = {"input_ids": given, "attention_mask": np.ones_like(given), "token_type_ids": np.zeros_like(given)}
        scores = self._session.run(None, feed)[0][0].astype(float)
        grown = np.exp(scores - scores.max(-1, keepdims=True))
        result: npt.NDArray[np.float64] = grown / grown.sum(-1, keepdims=True)
        return result


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Yield from where to where the model looks at once; no word is cut, unless it is longer than half of that."""
    start = 0
    while start < len(text):
        end = min(len(text), start + _WINDOW)
        if end < len(text):
            blank = max(text.rfind(" ", start + _WINDOW // 2, end), text.rfind("\n", start + _WINDOW // 2, end))
            end = blank if blank > 0 else end
        yield start, end
        start = end
