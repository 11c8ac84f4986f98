"""`headgate eval repair`: what is made of broken and incomplete documents, by the code that reads them in a case.

A wrong value that nobody is told of is silent: it counts double against the score, and is named.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.repair.broken_json import MadeDocument
from commands.measure.repair_files import BrokenLine, IncompleteLine
from domain.inbound import strict_json
from domain.repair.document import MendedDocument, same
from domain.repair.healing import HealedDocument, healed
from domain.repair.rules import DocumentRules
from ports.repair import DocumentMender

SHOWN = 50


@dataclass(frozen=True)
class JudgedDocument:
    """A line and what became of it."""

    line: BrokenLine
    found: MendedDocument

    @property
    def right(self) -> bool:
        """Whether it is the value that it should be; of one that is not whole, whether people are told so."""
        if self.line.is_told:
            return not self.found.is_sure
        return self.found.found and same(self.found.value, self.line.expected)

    @property
    def silent(self) -> bool:
        """Whether it is wrong and nobody is told that anything in it may be."""
        return self.found.is_sure and not self.right


@dataclass(frozen=True)
class JudgedPayload:
    """An incomplete payload and what became of its fields, by name."""

    line: IncompleteLine
    healed: HealedDocument
    right: list[str] = field(default_factory=list)  # recoverable ones
    wrong: list[str] = field(default_factory=list)  # recoverable ones, empty ones too
    invented: list[str] = field(default_factory=list)  # a value where none can be known
    silent: list[str] = field(default_factory=list)  # wrong, and held for sure; of all fields
    unasked: list[str] = field(default_factory=list)  # required, without a value, and not said to be missing


def judge_lines(
    lines: Iterable[BrokenLine], mender: DocumentMender, rules: DocumentRules
) -> tuple[list[JudgedDocument], list[JudgedPayload]]:
    """Read every line as a case's document would be read; broken documents first, incomplete payloads second."""
    documents, payloads = [], []
    for line in lines:
        found = mender.mend(line.broken)
        if isinstance(line, IncompleteLine):
            payloads.append(_judged(line, found, rules))
        else:
            documents.append(JudgedDocument(line, found))
    return documents, payloads


def _judged(line: IncompleteLine, found: MendedDocument, rules: DocumentRules) -> JudgedPayload:
    fields = {name: rule.model_copy(update={"required": name in line.required}) for name, rule in rules.fields.items()}
    result = healed(found, rules.model_copy(update={"fields": fields}), line.context)
    judged = JudgedPayload(line, result)
    for name in dict.fromkeys([*line.missing, *line.unrecoverable]):
        value, expected = result.values().get(name), line.expected.get(name)
        right = same(value, expected)
        if name in line.unrecoverable or name in line.may_be_null:
            if value is not None and not (right and name not in line.unrecoverable):
                judged.invented.append(name)
        else:
            (judged.right if right else judged.wrong).append(name)
    for name, one in result.fields.items():
        if one.is_sure and not same(one.value, line.expected.get(name)):
            judged.silent.append(name)
    empty = [name for name in line.required if result.values().get(name) is None]
    judged.unasked.extend(name for name in empty if name not in result.missing)
    return judged


def score_repairs(documents: Sequence[JudgedDocument], payloads: Sequence[JudgedPayload]) -> dict[str, object]:
    """Return the figures of both."""
    by_missing: dict[int, list[JudgedPayload]] = defaultdict(list)
    for one in payloads:
        by_missing[len(one.line.missing)].append(one)
    return {
        "documents": {
            **_of_documents(documents),
            "per_kind": {kind: _of_documents(some) for kind, some in sorted(_by_kind(documents).items())},
            "wrong": [_told(one) for one in documents if not one.right][:SHOWN],
        },
        "payloads": {
            **_of_payloads(payloads),
            "per_missing": {str(count): _of_payloads(some) for count, some in sorted(by_missing.items())},
            "not_right": [
                {"id": one.line.id, "wrong": one.wrong, "invented": one.invented, "silent": one.silent}
                for one in payloads
                if one.wrong or one.invented or one.silent
            ][:SHOWN],
        },
    }


def _by_kind(documents: Sequence[JudgedDocument]) -> Mapping[str, list[JudgedDocument]]:
    groups: dict[str, list[JudgedDocument]] = defaultdict(list)
    for one in documents:
        groups[one.line.kind].append(one)
    return groups


def line_of_made_document(number: int, made: MadeDocument) -> BrokenLine:
    """Return a made document as a line."""
    expected = strict_json.loads(json.dumps(made.expected).encode())
    return BrokenLine(
        id=f"made-{number}", broken=made.broken, expected=expected, kind=made.kind, is_told=made.expected is None
    )


def _of_documents(judged: Sequence[JudgedDocument]) -> dict[str, object]:
    right, silent = sum(one.right for one in judged), [one.line.id for one in judged if one.silent]
    return {
        "n": len(judged),
        "right": _share(right, len(judged)),
        "score": _share(right - 2 * len(silent), len(judged)),
        "silent_wrong": len(silent),
        "silent_wrong_ids": silent[:SHOWN],
        "sure": _share(sum(one.found.is_sure for one in judged), len(judged)),
    }


def _of_payloads(judged: Sequence[JudgedPayload]) -> dict[str, object]:
    right, wrong = sum(len(one.right) for one in judged), sum(len(one.wrong) for one in judged)
    silent = sum(len(one.silent) for one in judged)
    return {
        "n": len(judged),
        "recoverable": right + wrong,
        "right": _share(right, right + wrong),
        "score": _share(right - 2 * silent, right + wrong),
        "invented": sum(len(one.invented) for one in judged),
        "silent_wrong": silent,
        "unasked": sum(len(one.unasked) for one in judged),
    }


def _told(one: JudgedDocument) -> dict[str, object]:
    return {"id": one.line.id, "kind": one.line.kind, "silent": one.silent, "told": one.found.told(one.found.doubted)}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
