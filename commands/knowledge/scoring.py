"""What `headgate eval knowledge` measures: whether the right article is among those that a question is offered."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from activities.models.retrieval import Retrieval
from client.inflow.text_lines import text_lines
from domain.errors import UsageError
from domain.installation.mistakes import mistake
from domain.reading.knowledge import Article, Library
from workers.bootstrap import Parts

DEPTHS = (1, 3, 5)


class KnowledgeLine(BaseModel):
    """A question, the article that answers it (None: none does), its language, and the area to look in (all)."""

    model_config = ConfigDict(extra="ignore")

    question: str
    article: str | None
    lang: str = "und"
    area: str | None = None


class Offered(NamedTuple):
    """The place of the right article among those that a question was offered, from 1; 0: it is not there."""

    line: KnowledgeLine
    place: int
    offered: Sequence[str]


def read_questions(path: Path, articles: Sequence[Article]) -> list[KnowledgeLine]:
    """Return the questions of a file, one a line.

    Raises:
        UsageError: a line is none, or names an article or area that the blueprint has not; it is named.
        ImpossibleError: the file cannot be read; it and the line are named.
    """
    known, areas = {a.article_id for a in articles}, {a.area for a in articles}
    lines = []
    for number, text in text_lines(path):
        try:
            line = KnowledgeLine.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"{path}, line {number}{f', key {key}' if key else ''}: {mistake(first)}") from error
        if line.article is not None and line.article not in known:
            raise UsageError(f"{path}, line {number}: the blueprint has no article {line.article!r}; null: none")
        if line.area is not None and line.area not in areas:
            raise UsageError(f"{path}, line {number}: no article has the area {line.area!r}; known are {sorted(areas)}")
        lines.append(line)
    if not lines:
        raise UsageError(f"{path}: no question in it")
    return lines


async def score_retrieval(data: Path, parts: Parts) -> dict[str, object]:
    """Return how well the articles of the blueprint are found for a file's questions: by words alone, and by words and
    the embedder in use. What the product does is named in `in_use`.

    Raises:
        UsageError: the file is none.
        HeadgateError: the embedder does not answer, or cannot be used.
    """
    lines = read_questions(data, parts.knowledge)
    embedder = parts.embedder
    await embedder.embed(["hello"])  # one that does not work is told, not measured as words alone
    both = f"words and {embedder.name}"
    ways = {"words": None, both: lambda: embedder}
    found: dict[str, object] = {"in_use": "words" if parts.opens_article_embedder is None else both}
    for name, opened in ways.items():
        library = Library(parts.knowledge, default_lang=parts.blueprint.letters.fallback)
        found[name] = figures(await _offered(lines, Retrieval(library, opened), {a.area for a in parts.knowledge}))
    return found


async def offered_to(lines: Iterable[KnowledgeLine], parts: Parts) -> list[Offered]:
    """Return what each question is offered, as the product does it with the embedder in use.

    Raises:
        HeadgateError: the embedder does not answer, or cannot be used.
    """
    library = Library(parts.knowledge, default_lang=parts.blueprint.letters.fallback)
    retrieval = Retrieval(library, parts.opens_article_embedder)
    return await _offered(lines, retrieval, {article.area for article in parts.knowledge})


async def _offered(lines: Iterable[KnowledgeLine], retrieval: Retrieval, areas: set[str]) -> list[Offered]:
    day = datetime.now(UTC).date()
    found = []
    for line in lines:
        wanted = areas if line.area is None else {line.area}
        ranked = await retrieval.nearest(line.question, areas=wanted, day=day, lang=line.lang, top=len(DEPTHS) * 100)
        ids = [r.article.article_id for r in ranked]
        place = ids.index(line.article) + 1 if line.article in ids else 0
        found.append(Offered(line, place, ids))
    return found


def figures(offered: Sequence[Offered]) -> dict[str, object]:
    """Return recall at 1, 3 and 5, the mean reciprocal rank, and the share of questions without an answer that are
    offered articles all the same; recall at 3 by language.
    """
    answered = [o for o in offered if o.line.article is not None]
    without = [o for o in offered if o.line.article is None]
    return {
        "n": len(answered),
        **{f"recall_at_{depth}": _recall(answered, depth) for depth in DEPTHS},
        "mrr": _share(sum(1 / o.place for o in answered if o.place), len(answered)),
        "without": len(without),
        "false_offers": _share(sum(bool(o.offered) for o in without), len(without)),
        "by_lang": {
            lang: {"n": len(some), "recall_at_3": _recall(some, 3)}
            for lang in sorted({o.line.lang for o in answered})
            if (some := [o for o in answered if o.line.lang == lang])
        },
    }


def _recall(answered: Sequence[Offered], depth: int) -> float | None:
    return _share(sum(0 < o.place <= depth for o in answered), len(answered))


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
