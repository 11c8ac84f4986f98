"""Trains the embedded router and measures it by source.

    uv run --with scikit-learn python -m bench.train_router.train                 # own corpus only
    uv run --with scikit-learn python -m bench.train_router.train --data DIR      # and the shared sources that may be used
    uv run --with scikit-learn python -m bench.train_router.train --data DIR --check   # figures only, nothing written
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from adapters.models.offline.router.features import BUCKETS, hashed
from adapters.models.offline.router.lexicon import load_lexicon
from adapters.models.offline.router.text import plain, tokens
from adapters.models.offline.router.weights import LABELS, WEIGHTS, save_weights
from bench.train_router.grammar import OFF, Message, write_corpus
from bench.train_router.shared_data import SHARE_ALIKE, SharedData, read_shared

COLUMNS = (*LABELS, OFF)
ABSTAIN_BELOW = 0.5
_STRENGTH = 10.0
_MAX_ROWS_PER_SOURCE = 900

Floats = npt.NDArray[np.float64]


class Learned:
    """A fitted model and what it says of messages: probabilities over the three labels and `Off`."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._model = LogisticRegression(C=_STRENGTH, max_iter=300)
        self._model.fit(matrix(messages), [COLUMNS.index(message.label) for message in messages])

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        return np.asarray(self._model.coef_.T, dtype=np.float32)

    @property
    def bias(self) -> npt.NDArray[np.float32]:
        return np.asarray(self._model.intercept_, dtype=np.float32)

    def logits(self, messages: Sequence[Message]) -> Floats:
        return np.asarray(self._model.decision_function(matrix(messages)))


def matrix(messages: Sequence[Message]) -> csr_matrix:
    """Return the hashed features of messages, a row each."""
    lexicon = load_lexicon()
    parts = [hashed(tokens(plain(message.text)), lexicon) for message in messages]
    starts = np.cumsum([0, *(len(buckets) for buckets, _ in parts)])
    buckets = np.concatenate([buckets for buckets, _ in parts])
    values = np.concatenate([values for _, values in parts])
    return csr_matrix((values, buckets, starts), shape=(len(parts), BUCKETS))


def softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def judge(logits: Floats, messages: Sequence[Message]) -> dict[str, float]:
    """Return accuracy with abstention counted as wrong, without it, and how many were abstained from."""
    truth = np.array([COLUMNS.index(message.label) for message in messages])
    abstained = 1.0 - softmax(logits)[:, -1] < ABSTAIN_BELOW
    right = logits[:, :-1].argmax(axis=1) == truth
    figures = {"right": np.mean(right & ~abstained), "right_if_forced": np.mean(right), "abstained": np.mean(abstained)}
    return {"messages": len(messages)} | {name: round(float(value), 4) for name, value in figures.items()}


def temperature(logits: Floats, truth: npt.NDArray[np.int64]) -> float:
    """Return the divisor of the logits that makes the three probabilities honest on held-out sources."""
    choices = np.geomspace(0.3, 4.0, 60)
    losses = [-np.log(softmax(logits[:, :3] / choice)[np.arange(len(truth)), truth] + 1e-12).mean() for choice in choices]
    return float(choices[int(np.argmin(losses))])


def thinned(messages: Sequence[Message]) -> list[Message]:
    """Keep one source from outweighing all others."""
    step = -(-len(messages) // _MAX_ROWS_PER_SOURCE)
    return list(messages[::step])


def carried_over(corpus: Sequence[Message], shared: SharedData) -> tuple[dict[str, Any], float]:
    """Measure both honest figures: own corpus only, and each source left out in turn; return them with the temperature."""
    own = Learned(corpus)
    figures: dict[str, Any] = {"own_corpus_only": {name: judge(own.logits(rows), rows) for name, rows in shared.by_source.items()}}
    figures["own_corpus_only"]["off_topic"] = judge(own.logits(shared.off), shared.off)
    figures["own_corpus_only"]["injected"] = judge(own.logits(shared.injected), shared.injected)
    left_out: dict[str, Any] = {}
    held: list[Floats] = []
    truth: list[int] = []
    for name, rows in shared.by_source.items():
        others = [m for other, part in shared.by_source.items() if other not in {name, *SHARE_ALIKE} for m in thinned(part)]
        model = Learned([*corpus, *others])
        logits = model.logits(rows)
        left_out[name] = judge(logits, rows)
        keep = thinned(range(len(rows)))  # type: ignore[arg-type]  # positions, thinned as the rows are
        held.append(logits[np.array(keep)])
        truth += [COLUMNS.index(rows[int(place)].label) for place in keep]  # type: ignore[call-overload]
    figures["source_left_out"] = left_out
    return figures, temperature(np.concatenate(held), np.array(truth))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="evaluation folder with tickets/ and security/")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--check", action="store_true", help="print the figures, write nothing")
    choice = parser.parse_args()
    corpus = write_corpus()
    rows: list[Message] = list(corpus)
    figures: dict[str, Any] = {}
    heat = 1.0
    if choice.data is not None:
        shared = read_shared(choice.data)
        figures, heat = carried_over(corpus, shared)
        trained_on = sorted(set(shared.by_source) - SHARE_ALIKE)
        rows += [message for name in trained_on for message in thinned(shared.by_source[name])]
        final = Learned(rows)
        figures["final_never_trained_on"] = {
            **{name: judge(final.logits(shared.by_source[name]), shared.by_source[name]) for name in sorted(SHARE_ALIKE)},
            "off_topic": judge(final.logits(shared.off), shared.off),
        }
        figures["trained_on"] = ["own corpus", *trained_on]
    else:
        final = Learned(rows)
        figures["trained_on"] = ["own corpus"]
    print(json.dumps(figures, indent=1))
    if not choice.check:
        head = {"temperature": heat, "abstain_below": ABSTAIN_BELOW, "figures": figures}
        save_weights(choice.out, final.weights, final.bias, head)
        print(f"wrote {choice.out.name}: {choice.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
