"""What every set is run with, and how its rows are gone through."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from commands.eval_sets.metering import Meter, current_row
from commands.results.result import ProfileCost, RowResult
from domain.errors import ToldToWaitError, TransientError
from domain.model_call import Tier
from ports.models.model import LanguageModel
from workers.bootstrap import Parts

Item = TypeVar("Item")
Judge = Callable[[], Awaitable[RowResult]]
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class EvalRun:
    """What a set is run with.

    Attributes:
        parts: what is measured.
        limit: of rows; None: all of them.
        at_once: rows that a provider's models are asked about side by side.
        meter: notes the calls.
        tell: is told how many rows are done, and of how many.
    """

    parts: Parts
    limit: int | None
    at_once: int = 1
    meter: Meter = field(default_factory=Meter)
    tell: Callable[[int, int], None] = lambda _done, _of: None

    @property
    def is_embedded(self) -> bool:
        """Whether no provider is asked."""
        choices = self.parts.blueprint.choices(self.parts.settings.models)
        return all(choice.provider == "offline" for choice in choices)

    @property
    def models(self) -> dict[Tier, LanguageModel]:
        """The models, metered."""
        return self.meter.around(self.parts.models)


@dataclass
class JudgedSet:
    """What a set's rows came to, the figures of its own command, and what cases cost where it says so."""

    rows: list[RowResult]
    figures: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    cost: list[ProfileCost] = field(default_factory=list)
    skipped: str = ""


def chosen(items: Iterable[Item], limit: int | None, key: Callable[[Item], str]) -> list[Item]:
    """Return so many items in their order: always the same ones, whatever order they are in, and those of a smaller
    limit are among those of a larger one.
    """
    everything = list(items)
    if limit is None or len(everything) <= limit:
        return everything
    places = range(len(everything))
    drawn = sorted(places, key=lambda n: hashlib.sha256(key(everything[n]).encode("utf-8", "replace")).digest())
    return [everything[n] for n in sorted(drawn[:limit])]


def numbered(ids: Sequence[str]) -> list[str]:
    """Return ids of which none comes twice: the second one of the same name is `NAME#2`.

    >>> numbered(["a", "b", "a"])
    ['a', 'b', 'a#2']
    """
    seen: dict[str, int] = {}
    found = []
    for name in ids:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found


async def judged_rows(run: EvalRun, rows: Sequence[tuple[RowResult, Judge]]) -> list[RowResult]:
    """Judge rows and return them in their order; of embedded models one after the other, which all share a core.

    Args:
        run: says how many at once.
        rows: each with what judges it.

    Raises:
        HeadgateError: what a model raises that no pause mends; the other rows are let go.
    """
    places, done = asyncio.Semaphore(1 if run.is_embedded else run.at_once), 0

    async def in_place(row: RowResult, judge: Judge) -> RowResult:
        nonlocal done
        async with places:
            found = await judged_row(row, judge)
        done += 1
        run.tell(done, len(rows))
        return found

    tasks = [asyncio.create_task(in_place(row, judge)) for row, judge in rows]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def judged_row(row: RowResult, judge: Judge) -> RowResult:
    """Judge a row; where no model answers for the time, time and again, the row comes back as unanswered."""
    current_row.set(row.id)
    try:
        return await judge()
    except (TransientError, ToldToWaitError):
        return row.model_copy(update={"got": NO_ANSWER, "right": False, "unanswered": True})
