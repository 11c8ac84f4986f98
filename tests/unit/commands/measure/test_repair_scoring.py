"""The figures of `headgate eval repair`: a silent wrong value counts double, and nothing is invented unnoticed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from adapters.repair.mending import JsonMender
from bench.repair.broken_json import made_documents
from commands.measure.repair_files import BrokenLine, IncompleteLine, read_document_rules, read_repair_lines
from commands.measure.repair_scoring import judge_lines, line_of_made_document, score_repairs
from domain.errors import ImpossibleError
from domain.inbound.strict_json import Number
from domain.repair.document import Damage, MendedDocument
from domain.repair.rules import DocumentRules

PROJECT = Path(__file__).resolve().parents[4]
SAMPLES = PROJECT / "samples" / "repair"
RULES = DocumentRules.model_validate(
    {
        "fields": {"order_id": {}, "city": {"sources": ["order.city"]}, "note": {"sources": ["order.note"]}},
        "records": {"order": {"anchors": {"order_id": "id"}}},
    }
)


class FakeMender:
    """Reads every text as the same document."""

    def __init__(self, found: MendedDocument) -> None:
        self._found = found

    def mend(self, text: str) -> MendedDocument:
        return self._found


def score(lines: Iterable[BrokenLine], found: MendedDocument) -> dict[str, Any]:
    return score_repairs(*judge_lines(lines, FakeMender(found), RULES))


def test_a_silent_wrong_value_counts_double_and_is_named() -> None:
    lines = [BrokenLine(id="a", broken="", expected={"x": "2"}), BrokenLine(id="b", broken="", expected={"x": "1"})]
    figures = score(lines, MendedDocument(value={"x": "1"}))["documents"]
    assert (figures["right"], figures["score"], figures["silent_wrong_ids"]) == (0.5, -0.5, ["a"])


def test_a_wrong_value_that_is_told_counts_once() -> None:
    found = MendedDocument(value={"x": "1"}, damage=frozenset({Damage.AMBIGUOUS}))
    figures = score([BrokenLine(id="a", broken="", expected={"x": "2"})], found)["documents"]
    assert (figures["right"], figures["score"], figures["silent_wrong"]) == (0.0, 0.0, 0)


def test_what_is_not_whole_is_right_only_if_it_is_told() -> None:
    line = BrokenLine(id="a", broken="", is_told=True)
    assert score([line], MendedDocument(value={"x": "1"}))["documents"]["silent_wrong"] == 1
    told = MendedDocument(value={"x": "1"}, damage=frozenset({Damage.TRUNCATED}))
    assert score([line], told)["documents"]["right"] == 1.0


def test_a_number_is_not_its_text() -> None:
    figures = score([BrokenLine(id="a", broken="", expected={"x": Number("5")})], MendedDocument(value={"x": "5"}))
    assert figures["documents"]["right"] == 0.0


def test_what_stands_nowhere_and_has_a_value_is_invented() -> None:
    line = IncompleteLine(
        id="a",
        broken="",
        expected={"order_id": "1", "city": "Bonn", "note": None},
        context={"order": {"id": "1", "city": "Rome", "note": "x"}},
        missing=["city", "note"],
        required=["city", "note"],
        unrecoverable=["note"],
    )
    figures = score([line], MendedDocument(value={"order_id": "1"}))["payloads"]
    assert (figures["invented"], figures["silent_wrong"], figures["right"], figures["score"]) == (1, 2, 0.0, -4.0)


def test_the_samples_are_read_as_they_should_be() -> None:
    rules = read_document_rules(SAMPLES / "refund_payload.toml")
    figures: dict[str, Any] = score_repairs(
        *judge_lines(read_repair_lines(SAMPLES / "documents.jsonl"), JsonMender(), rules)
    )
    assert figures["documents"]["score"] == 1.0
    assert figures["payloads"]["score"] == 1.0
    assert figures["payloads"]["invented"] == 0
    assert figures["payloads"]["unasked"] == 0


def test_made_documents_are_the_same_for_a_seed_and_none_is_silently_wrong() -> None:
    made = list(made_documents(150, 7))
    assert made == list(made_documents(150, 7))
    assert made != list(made_documents(150, 8))
    lines = [line_of_made_document(number, one) for number, one in enumerate(made)]
    figures: dict[str, Any] = score_repairs(*judge_lines(lines, JsonMender(), RULES))
    assert figures["documents"]["silent_wrong_ids"] == []
    assert figures["documents"]["right"] >= 0.95


@pytest.mark.parametrize(
    "content", ["", "\n", "{}", '{"id": "a"}', "nonsense", '{"id": "a", "broken": "", "context": {}}']
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(content)
    with pytest.raises(ImpossibleError, match=r"data\.jsonl"):
        list(read_repair_lines(path))


def test_rules_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[fields]\namount = { kind = "money" }\n')
    with pytest.raises(ImpossibleError, match=r"rules\.toml.*fields\.amount\.kind"):
        read_document_rules(path)


def test_the_samples_are_json_lines() -> None:
    for line in (SAMPLES / "documents.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line)
