"""The sets of complaints and of broken documents."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from activities.models.extract import ExtractActivities
from commands.eval_sets.running import EvalRun, JudgedSet, chosen, judged_rows, numbered
from commands.measure.claim_files import read_claim_lines
from commands.measure.claim_scoring import ClaimLine, JudgedClaim, judge_claim, score_claims
from commands.measure.repair_files import read_document_rules, read_repair_lines
from commands.measure.repair_scoring import JudgedDocument, JudgedPayload, judge_lines, score_repairs
from commands.results.result import RowResult
from domain.errors import BadAnswerError, UnsupportedTaskError
from domain.model_steps import ModelStep
from workers.config.variables import PROJECT
from workers.parts.outside_systems import document_mender

RULES = PROJECT / "samples" / "repair" / "refund_payload.toml"


async def judge_claims(run: EvalRun, files: Sequence[Path]) -> JudgedSet:
    """Read every complaint and let policy decide; grave is more money than was asked for."""
    parts = run.parts
    if ModelStep.CLAIM not in parts.blueprint.prompts:
        return JudgedSet([], skipped="this blueprint has no prompt `claim`: it reads no complaints")
    extract = ExtractActivities(run.models, parts.blueprint.for_profile(parts.settings.models))
    lines = chosen([line for file in files for line in read_claim_lines(file)], run.limit, lambda line: line.id)
    judged: list[JudgedClaim] = []

    async def read(asked: RowResult, line: ClaimLine) -> RowResult:
        try:
            found = await judge_claim(line, extract, parts)
        except (BadAnswerError, UnsupportedTaskError):
            return asked.model_copy(update={"got": "human", "right": "human" in line.expect.decision})
        judged.append(found)
        got = f"{found.decision} of {found.minor:,} minor units" if found.minor else found.decision
        return asked.model_copy(update={"got": got, "right": found.right, "grave": found.beyond})

    names = numbered([line.id for line in lines])
    asked = [_unread(name, line) for name, line in zip(names, lines, strict=True)]
    rows = await judged_rows(run, [(row, partial(read, row, line)) for row, line in zip(asked, lines, strict=True)])
    return JudgedSet(rows, score_claims(judged))


def _unread(name: str, line: ClaimLine) -> RowResult:
    return RowResult(id=name, group="complaints", expected=" or ".join(line.expect.decision), got="", right=False)


async def judge_repair(run: EvalRun, files: Sequence[Path]) -> JudgedSet:
    """Mend broken documents and fill incomplete payloads; grave is a wrong value that nobody is told of."""
    given = [file for file in files if file.suffix == ".jsonl"]
    rules = read_document_rules(next((file for file in files if file.suffix == ".toml"), RULES))
    lines = chosen([line for file in given for line in read_repair_lines(file)], run.limit, lambda line: line.id)
    documents, payloads = judge_lines(lines, document_mender(), rules)
    names = numbered([one.line.id for one in documents])
    rows = [_document_row(name, one) for name, one in zip(names, documents, strict=True)]
    names = numbered([one.line.id for one in payloads])
    rows += [row for name, one in zip(names, payloads, strict=True) for row in _field_rows(name, one)]
    return JudgedSet(rows, score_repairs(documents, payloads))


def _document_row(name: str, one: JudgedDocument) -> RowResult:
    expected = "people are told" if one.line.is_told else "mended"
    wrong = "wrong, and nobody is told" if one.silent else "not mended"
    return RowResult(
        id=name, group="documents", expected=expected, got=expected if one.right else wrong, right=one.right,
        grave=one.silent,
    )  # fmt: skip


def _field_rows(name: str, one: JudgedPayload) -> list[RowResult]:
    """Return the missing fields of a payload as rows, and the payload itself: what is wrong in it unnoticed."""
    rows = [
        _field_row(f"{name}/{field}", "fields", "filled", "filled" if field in one.right else "not filled")
        for field in dict.fromkeys([*one.right, *one.wrong])
    ]
    for field in dict.fromkeys(one.line.unrecoverable):
        got = "invented" if field in one.invented else "left empty"
        rows.append(_field_row(f"{name}/{field}", "unknown fields", "left empty", got))
    unnoticed = list(dict.fromkeys([*one.silent, *one.invented, *one.unasked]))
    got = f"wrong and unnoticed: {', '.join(unnoticed)}" if unnoticed else "all told"
    whole = _field_row(name, "payloads", "all told", got)
    return [*rows, whole.model_copy(update={"grave": bool(unnoticed)})]


def _field_row(name: str, group: str, expected: str, got: str) -> RowResult:
    return RowResult(id=name, group=group, expected=expected, got=got, right=expected == got)
