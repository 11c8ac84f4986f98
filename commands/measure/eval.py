"""`headgate eval`: how well the configured models do on labelled data."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from commands.measure.claim_report import as_mapping, claim_report
from commands.measure.repair_report import repair_report
from commands.terminal.cli import MODELS_HELP, AsJson, emit, run

Models = Annotated[
    str | None,
    typer.Option("--models", help=f"{MODELS_HELP} Default: HEADGATE_MODELS, else offline."),
]

eval_app = typer.Typer(no_args_is_help=True, help="How well the configured models do on labelled data.")


@eval_app.command("routing")
def eval_routing(
    data: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help='Lines of {"id", "text"|"html", "label"|null, "lang", "source"}.'
        ),
    ],
    models: Models = None,
    as_json: AsJson = False,
) -> None:
    """Route every line as a case would be routed and score the answers; an abstention counts as wrong."""

    async def work() -> dict[str, object]:
        from commands.measure.model_server import models_for
        from commands.measure.scoring import score_model

        async with models_for(models) as parts:
            return await score_model(data, parts)

    document = run(work)
    if as_json:
        emit(document)
        return
    typer.echo(f"accuracy {document['accuracy']} of {document['n']}, {document['abstained']} abstained")
    typer.echo(f"off-topic forced into a queue: {document['off_topic_forced']} of {document['off_topic']}")
    sure = as_mapping(document["confidence"])
    if sure["n"]:
        said = f"{sure['stated']} stated, {sure['right']} right of {sure['n']} answers; error (ECE) {sure['ece']}"
        said += f" (honest answers show {sure['ece_by_chance']} by chance, {sure['ece_by_chance_at_most']} at most)"
        typer.echo(f"confidence: {said}")
    for group in ("per_class", "per_source", "per_lang"):
        typer.echo(f"{group}:")
        for name, figures in as_mapping(document[group]).items():
            typer.echo(f"  {name:24} " + ", ".join(f"{k} {v}" for k, v in as_mapping(figures).items()))


def _require_one_source(data: Path | None, made: int, seed: int | None) -> None:
    """Refuse a file beside lines made by rule, and a seed without such lines. Raises typer.BadParameter."""
    if data is not None and made:
        raise typer.BadParameter("give --data or --made, not both")
    if seed is not None and not made:
        raise typer.BadParameter("--seed is for --made")


@eval_app.command("claims")
def eval_claims(
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Lines as samples/claims.jsonl has them (the default), or refund cases: a customer's wish "
            "(reason_for_call), that customer's orders, and expected_refunds.",
        ),
    ] = None,
    made: Annotated[
        int, typer.Option(min=0, max=100_000, help="Instead: so many complaints made by rule, the same for a seed.")
    ] = 0,
    seed: Annotated[int | None, typer.Option(help="Seed of --made.")] = None,
    models: Models = None,
    as_json: AsJson = False,
) -> None:
    """Read every complaint as a case's would be read, let policy decide on it, and score both; nothing is paid."""
    _require_one_source(data, made, seed)

    async def work() -> dict[str, object]:
        from bench.claim_texts import SEED, made_claims
        from commands.measure.claim_files import read_claim_lines
        from commands.measure.claim_scoring import judge_claims, line_of_made, score_claims
        from commands.measure.model_server import models_for
        from workers.config.variables import PROJECT

        if made:
            drawn = made_claims(made, SEED if seed is None else seed)
            lines = [line_of_made(number, claim) for number, claim in enumerate(drawn)]
        else:
            lines = list(read_claim_lines(data or PROJECT / "samples" / "claims.jsonl"))
        async with models_for(models) as parts:
            return score_claims(await judge_claims(lines, parts))

    document = run(work)
    if as_json:
        emit(document)
        return
    for line in claim_report(document):
        typer.echo(line)


@eval_app.command("cache")
def eval_cache(
    data: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            help='Lines of {"text", "answer" or "intent", "lang"}: a stream; or of {"a", "b", "same", "kind", "lang"}: '
            "may b be served what answered a?",
        ),
    ],
    rule: Annotated[str, typer.Option(help="strict or balanced.")] = "strict",
    seed: Annotated[int, typer.Option(help="Of the order in which a stream comes.")] = 1,
    picture: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write hits against false hits there, as SVG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let questions come one by one and answer them from near ones, with the embedder in use; no model is asked.

    A stream's figures by language are those that [[cache.measured]] of a blueprint asks for.
    """

    async def work() -> dict[str, object]:
        from commands.measure.cached import evaluate_cache

        return await evaluate_cache(data, rule, seed, picture)

    document = run(work)
    if as_json:
        emit(document)
        return
    for line in _shown(document):
        typer.echo(line)


def _shown(document: Mapping[str, object], indent: str = "") -> Iterator[str]:
    """Yield figures line by line, those that belong together on one."""
    for name, value in document.items():
        if name == "curve":
            continue
        if not isinstance(value, dict):
            yield f"{indent}{name:16} {value}"
        elif any(isinstance(inner, dict) for inner in value.values()):
            yield f"{indent}{name}"
            yield from _shown(value, f"{indent}  ")
        else:
            yield f"{indent}{name:28} " + ", ".join(f"{key} {figure}" for key, figure in value.items())


@eval_app.command("repair")
def eval_repair(
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help='Lines of {"id", "broken", "expected"}, and of payloads with "missing", "required", "context", '
            '"unrecoverable" besides. Default: samples/repair/documents.jsonl.',
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="What a payload should hold and which records have it (TOML). Default: "
            "samples/repair/refund_payload.toml.",
        ),
    ] = None,
    made: Annotated[
        int, typer.Option(min=0, max=100_000, help="Instead: so many documents broken by rule, the same for a seed.")
    ] = 0,
    seed: Annotated[int | None, typer.Option(help="Seed of --made.")] = None,
    as_json: AsJson = False,
) -> None:
    """Mend broken JSON and fill incomplete payloads from records, and score both; no model is asked."""
    _require_one_source(data, made, seed)

    async def work() -> dict[str, object]:
        from bench.repair.broken_json import SEED, made_documents
        from commands.measure.repair_files import read_document_rules, read_repair_lines
        from commands.measure.repair_scoring import judge_lines, line_of_made_document, score_repairs
        from workers.config.variables import PROJECT
        from workers.parts.outside_systems import document_mender

        samples = PROJECT / "samples" / "repair"
        if made:
            drawn = made_documents(made, SEED if seed is None else seed)
            lines = [line_of_made_document(number, document) for number, document in enumerate(drawn)]
        else:
            lines = list(read_repair_lines(data or samples / "documents.jsonl"))
        told = read_document_rules(rules or samples / "refund_payload.toml")
        return score_repairs(*judge_lines(lines, document_mender(), told))

    document = run(work)
    if as_json:
        emit(document)
        return
    for line in repair_report(document):
        typer.echo(line)
