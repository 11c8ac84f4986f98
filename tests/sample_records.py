"""The sample records as the product reads them."""

import csv
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from domain.importing.kinds import Kind
from domain.importing.problems import Problems
from domain.importing.rows import Times, read_header, read_row

FOLDER = Path(__file__).parents[1] / "samples" / "records"


@cache
def sample_records(kind: Kind, loaded_at: datetime) -> list[dict[str, Any]]:
    """Return the records of a kind as they stand in the store once they are loaded at that time."""
    problems = Problems()
    with (FOLDER / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, strict=True)
        header = read_header(file.name, kind, next(lines), problems)
        assert header is not None, problems.first
        times = Times(loaded_at, relative=True)
        rows = [read_row(header, line, fields, times, problems) for line, fields in enumerate(lines, start=2)]
    assert problems.first == []
    return [row.values for row in rows]
