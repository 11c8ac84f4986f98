"""Teaches the router a company's own messages: a new head near to the one that ships, and whether it is better.

Each message is judged by a head that the messages of its fold did not teach; the head that is kept has learned all.
All of them learn `off_topic.txt` besides, messages that belong to no queue: a company's own are all for one of its own,
and a head that saw nothing else would find a queue for everything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.models.offline.router.features import VERSION, hashed
from adapters.models.offline.router.fitting import Features, Floats, Ids, fit
from adapters.models.offline.router.lexicon import load_lexicon
from adapters.models.offline.router.meaning import MeaningReader, Probabilities
from adapters.models.offline.router.model import EmbeddedRouter
from adapters.models.offline.router.text import plain, tokens
from adapters.models.offline.router.weights import Weights, packed
from domain.cascade.calibration import Knot, calibrated, fit_isotonic
from domain.cascade.teaching import (
    FEWEST_MESSAGES,
    HeldOut,
    Lesson,
    Opinion,
    TeachingComparison,
    compare,
    fingerprint_of,
    folds_of,
    too_few,
)
from domain.errors import ImpossibleError

OFF_TOPIC = Path(__file__).with_name("off_topic.txt")
"""A message a line; training writes it (`bench/train_router`)."""

FEWEST_TO_CALIBRATE = 200
"""Answers; with less the curve of the router that ships stays."""


@dataclass(frozen=True)
class SecondReading:
    """The second reader and what it says of messages, by their text; without those that it cannot tell."""

    reader: MeaningReader
    said: Mapping[str, Probabilities]


@dataclass(frozen=True)
class Taught:
    """What teaching came to: the head as a file has it, and the comparison with what is in use.

    `against_shipped`: with the router that ships, as what is in use was taught most of these messages itself.
    """

    raw: bytes
    labels: tuple[str, ...]
    comparison: TeachingComparison
    against_shipped: bool


def teach(
    shipped: Weights,
    in_use: Weights,
    lessons: Sequence[Lesson],
    categories: Collection[str],
    told: dict[str, Any],  # JSON: by whom, when
    second: SecondReading | None = None,
) -> Taught:
    """Fit a head to messages.

    Args:
        shipped: what it begins with.
        in_use: what it has to be better than.
        lessons: each once; those in which there is not a word are let go.
        categories: of the blueprint; others of the router that ships are given up.
        told: kept in the file.
        second: what MiniLM says of the messages, where it reads beside what is in use.

    Raises:
        ImpossibleError: too few of them have a word in them.
    """
    read = [(lesson, features) for lesson in lessons if len((features := _features(lesson.text))[0])]
    lessons = [lesson for lesson, _ in read]
    if few := too_few(lessons):
        raise ImpossibleError(f"too little to learn from: {few}")
    labels = _labels(shipped.labels, lessons, categories)
    start, bias = _start(shipped, labels)
    truth = np.array([len(labels) if row.label is None else labels.index(row.label) for row in lessons])
    folds, held_out_by = folds_of(lessons)
    after: list[Opinion] = [Opinion(label=None, best=labels[0], score=0.0, confidence=0.0)] * len(lessons)
    for fold in sorted(set(folds)):
        others = [n for n, of in enumerate(folds) if of != fold]
        learned = _fitted(shipped, labels, [read[n][1] for n in others], truth[others], start, bias)
        router = EmbeddedRouter(learned, load_lexicon())
        for n in (n for n, of in enumerate(folds) if of == fold):
            after[n] = opinion(router, lessons[n].text)
    after, curve = _calibrated(lessons, after, folds, shipped.calibration)
    comparison, against_shipped = _compared(shipped, in_use, lessons, after, held_out_by, second)
    final = _fitted(shipped, labels, [features for _, features in read], truth, start, bias)
    head = {
        "temperature": shipped.temperature,
        "abstain_below": shipped.abstain_below,
        "calibration": curve,
        "labels": labels,
        "figures": shipped.figures,
        "taught": told
        | {
            "features": VERSION,
            "messages": len(lessons),
            "comparison": comparison.model_dump(mode="json"),
            "lessons": [f"{fingerprint_of(lesson.text):016x}" for lesson in lessons],
        },
    }
    return Taught(packed(final.hashed, final.bias, head), labels, comparison, against_shipped)


async def second_reading(reader: MeaningReader, lessons: Sequence[Lesson]) -> SecondReading:
    """Have MiniLM read messages, as it does beside the router that ships."""
    said = [(lesson.text, await reader.read(lesson.text, lesson.lang)) for lesson in lessons]
    return SecondReading(reader, {text: meant.probabilities for text, meant in said if meant is not None})


def opinion(router: EmbeddedRouter, text: str, meant: Probabilities | None = None) -> Opinion:
    """Return what a router says of a message; `meant` is what its second reader says of it."""
    said = router.route(text, meant)
    return Opinion(label=said.label, best=said.best, score=max(said.scores.values()), confidence=said.confidence)


def _features(text: str) -> tuple[Ids, Floats]:
    return hashed(tokens(plain(text)), load_lexicon())


@cache
def _off_topic() -> tuple[tuple[Ids, Floats], ...]:
    return tuple(_features(line) for line in OFF_TOPIC.read_text(encoding="utf-8").splitlines() if line)


def _labels(known: Sequence[str], lessons: Sequence[Lesson], categories: Collection[str]) -> tuple[str, ...]:
    kept = [label for label in known if label in categories]
    named = {lesson.label for lesson in lessons if lesson.label is not None}
    return (*kept, *sorted(named - set(kept)))


def _start(shipped: Weights, labels: Sequence[str]) -> tuple[Floats, Floats]:
    """Return the columns to begin with: those that ship, and of a new category nothing that speaks for it."""
    columns = [shipped.labels.index(label) if label in shipped.labels else None for label in labels]
    nothing, least = np.zeros(len(shipped.hashed), dtype=np.float32), float(shipped.bias.min())
    hashed_columns = [nothing if place is None else shipped.hashed[:, place] for place in columns]
    biases = [least if place is None else float(shipped.bias[place]) for place in columns]
    return (
        np.stack([*hashed_columns, shipped.hashed[:, -1]], axis=1),
        np.array([*biases, float(shipped.bias[-1])], dtype=np.float32),
    )


def _fitted(
    shipped: Weights,
    labels: tuple[str, ...],
    features: Sequence[tuple[Ids, Floats]],
    truth: npt.NDArray[np.int64],
    start: Floats,
    bias: Floats,
) -> Weights:
    off = _off_topic()
    columns = np.concatenate([truth, np.full(len(off), len(labels))])
    weights, moved = fit(Features.of([*features, *off]), columns, start, bias)
    return replace(shipped, hashed=weights, bias=moved, labels=labels)


def _calibrated(
    lessons: Sequence[Lesson], opinions: list[Opinion], folds: Sequence[int], shipped: Sequence[Knot]
) -> tuple[list[Opinion], Sequence[Knot]]:
    """Return opinions with the confidence of a curve that their own fold did not shape, and the curve of all."""
    answers = [
        (fold, (said.score, said.label == lesson.label))
        for lesson, said, fold in zip(lessons, opinions, folds, strict=True)
        if lesson.label is not None and said.label is not None
    ]
    if len(answers) < FEWEST_TO_CALIBRATE:
        return opinions, shipped
    curves = {fold: fit_isotonic(row for of, row in answers if of != fold) for fold in set(folds)}
    sure = [
        said.model_copy(update={"confidence": calibrated(said.score, curves[fold])})
        for said, fold in zip(opinions, folds, strict=True)
    ]
    return sure, fit_isotonic(row for _, row in answers)


def _compared(
    shipped: Weights,
    in_use: Weights,
    lessons: Sequence[Lesson],
    after: Sequence[Opinion],
    held_out_by: HeldOut,
    second: SecondReading | None,
) -> tuple[TeachingComparison, bool]:
    seen = set((in_use.taught or {}).get("lessons", ()))
    new = [n for n, lesson in enumerate(lessons) if f"{fingerprint_of(lesson.text):016x}" not in seen]
    against_shipped = bool(seen) and len(new) < FEWEST_MESSAGES
    if against_shipped:
        in_use, new = shipped, list(range(len(lessons)))
    router = EmbeddedRouter(in_use, load_lexicon(), second.reader if second else None)
    rows = [lessons[n] for n in new]
    before = [opinion(router, row.text, second.said.get(row.text) if second else None) for row in rows]
    return compare(rows, before, [after[n] for n in new], held_out_by), against_shipped
