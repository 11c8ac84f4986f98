"""`headgate knowledge`: articles, how often they are used, and what is missing."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, AsJson, DataDir, emit, table, with_store

if TYPE_CHECKING:
    from domain.knowledge.gaps import Gap
    from workers.bootstrap import Parts

knowledge_app = typer.Typer(no_args_is_help=True, help="Knowledge articles: which are used, and what is missing.")
_CASES_SHOWN = 5
_COLUMNS = (
    "article_id", "version", "area", "lang", "owner", "standing", "valid_from", "valid_until", "used", "title",
)  # fmt: skip


@knowledge_app.command("list")
def knowledge_list(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """List the blueprint's articles with owner, version, validity, language, and how often letters quoted them."""

    async def work(parts: "Parts") -> list[dict[str, object]]:
        from commands.knowledge.gathering import articles_in_use

        return articles_in_use(parts)

    rows = with_store(data_dir, work)
    if as_json:
        emit(rows)
        return
    columns = (
        "article_id",
        "version",
        "area",
        "lang",
        "owner",
        "standing",
        "valid_from",
        "valid_until",
        "used",
        "title",
    )
    table(columns, ([row[name] for name in columns] for row in rows))


@knowledge_app.command("gaps")
def knowledge_gaps(
    since: Annotated[str, typer.Option("--since", help="Asked since then: 12h, 7d, or 2026-06-15T09:30 (UTC).")] = "7d",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """List what people had to answer, those questions together that are alike, with the nearest article.

    Questions that a person answered, and those that no article did, without bodies that are no question of a person
    (broken ones, documents without words). Personal data is replaced by tokens.
    """

    async def work(parts: "Parts") -> "tuple[list[Gap], int]":
        from datetime import UTC, datetime

        from commands.knowledge.gathering import find_gaps
        from domain.dead_letters.choosing import moment
        from domain.errors import UsageError

        now = datetime.now(UTC)
        begin = moment("--since", since, now) or now
        if begin > now:
            raise UsageError(f"--since {since!r}: that is to come; name a time that has passed, such as 7d")
        return await find_gaps(parts, begin)

    gaps, questions = with_store(data_dir, work)
    if as_json:
        emit({"questions": questions, "gaps": [gap.model_dump(mode="json") for gap in gaps]})
        return
    from commands.knowledge.gathering import LOOKED_AT

    typer.echo(f"{questions} questions since {since}" + (", the newest" if questions == LOOKED_AT else ""))
    for gap in gaps:
        for line in _lines(gap):
            typer.echo(line)


def _lines(gap: "Gap") -> list[str]:
    nearest = gap.nearest
    near = "nothing is near it"
    if nearest is not None:
        near = f"nearest {nearest.article_id} v{nearest.version}: {nearest.title} (distance {nearest.distance:.2f})"
    more = gap.count - _CASES_SHOWN
    return [
        f"{gap.count}  {', '.join(gap.subjects)}",
        f"     {_counts(gap.languages)}; {_counts(gap.categories)}; {_counts(gap.why)}",
        f"     {near}",
        f"     {' '.join(gap.case_ids[:_CASES_SHOWN])}" + (f" and {more} more (--json)" if more > 0 else ""),
    ]


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.items())
