"""Live progress: a bar on a terminal, a line every few seconds where there is none."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

BETWEEN_LINES_S = 3.0


@contextmanager
def progress_bar(console: Console, what: str, total: int | None) -> Iterator[Callable[[int, str], None]]:
    """Yield a function that shows how many are done and a note. `total` is None where it is not known."""
    if console.is_terminal:
        columns = (
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(what, total=total, note="")
            yield lambda done, note: progress.update(task, completed=done, note=note)
        return
    last = 0.0

    def line(done: int, note: str) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last >= BETWEEN_LINES_S:
            last = now
            of = f"/{total}" if total is not None else ""
            console.print(Text(f"  {what}: {done}{of} {note}".rstrip()))

    yield line
