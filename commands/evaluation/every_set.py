"""Run every set with the models, and keep what came of it after each."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from commands.eval_sets.running import EvalRun
from commands.eval_sets.table import EvalSet, files_of
from commands.measure.model_server import asks_offline
from commands.results.result import DataFile, EvalResult, SetResult, Versions
from commands.terminal.progress import progress_bar
from domain.errors import ImpossibleError, TransientError
from workers.bootstrap import Parts
from workers.local_models.installed import open_name_finder
from workers.local_models.router import look_at_router


def begun(parts: Parts) -> EvalResult:
    """Return an empty result that says what is measured. Raises as `Parts.models`: before anything is paid for."""
    _ = parts.models
    blueprint, settings = parts.blueprint, parts.settings
    tiers = blueprint.models[settings.models]
    return EvalResult(
        made_at=datetime.now(UTC),
        versions=Versions(
            headgate=version("headgate"),
            blueprint=blueprint.version,
            profile=settings.models,
            models={tier.value: [choice.known_as for choice in order] for tier, order in tiers.items()},
            embedder=parts.embedder.name,
            names="rules and a model" if open_name_finder(settings.names) is not None else "rules alone",
            router=_router(parts) if asks_offline(settings) else "",
        ),
    )


def _router(parts: Parts) -> str:
    found = look_at_router(parts.settings)
    return f"{found.digest[:12]}, {'taught' if found.taught else 'as it ships'}"


async def run_sets(
    parts: Parts,
    result: EvalResult,
    sets: Sequence[EvalSet],
    data: Path | None,
    limit: int | None,
    keep: Callable[[EvalResult], None],
    at_once: int = 1,
) -> None:
    """Run the sets into a result, which `keep` is given after each: what was paid for is not lost.

    Raises:
        ImpossibleError: a file cannot be read, or none of the sets has one.
        TransientError: no model answered any row of a set.
        HeadgateError: what a model raises that no pause mends.
    """
    for one in sets:
        files = files_of(one, data)
        if not files:
            result.sets.append(SetResult(name=one.name, skipped=f"there is no file of it: {' or '.join(one.files)}"))
            continue
        result.sets.append(await _run_set(parts, result, one, files, limit, at_once))
        keep(result)
        rows = result.sets[-1].rows
        if rows and all(row.unanswered for row in rows):
            raise TransientError(
                f"set {one.name!r}: no model answered any of its {len(rows)} rows; is the provider out?"
            )
    if all(one.skipped for one in result.sets):
        raise ImpossibleError(f"no set could be run: {'; '.join(f'{s.name}: {s.skipped}' for s in result.sets)}")
    result.complete = True
    keep(result)


async def _run_set(
    parts: Parts, result: EvalResult, one: EvalSet, files: Sequence[tuple[str, Path]], limit: int | None, at_once: int
) -> SetResult:
    # Before it is run: a file that is changed meanwhile is not the one that was measured.
    digests = [DataFile(name=name, sha256=hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in files]
    began = time.monotonic()
    with _progress(one.name) as tell:
        run = EvalRun(parts, limit, at_once, tell=tell)
        judged = await one.judge(run, [path for _, path in files])
    result.cost.extend(judged.cost)
    return SetResult(
        name=one.name, skipped=judged.skipped, files=digests, limit=limit,
        seconds=round(time.monotonic() - began, 1), rows=judged.rows, figures=judged.figures, steps=run.meter.steps(),
    )  # fmt: skip


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far a set is, where somebody looks on."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _of: None
        return
    with progress_bar(console, name, None) as show:
        yield lambda done, of: show(done, f"of {of}")
