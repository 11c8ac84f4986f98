"""The embedded router of a data dir: what it was taught, and how it is taught. Part of the composition root."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.cascade.calibration import error_by_chance
from domain.cascade.teaching import MOST_MESSAGES, Lesson, TeachingComparison, consistent
from domain.errors import ImpossibleError
from workers.config.data_dir import make_data_dir
from workers.config.settings import Settings
from workers.local_models.installed import open_local_embedder

if TYPE_CHECKING:
    from adapters.models.offline.router import EmbeddedRouter
    from adapters.models.offline.router.meaning import MeaningReader
    from adapters.models.offline.router.weights import Weights
    from workers.bootstrap import Parts

FILE = "router.taught"


@dataclass(frozen=True, slots=True)
class MeasuredConfidence:
    """How honest the confidence was on a source that shaped neither weights nor curve.

    `ece` is its error, `by_chance` what honest answers show that are as often right; `too_few`: these cannot tell `AIM`
    from that.
    """

    source: str
    answers: int
    ece: float
    by_chance: float
    too_few: bool


@dataclass(frozen=True, slots=True)
class RouterStanding:
    """What the embedded router of a data dir is: digest, categories, and what teaching noted (None: as it ships).

    `ece` is how far its confidence is off, on the `judged` messages that it had not learned; None: not known.
    `measured` says it of each source, for the router that ships.
    """

    digest: str
    labels: tuple[str, ...]
    taught: dict[str, Any] | None  # JSON, as `teach_router` wrote it
    ece: float | None = None
    judged: int = 0
    measured: tuple[MeasuredConfidence, ...] = ()


@dataclass(frozen=True, slots=True)
class TeachingReport:
    """What teaching came to: how many messages it had, and the comparison with what was in use.

    `against_shipped`: with the router that ships, since what was in use had learned these messages. `with_minilm`: what
    it was compared with has MiniLM beside it, which is not asked beside a head that was taught.
    """

    messages: int
    repeats: int
    contradicting: int
    labels: tuple[str, ...]
    comparison: TeachingComparison
    against_shipped: bool
    kept: bool
    with_minilm: bool = False


def taught_file(settings: Settings) -> Path:
    """Return where the head of a data dir is, there or not."""
    return settings.data_dir / FILE


def _in_use(settings: Settings) -> "Weights":
    from adapters.models.offline.router.taught import read_taught
    from adapters.models.offline.router.weights import load_weights

    return read_taught(taught_file(settings)) or load_weights()


def open_router(settings: Settings) -> "EmbeddedRouter":
    """Return the router of a data dir, with its second reader where MiniLM is installed and not turned off.

    Raises:
        WeightsError: the data dir's file is not what it should be.
        ConfigurationError: a file of MiniLM is not the manifest's.
    """
    from adapters.models.offline.router import EmbeddedRouter
    from adapters.models.offline.router.lexicon import load_lexicon

    weights = _in_use(settings)
    return EmbeddedRouter(weights, load_lexicon(), _second_reader(settings) if weights.taught is None else None)


def _second_reader(settings: Settings) -> "MeaningReader | None":
    """Return what reads beside the router that ships. Raises ConfigurationError if MiniLM is not the manifest's."""
    from adapters.models.offline.router.meaning import MeaningReader

    if settings.embedder not in {"auto", "minilm"}:
        return None
    return MeaningReader.of(open_local_embedder(wanted=settings.embedder == "minilm"))


def look_at_router(settings: Settings) -> RouterStanding:
    """Return what is in use. Raises WeightsError where the file is not what it should be."""
    weights = _in_use(settings)
    if weights.taught is None:
        told = weights.figures["calibration"]["all"]
        return RouterStanding(
            weights.digest, weights.labels, None, told["ece"], told["answers"], tuple(_measured(weights.figures))
        )
    after = TeachingComparison.model_validate(weights.taught["comparison"]).after
    return RouterStanding(weights.digest, weights.labels, weights.taught, after.ece, after.messages)


def _measured(figures: dict[str, Any]) -> Iterator[MeasuredConfidence]:  # JSON, as training wrote it
    for source, right in figures.get("source_left_out", {}).items():
        found = figures["calibration"].get(source, {"answers": 0})
        answers = found["answers"]
        if not answers:
            continue
        share = right["right"] / max(1 - right["abstained"], right["right"])
        chance = error_by_chance([(share * answers + 0.5) / (answers + 1)] * answers)  # none is ever certain
        assert chance is not None
        yield MeasuredConfidence(source, answers, found["ece"], chance.mean, chance.hides())


def forget_router(settings: Settings) -> bool:
    """Go back to the router that ships; return whether another one was in use."""
    from adapters.models.offline.router.taught import forget_taught

    return forget_taught(taught_file(settings))


async def teach_router(
    settings: Settings,
    lessons: Sequence[Lesson],
    categories: Collection[str],
    *,
    by: str,
    now: datetime,
    of: str = "",
    dry_run: bool = False,
) -> TeachingReport:
    """Teach the router messages, and keep what it learned where that is better than what is in use, MiniLM included.

    Args:
        settings: of the data dir.
        lessons: all that it shall know beside what ships: what was taught before is not kept.
        categories: of the blueprint.
        by: who teaches.
        now: goes on record.
        of: where the messages are from, for people; goes on record.
        dry_run: keep nothing.

    Raises:
        ImpossibleError: there are too few messages, or too many.
        WeightsError: the file of the data dir is not what it should be.
        ConfigurationError: MiniLM is not the manifest's.
    """
    from adapters.models.offline.router.taught import write_taught
    from adapters.models.offline.router.teaching import second_reading, teach
    from adapters.models.offline.router.weights import load_weights

    kept, repeats, contradicting = consistent(lessons)
    if len(kept) > MOST_MESSAGES:
        raise ImpossibleError(f"{len(kept)} messages: at most {MOST_MESSAGES}; take a part of them")
    told = {"by": by, "at": now.isoformat(timespec="seconds"), "of": of}
    in_use, reader = _in_use(settings), _second_reader(settings)
    second = None if reader is None else await second_reading(reader, kept)
    done = teach(load_weights(), in_use, kept, categories, told, second)
    better = not done.comparison.objection
    if better and not dry_run:
        make_data_dir(settings.data_dir)
        write_taught(taught_file(settings), done.raw)
    return TeachingReport(
        messages=len(kept),
        repeats=repeats,
        contradicting=contradicting,
        labels=done.labels,
        comparison=done.comparison,
        against_shipped=done.against_shipped,
        kept=better and not dry_run,
        with_minilm=second is not None and (in_use.taught is None or done.against_shipped),
    )


def corrections(parts: "Parts") -> list[Lesson]:
    """Return what people routed themselves, as the router is shown it, of categories that the blueprint has."""
    from activities.models.prompting import ticket_text

    names = {category.name for category in parts.blueprint.categories}
    found = parts.store.reports.corrections(MOST_MESSAGES)
    lessons = ((ticket_text(row.case), row) for row in found if row.category in names)
    return [Lesson(text=text, label=row.category, lang=row.case.lang) for text, row in lessons if text.strip()]
