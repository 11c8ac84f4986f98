"""A result as one HTML page: everything escaped, no script, nothing loaded from anywhere."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from commands.results.comparing import Comparison
from commands.results.report import stated_confidence, times, usd
from commands.results.result import EvalResult, RowResult

ROWS_SHOWN = 200


def result_page(result: EvalResult, comparison: Comparison | None) -> str:
    """Return the page of a result, with what changed since another one."""
    return (
        _environment()
        .get_template("result.html")
        .render(result=result, comparison=comparison, wrong=wrong_rows, shade=shade, shown=ROWS_SHOWN)
    )


def wrong_rows(rows: Sequence[RowResult]) -> list[RowResult]:
    """Return the rows that are not right, the grave ones first."""
    return sorted((row for row in rows if not row.right or row.grave), key=lambda row: not row.grave)


def shade(count: object, counts: Mapping[str, object]) -> int:
    """Return how dark a cell of a matrix is: its share of the row, percent.

    >>> shade(3, {"a": 3, "b": 9}), shade(0, {})
    (25, 0)
    """
    whole = sum(value for value in counts.values() if isinstance(value, int))
    return round(100 * count / whole) if isinstance(count, int) and whole else 0


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["usd"] = usd
    found.globals |= {"times": times, "stated_confidence": stated_confidence}
    return found
