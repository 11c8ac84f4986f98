"""The options by which dead letters are chosen, the same for every command of `headgate dlq`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import table

if TYPE_CHECKING:
    from domain.dead_letters.choosing import Cursor, LetterCount, LetterFilter

Reasons = Annotated[
    list[str] | None,
    typer.Option("--reason", "--kind", help="Only these: transient, configuration, …, or provider_down (an outage)."),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", help="Only of these reasons: transient, configuration, …, or provider_down (an outage)."),
]
Sources = Annotated[list[str] | None, typer.Option("--source", help="Only from these sources.")]
Tenants = Annotated[list[str] | None, typer.Option("--tenant", help="Only of these tenants.")]
Steps = Annotated[list[str] | None, typer.Option("--step", help="Only those that gave up at these steps.")]
Since = Annotated[str | None, typer.Option("--since", help="Given up since then: 2h, 7d, or 2026-06-15T09:30 (UTC).")]
Until = Annotated[str | None, typer.Option("--until", help="Given up before then.")]
OfCase = Annotated[str | None, typer.Option("--case", help="Only of this case.")]


def chosen_by(
    *,
    ids: Sequence[str] | None = None,
    reasons: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    tenants: Sequence[str] | None = None,
    steps: Sequence[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    case: str | None = None,
    status: str = "open",
) -> "LetterFilter":
    """Return what the options mean; a slip of the hand ends the command with one line."""
    from commands.terminal.cli import clear_errors
    from domain.dead_letters.choosing import LetterFilter, case_meant, kinds_of, moment, statuses_of

    now = datetime.now(UTC)
    with clear_errors():
        return LetterFilter(
            ids=list(dict.fromkeys(ids or [])),
            kinds=kinds_of(reasons or []),
            sources=list(sources or []),
            tenants=list(tenants or []),
            steps=list(steps or []),
            case_id=case_meant(case),
            since=moment("--since", since, now),
            until=moment("--until", until, now),
            statuses=statuses_of(status),
        )


def cursor_of(text: str | None) -> "Cursor | None":
    """Return the place that `--after` names; it is what the list before ended with."""
    from commands.terminal.cli import clear_errors
    from domain.dead_letters.choosing import Cursor
    from domain.errors import UsageError

    if text is None:
        return None
    at, _, dead_letter_id = text.partition(",")
    with clear_errors():
        try:
            return Cursor(at=datetime.fromisoformat(at), dead_letter_id=dead_letter_id)
        except ValueError:
            raise UsageError(f"--after {text[:80]!r}: expected what the list before ended with: TIME,LETTER") from None


def counted(counts: "Sequence[LetterCount]") -> list[dict[str, object]]:
    """Return counts by reason and source as they stand in JSON."""
    return [{"reason": c.kind, "source": c.source, "letters": c.letters} for c in counts]


def print_counts(counts: "Sequence[LetterCount]") -> None:
    """Print counts by reason and source as a table."""
    table(("reason", "source", "letters"), ((c.kind, c.source, c.letters) for c in counts))
