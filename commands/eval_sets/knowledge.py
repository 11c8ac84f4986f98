"""The set of questions to the knowledge: no model is asked."""

from collections.abc import Sequence
from pathlib import Path

from activities.models.diagnose import OFFERED
from activities.models.retrieval import Retrieval
from commands.eval_sets.running import EvalRun, JudgedSet, chosen, numbered
from commands.knowledge.scoring import Offered, figures, offered_articles, read_questions
from commands.results.result import RowResult
from domain.errors import UsageError
from domain.reading.knowledge import Library
from workers.config.variables import PROJECT


async def judge_knowledge(run: EvalRun, files: Sequence[Path]) -> JudgedSet:
    """Look for the articles that answer questions, as the product does."""
    articles = run.parts.knowledge
    try:
        read = [line for file in files for line in read_questions(file, articles)]
    except UsageError as error:
        if any(file.parent != PROJECT / "samples" for file in files):
            raise
        return JudgedSet([], skipped=f"the samples are about other articles than this blueprint's: {error}")
    lines = chosen(read, run.limit, lambda line: f"{line.lang} {line.question}")
    library = Library(articles, default_lang=run.parts.blueprint.letters.fallback)
    retrieval = Retrieval(library, run.parts.opens_article_embedder)
    offered = await offered_articles(lines, retrieval, {article.area for article in articles})
    names = numbered([f"question {number}" for number in range(1, len(offered) + 1)])
    return JudgedSet([_row(name, one) for name, one in zip(names, offered, strict=True)], figures(offered))


def _row(name: str, one: Offered) -> RowResult:
    if one.line.article is None:
        got = one.offered[0] if one.offered else "none"
        return RowResult(id=name, group="without an answer", expected="none", got=got, right=not one.offered)
    got = f"place {one.place}" if one.place else "not offered"
    return RowResult(id=name, group="answered", expected=one.line.article, got=got, right=0 < one.place <= OFFERED)
