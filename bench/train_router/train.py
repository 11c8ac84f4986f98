"""Trains the embedded router and measures it by source.

Run with `uv run --with scikit-learn python -m bench.train_router.train`:
without options from the own corpus alone; `--data DIR` adds the sources that may train and measures each of them left
out; `--check` prints the figures and writes nothing.
"""

import argparse
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # comes with scikit-learn, training only
from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found]  # training only

from adapters.models.offline.router.features import BUCKETS, hashed
from adapters.models.offline.router.lexicon import load_lexicon
from adapters.models.offline.router.teaching import OFF_TOPIC
from adapters.models.offline.router.text import plain, tokens
from adapters.models.offline.router.weights import LABELS, WEIGHTS, save_weights
from bench.train_router.calibrating import fit_curve
from bench.train_router.grammar import OFF, Message, write_corpus
from bench.train_router.shared_data import SAME_TEXTS, SHARE_ALIKE, SharedData, read_shared

COLUMNS = (*LABELS, OFF)
ABSTAIN_BELOW = 0.3
"""Below this probability of being for any queue the router abstains: a lost ticket costs more than a stray question."""

STRENGTH = 10.0
"""Inverse of the penalty on large weights."""
_MAX_ROWS_PER_SOURCE = 900

Floats = npt.NDArray[np.float64]


class Learned:
    """A fitted model and what it says of messages: probabilities over the three labels and `Off`."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._model = LogisticRegression(C=STRENGTH, max_iter=300)
        self._model.fit(matrix(messages), [COLUMNS.index(message.label) for message in messages])

    @property
    def columns(self) -> npt.NDArray[np.float32]:
        """Return the weights, a column per label."""
        return np.asarray(self._model.coef_.T, dtype=np.float32)

    @property
    def bias(self) -> npt.NDArray[np.float32]:
        """Return the bias per label."""
        return np.asarray(self._model.intercept_, dtype=np.float32)

    def logits(self, messages: Sequence[Message]) -> Floats:
        """Return the scores of messages before they become probabilities."""
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
    """Return probabilities, a row per message."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def judge(logits: Floats, messages: Sequence[Message]) -> dict[str, float]:
    """Return accuracy with abstention counted as wrong (right for `Off`), the same if forced, and the abstentions."""
    truth = np.array([COLUMNS.index(message.label) for message in messages])
    abstained = 1.0 - softmax(logits)[:, -1] < ABSTAIN_BELOW
    forced = logits[:, :-1].argmax(axis=1) == truth
    right = np.where(truth == COLUMNS.index(OFF), abstained, forced & ~abstained)
    figures = {"right": np.mean(right), "right_if_forced": np.mean(forced), "abstained": np.mean(abstained)}
    return {"messages": len(messages)} | {name: round(float(value), 4) for name, value in figures.items()}


def temperature(logits: Floats, truth: npt.NDArray[np.int64]) -> float:
    """Return the divisor of the logits that makes the three probabilities honest on held-out sources."""
    choices = np.geomspace(0.3, 4.0, 60)
    rows = np.arange(len(truth))
    losses = [-np.log(softmax(logits[:, :3] / choice)[rows, truth] + 1e-12).mean() for choice in choices]
    return float(choices[int(np.argmin(losses))])


def stride(count: int) -> int:
    """Return the step that keeps one source of `count` messages from outweighing all others."""
    return -(-count // _MAX_ROWS_PER_SOURCE)


def by_source(model: Learned, shared: SharedData) -> dict[str, Any]:
    """Judge a model on every source, on what belongs to none, and on tickets with a stranger's order inside."""
    groups = {**shared.by_source, "off_topic": shared.off, "injected": shared.injected}
    return {name: judge(model.logits(rows), rows) for name, rows in groups.items()}


def left_out(corpus: Sequence[Message], shared: SharedData) -> tuple[dict[str, Any], dict[str, Any]]:
    """Judge each source by a model that never saw it (nor its translation); return figures, temperature and curve."""
    figures: dict[str, Any] = {}
    held: dict[str, Floats] = {}
    for name, rows in shared.by_source.items():
        model = Learned([*corpus, *training_rows(shared, without=SAME_TEXTS.get(name, {name}))])
        held[name] = model.logits(rows)
        figures[name] = judge(held[name], rows)
    steps = {name: stride(len(rows)) for name, rows in shared.by_source.items()}
    truth = {name: np.array([COLUMNS.index(m.label) for m in rows]) for name, rows in shared.by_source.items()}
    thinned = [np.concatenate([rows[name][:: steps[name]] for name in held]) for rows in (held, truth)]
    heat = temperature(*thinned)
    answers = {name: _answers(held[name], truth[name], heat) for name in held}
    curve, calibration = fit_curve(answers, SAME_TEXTS, steps)
    return {"source_left_out": figures, "calibration": calibration}, {"temperature": heat, "calibration": curve}


def _answers(logits: Floats, truth: npt.NDArray[np.int64], heat: float) -> list[tuple[float, bool]]:
    accepted = 1.0 - softmax(logits)[:, -1] >= ABSTAIN_BELOW
    scores = softmax(logits[:, :-1] / heat).max(axis=1)
    right = logits[:, :-1].argmax(axis=1) == truth
    return [(float(s), bool(r)) for s, r, a in zip(scores, right, accepted, strict=True) if a]


def training_rows(shared: SharedData, without: Collection[str] = ()) -> list[Message]:
    """Return the shared messages that may train, without the sources named."""
    names = [name for name in sorted(shared.by_source) if name not in SHARE_ALIKE and name not in without]
    return [m for name in names for m in shared.by_source[name][:: stride(len(shared.by_source[name]))]]


def off_topic_lines(corpus: Sequence[Message]) -> list[str]:
    """Return the messages for nobody that everything taught later learns as well: 300 English ones, 108 others."""
    off = [message for message in corpus if message.label == OFF]
    chosen: list[str] = []
    for rows, count in (([m for m in off if m.lang == "en"], 300), ([m for m in off if m.lang != "en"], 108)):
        chosen += [" ".join(rows[len(rows) * place // count].text.split()) for place in range(count)]
    return chosen


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="evaluation folder with tickets/ and security/")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--check", action="store_true", help="print the figures, write nothing")
    choice = parser.parse_args()
    corpus = write_corpus()
    rows: list[Message] = list(corpus)
    figures: dict[str, Any] = {"trained_on": ["own corpus"]}
    honest: dict[str, Any] = {"temperature": 1.0, "calibration": []}
    if choice.data is not None:
        shared = read_shared(choice.data)
        figures["own_corpus_only"] = by_source(Learned(corpus), shared)
        found, honest = left_out(corpus, shared)
        figures |= found
        figures["trained_on"] += sorted(set(shared.by_source) - SHARE_ALIKE)
        rows += training_rows(shared)
    final = Learned(rows)
    if choice.data is not None:
        figures["final"] = by_source(final, shared)
    print(json.dumps(figures, indent=1))
    if not choice.check:
        head = honest | {"abstain_below": ABSTAIN_BELOW, "figures": figures}
        save_weights(choice.out, final.columns, final.bias, head)
        OFF_TOPIC.write_text("\n".join(off_topic_lines(corpus)) + "\n", encoding="utf-8")
        print(f"wrote {choice.out.name}: {choice.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
