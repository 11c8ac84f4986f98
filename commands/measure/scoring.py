"""`headgate eval`: how well the configured models do on labelled data, by the very code that works the cases."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from client.inflow.text_lines import text_lines
from domain.cascade.calibration import error_by_chance, expected_error
from domain.case import CaseInput
from domain.errors import ImpossibleError
from domain.inbound.webhook import DEFAULT_TENANT
from domain.installation.mistakes import mistake
from workers.bootstrap import Parts

if TYPE_CHECKING:
    from activities.models.route import RouteActivities

ABSTAINED = "abstained"


class Labelled(BaseModel):
    """A line of the data: `label` None means that no queue is right."""

    id: str = ""  # empty: the number of the line
    text: str | None = None
    html: str | None = None
    subject: str = ""
    label: str | None = None
    lang: str = "und"
    source: str = "unknown"
    cleaned: bool = False  # text and subject are as a model is shown them: `headgate eval record` made the line


class Judged(BaseModel):
    """A label and the answer to it. None means off-topic as a label, and an abstention as an answer; `confidence` is as
    the model states it, None where it states none.
    """

    truth: str | None
    answer: str | None
    confidence: float | None = None
    lang: str
    source: str


def read_labelled(path: Path, categories: Sequence[str]) -> Iterator[Labelled]:
    """Yield the lines of a JSON Lines file, gzip or plain; labels are of the categories, or null.

    Raises:
        ImpossibleError: a line is not what it should be; the message names file and line.
    """
    for number, line in text_lines(path):
        try:
            row = Labelled.model_validate({"id": str(number), **json.loads(line)})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise ImpossibleError(f"{str(path)!r} line {number}, key {key}: {mistake(first)}") from error
        except (ValueError, TypeError) as error:
            raise ImpossibleError(f"{str(path)!r} line {number}: expected one JSON object ({error})") from error
        if row.label is not None and row.label not in categories:
            raise ImpossibleError(
                f"{str(path)!r} line {number}: label {row.label!r}, expected one of {list(categories)!r} or null"
            )
        yield row


async def score_model(path: Path, parts: Parts) -> dict[str, object]:
    """Route every line as a case would be routed: cleaned, asked, parsed, re-asked.

    Raises:
        ImpossibleError: the data cannot be read.
    """
    from activities.models.route import RouteActivities

    router = RouteActivities(parts.models, parts.blueprint.for_profile(parts.settings.models))
    categories = category_names(parts)
    judged = [await judge_message(router, case_of(row, parts), row) for row in read_labelled(path, categories)]
    if not judged:
        raise ImpossibleError(f"{str(path)!r}: there is no line in it")
    return score_routing(judged, categories)


def category_names(parts: Parts) -> list[str]:
    """Return the categories that a message can be given."""
    return [category.name for category in parts.blueprint.case_policy(DEFAULT_TENANT).categories]


def case_of(row: Labelled, parts: Parts) -> CaseInput:
    """Return a line as a case; the label and the data's own language are for the score alone."""
    subject, text, lang = row.subject, row.text or "", row.lang
    if not row.cleaned:
        clean = parts.cleaner.clean(subject=row.subject, text=row.text, html=row.html, lang=None)
        subject, text, lang = clean.subject, clean.text, clean.lang
    return CaseInput(
        case_id=f"case/eval/{row.id}",
        source="eval",
        lang=lang,
        subject=subject,
        text=text,
        received_at=datetime.now(UTC),
        policy=parts.blueprint.case_policy(DEFAULT_TENANT),
    )


async def judge_message(router: "RouteActivities", case: CaseInput, row: Labelled) -> Judged:
    """Route a message and put its label beside the answer. Raises as `RouteActivities.route_case`."""
    from activities.models.route import RouteRequest

    said = (await router.route_case(RouteRequest(case=case))).route
    return Judged(truth=row.label, answer=said.category, confidence=said.confidence, lang=row.lang, source=row.source)


def score_routing(judged: Sequence[Judged], categories: Sequence[str]) -> dict[str, object]:
    """Return the figures; an abstention on a labelled message counts as wrong."""
    labelled = [j for j in judged if j.truth is not None]
    off_topic = [j for j in judged if j.truth is None]
    confusion: dict[str, dict[str, int]] = {
        str(truth or "off_topic"): dict.fromkeys((*categories, ABSTAINED), 0) for truth in (*categories, None)
    }
    for j in judged:
        confusion[j.truth or "off_topic"][j.answer or ABSTAINED] += 1
    return {
        "n": len(labelled),
        "accuracy": _share_right(labelled),
        "abstained": sum(j.answer is None for j in labelled),
        "per_class": {name: _class_figures(name, labelled) for name in categories},
        "confusion": confusion,
        "per_source": _figures_by(labelled, "source"),
        "per_lang": _figures_by(labelled, "lang"),
        "confidence": _confidence_figures(labelled),
        "off_topic": len(off_topic),
        "off_topic_forced": sum(j.answer is not None for j in off_topic),
        "off_topic_confidence": _confidence_figures(off_topic)["stated"],
    }


def _share_right(rows: Sequence[Judged]) -> float | None:
    return round(sum(j.answer == j.truth for j in rows) / len(rows), 4) if rows else None


def _confidence_figures(rows: Sequence[Judged]) -> dict[str, float | int | None]:
    """Return how far the confidence that answers were given with is from the share that is right."""
    sure = [(j.confidence, j.answer == j.truth) for j in rows if j.answer is not None and j.confidence is not None]
    chance = error_by_chance(score for score, _ in sure)
    return {
        "ece": expected_error(sure),
        "ece_by_chance": chance and chance.mean,
        "ece_by_chance_at_most": chance and chance.upper,
        "stated": round(sum(score for score, _ in sure) / len(sure), 4) if sure else None,
        "right": round(sum(right for _, right in sure) / len(sure), 4) if sure else None,
        "n": len(sure),
    }


def _class_figures(name: str, rows: Sequence[Judged]) -> dict[str, float | int | None]:
    right = sum(j.truth == name and j.answer == name for j in rows)
    said = sum(j.answer == name for j in rows)
    true = sum(j.truth == name for j in rows)
    return {
        "precision": round(right / said, 4) if said else None,
        "recall": round(right / true, 4) if true else None,
        "n": true,
    }


def _figures_by(rows: Sequence[Judged], field: str) -> dict[str, dict[str, float | int | None]]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, field)].append(row)
    return {
        name: {
            "accuracy": _share_right(group),
            "n": len(group),
            "abstained": Counter(j.answer is None for j in group)[True],
            **{name: value for name, value in _confidence_figures(group).items() if name.startswith("ece")},
        }
        for name, group in sorted(groups.items())
    }
