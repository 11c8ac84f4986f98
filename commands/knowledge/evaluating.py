"""`headgate eval knowledge`: are the right articles found?"""

from pathlib import Path
from typing import Annotated

import typer

from commands.terminal.cli import AsJson, emit, run


def eval_knowledge(
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help='Lines of {"question", "article" or null, "lang", "area"}, the last two optional. Default: '
            "samples/knowledge.jsonl.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for the articles that answer questions, by words and by the embedder in use; no model is asked.

    False offers: of the questions that no article answers, those that are offered some.
    """

    async def work() -> dict[str, object]:
        from commands.knowledge.scoring import score_retrieval
        from workers.bootstrap import Parts
        from workers.config.settings import load_settings
        from workers.config.variables import PROJECT

        return await score_retrieval(data or PROJECT / "samples" / "knowledge.jsonl", Parts(load_settings()))

    document = run(work)
    if as_json:
        emit(document)
        return
    for name, found in document.items():
        if not isinstance(found, dict):
            typer.echo(f"in use: {found}")
            continue
        typer.echo(name)
        for key, value in found.items():
            if key != "by_lang":
                typer.echo(f"  {key:14} {value}")
        for lang, shares in found["by_lang"].items():
            typer.echo(f"  {lang:14} " + ", ".join(f"{k} {v}" for k, v in shares.items()))
