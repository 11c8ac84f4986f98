"""What teaching a router goes by: which messages are held out, and whether what was learned is better."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain.cascade.calibration import expected_error
from domain.routing import LONGEST_NAME

FOLDS = 5
"""Every message is judged once, by what was learned from the other folds."""
FEWEST_MESSAGES = 30
"""Below so many nobody can tell whether something was learned."""
FEWEST_OF_LABEL = 5
MOST_MESSAGES = 5_000
"""More cost minutes and teach little."""
LONGEST_TEXT = 100_000


class Lesson(BaseModel):
    """A message and the category that people gave it; None: it belongs to none. `source` says whose mail it is, `lang`
    what language it is in.
    """

    model_config = ConfigDict(frozen=True)

    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
    label: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)] | None
    source: str = Field(default="", max_length=200)
    lang: str = "und"


class Opinion(BaseModel):
    """What a router says of a message: a category, or None; what it was forced to say, and how sure that is."""

    label: str | None
    best: str
    score: float
    confidence: float


class HeldOut(StrEnum):
    """By what messages were divided."""

    SOURCE = "source"
    MESSAGE = "message"


class Figures(BaseModel):
    """How a router did on messages; an abstention on a labelled one is not right.

    `forced` of the `off_topic` ones got a category all the same; `ece` is the error of the confidence of answers.
    """

    messages: int
    right: int
    abstained: int
    off_topic: int
    forced: int
    ece: float | None

    @property
    def accuracy(self) -> float:
        """Share of all messages that it got right, those that belong to none included."""
        return self.right / self.messages if self.messages else 0.0


class TeachingComparison(BaseModel):
    """What is in use and what was learned, on the same messages, which taught neither."""

    held_out_by: HeldOut
    before: Figures
    after: Figures
    mended: int
    spoilt: int

    @property
    def objection(self) -> str:
        """Say why what was learned may not be used; empty: it may."""
        if self.after.right < self.before.right:
            return (
                f"it is worse than what is in use: {self.after.right} of {self.after.messages} held-out messages "
                f"right, before {self.before.right}; it mends {self.mended} and spoils {self.spoilt}"
            )
        if self.mended == 0:
            return f"it changes no answer for the better on {self.after.messages} held-out messages"
        return ""


def fingerprint_of(text: str) -> int:
    """Return a number by which a text is known again, whatever its case and blanks.

    >>> fingerprint_of("Where is it? ") == fingerprint_of("where  is it?")
    True
    """
    folded = " ".join(text.casefold().split())
    return int.from_bytes(hashlib.sha256(folded.encode("utf-8", "replace")).digest()[:8], "big")


def consistent(lessons: Sequence[Lesson]) -> tuple[list[Lesson], int, int]:
    """Return each message once, and how many were repeats, and how many were left out since their labels disagree."""
    labels: dict[int, set[str | None]] = {}
    for lesson in lessons:
        labels.setdefault(fingerprint_of(lesson.text), set()).add(lesson.label)
    first: dict[int, Lesson] = {}
    for lesson in lessons:
        first.setdefault(fingerprint_of(lesson.text), lesson)
    kept = [lesson for key, lesson in first.items() if len(labels[key]) == 1]
    return kept, len(lessons) - len(first), len(first) - len(kept)


def too_few(lessons: Sequence[Lesson]) -> str:
    """Say what there is too little of to learn from; empty: enough."""
    if len(lessons) < FEWEST_MESSAGES:
        return f"{len(lessons)} different messages: at least {FEWEST_MESSAGES} are needed"
    counts: dict[str, int] = {}
    for lesson in lessons:
        if lesson.label is not None:
            counts[lesson.label] = counts.get(lesson.label, 0) + 1
    rare = [f"{label!r} has {n}" for label, n in sorted(counts.items()) if n < FEWEST_OF_LABEL]
    if rare:
        return f"{', '.join(rare)}: at least {FEWEST_OF_LABEL} messages are needed of each category that is named"
    return "" if counts else "no message has a category"


def folds_of(lessons: Sequence[Lesson]) -> tuple[list[int], HeldOut]:
    """Return each message's fold: whole sources where there are two or more and none holds more than two thirds of all
    (without that one there would be next to nothing to learn from), else by the text; the same every time.
    """
    counts = Counter(lesson.source for lesson in lessons)
    sources = sorted(counts, key=fingerprint_of)
    if len(sources) > 1 and 3 * max(counts.values()) <= 2 * len(lessons):
        fold = {source: place % FOLDS for place, source in enumerate(sources)}
        return [fold[lesson.source] for lesson in lessons], HeldOut.SOURCE
    # Dealt out in turns, category by category: a rare one is in every fold.
    order = sorted(range(len(lessons)), key=lambda n: (lessons[n].label or "", fingerprint_of(lessons[n].text)))
    folds = [0] * len(lessons)
    for turn, number in enumerate(order):
        folds[number] = turn % FOLDS
    return folds, HeldOut.MESSAGE


def figures_of(lessons: Sequence[Lesson], opinions: Sequence[Opinion]) -> Figures:
    """Count what opinions on messages came to."""
    judged = list(zip(lessons, opinions, strict=True))
    labelled = [(lesson, said) for lesson, said in judged if lesson.label is not None]
    answers = [(said.confidence, said.label == lesson.label) for lesson, said in labelled if said.label is not None]
    return Figures(
        messages=len(judged),
        right=sum(said.label == lesson.label for lesson, said in judged),
        abstained=sum(said.label is None for _, said in labelled),
        off_topic=len(judged) - len(labelled),
        forced=sum(said.label is not None for lesson, said in judged if lesson.label is None),
        ece=expected_error(answers),
    )


def compare(
    lessons: Sequence[Lesson], before: Sequence[Opinion], after: Sequence[Opinion], held_out_by: HeldOut
) -> TeachingComparison:
    """Compare two routers on the same messages."""
    rows = list(zip(lessons, before, after, strict=True))
    return TeachingComparison(
        held_out_by=held_out_by,
        before=figures_of(lessons, before),
        after=figures_of(lessons, after),
        mended=sum(was.label != lesson.label and now.label == lesson.label for lesson, was, now in rows),
        spoilt=sum(was.label == lesson.label and now.label != lesson.label for lesson, was, now in rows),
    )
