"""Trains the second reader's head: four columns over MiniLM's vectors, from the English part of the own corpus alone.

Run with `uv run --extra local-models --with scikit-learn python -m bench.train_router.meaning`, after
`headgate models install minilm`. `--data DIR` measures it on sources, none of which trained it.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found]  # training only

from adapters.embedding.minilm import MiniLMEmbedder
from adapters.models.offline.router.meaning import HEAD
from adapters.models.offline.router.weights import save_weights
from adapters.weights.shelf import Shelf
from bench.train_router.grammar import Message, write_corpus
from bench.train_router.shared_data import read_shared
from bench.train_router.train import COLUMNS, STRENGTH, Floats
from workers.local_models.files import models_folder

ACCEPT_FROM = 0.55
"""From this probability, by both readers, of being for any queue on: below it they abstain."""

_EVERY = 3


def vectors(embedder: MiniLMEmbedder, messages: Sequence[Message]) -> Floats:
    """Return the vectors of messages, a row each."""
    return np.array(asyncio.run(embedder.embed([message.text for message in messages])))


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="evaluation folder with tickets/ and security/")
    parser.add_argument("--out", type=Path, default=HEAD)
    choice = parser.parse_args()
    embedder = MiniLMEmbedder(Shelf(models_folder()))
    corpus = [message for message in write_corpus() if message.lang == "en"][::_EVERY]
    model = LogisticRegression(C=STRENGTH, max_iter=500)
    model.fit(vectors(embedder, corpus), [COLUMNS.index(message.label) for message in corpus])
    figures: dict[str, Any] = {"trained_on": ["own corpus"], "embedder": embedder.name}
    if choice.data is not None:
        shared = read_shared(choice.data)
        for name, rows in {**shared.by_source, "off_topic": shared.off}.items():
            said = model.predict(vectors(embedder, rows))
            figures[name] = round(float(np.mean(said == [COLUMNS.index(message.label) for message in rows])), 4)
    print(json.dumps(figures, indent=1))
    head = {"temperature": 1.0, "abstain_below": ACCEPT_FROM, "calibration": [], "figures": figures}
    save_weights(choice.out, model.coef_.T.astype(np.float32), model.intercept_, head)


if __name__ == "__main__":
    main()
