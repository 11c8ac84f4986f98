"""The figures of `headgate eval routing`, by tables; and what the embedded router reaches at least on real messages."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commands.measure.scoring import Judged, read_labelled, score_routing

NAMES = ("Billing", "Technical Support", "Sales")
PROJECT = Path(__file__).resolve().parents[4]
BILLING, SUPPORT, SALES = "Billing", "Technical Support", "Sales"
UNSEEN_SOURCES = ("bitext", "arbanking77")  # no text of theirs was used in training (of the second: none in Arabic)


def judged(truth: str | None, answer: str | None, lang: str = "en", source: str = "a") -> Judged:
    return Judged(truth=truth, answer=answer, lang=lang, source=source)


@pytest.mark.parametrize(
    ("rows", "accuracy", "abstained"),
    [
        ([judged(BILLING, None)], 0.0, 1),
        ([judged(BILLING, SALES)], 0.0, 0),
        ([judged(BILLING, BILLING), judged(BILLING, None)], 0.5, 1),
        ([judged(BILLING, BILLING), judged(SALES, SALES), judged(SALES, BILLING)], 0.6667, 0),
        ([judged(SALES, SALES)], 1.0, 0),
        ([], None, 0),
    ],
    ids=["abstained", "wrong", "half", "two-thirds", "all", "none"],
)
def test_accuracy_counts_an_abstention_as_wrong(rows: list[Judged], accuracy: float | None, abstained: int) -> None:
    figures = score_routing(rows, NAMES)
    assert figures["accuracy"] == accuracy
    assert figures["abstained"] == abstained
    assert figures["n"] == len(rows)


def test_off_topic_messages_count_apart_and_are_right_where_nothing_was_said() -> None:
    figures = score_routing(
        [judged(None, None), judged(None, SALES), judged(None, BILLING), judged(BILLING, BILLING)], NAMES
    )
    assert (figures["n"], figures["accuracy"]) == (1, 1.0)
    assert (figures["off_topic"], figures["off_topic_forced"]) == (3, 2)
    assert figures["confusion"]["off_topic"] == {BILLING: 1, SUPPORT: 0, SALES: 1, "abstained": 1}  # type: ignore[index]


def test_a_class_that_was_never_said_or_never_true_has_no_figure() -> None:
    figures: dict[str, Any] = score_routing(
        [judged(BILLING, SALES), judged(BILLING, BILLING), judged(BILLING, None)], NAMES
    )
    assert figures["per_class"][BILLING] == {"precision": 1.0, "recall": 0.3333, "n": 3}
    assert figures["per_class"][SALES] == {"precision": 0.0, "recall": None, "n": 0}
    assert figures["per_class"][SUPPORT] == {"precision": None, "recall": None, "n": 0}


def test_an_off_topic_message_does_not_lower_the_precision_of_labelled_ones() -> None:
    figures: dict[str, Any] = score_routing([judged(SALES, SALES), judged(None, SALES)], NAMES)
    assert figures["per_class"][SALES]["precision"] == 1.0


def test_the_error_of_confidence_counts_answers_to_labelled_messages_that_state_one() -> None:
    rows = [judged(BILLING, BILLING).model_copy(update={"confidence": 0.8}) for _ in range(20)]
    rows += [judged(BILLING, None).model_copy(update={"confidence": 0.1}), judged(SALES, SALES)]
    rows += [judged(None, SALES).model_copy(update={"confidence": 0.4})]
    figures: dict[str, Any] = score_routing(rows, NAMES)
    assert figures["confidence"] == {
        "ece": 0.2, "ece_by_chance": 0.0714, "ece_by_chance_at_most": 0.1601, "stated": 0.8, "right": 1.0, "n": 20,
    }  # fmt: skip
    assert figures["per_lang"]["en"]["ece"] == 0.2
    assert figures["off_topic_confidence"] == 0.4
    assert score_routing([judged(SALES, SALES)], NAMES)["confidence"]["ece"] is None  # type: ignore[index]


def test_groups_are_by_source_and_language_of_labelled_messages_alone() -> None:
    rows = [
        judged(BILLING, BILLING, "en", "b"),
        judged(BILLING, None, "ar", "a"),
        judged(SALES, BILLING, "en", "a"),
        judged(None, None, "de", "c"),
    ]
    figures: dict[str, Any] = score_routing(rows, NAMES)
    nothing = {"ece": None, "ece_by_chance": None, "ece_by_chance_at_most": None}
    assert figures["per_source"] == {
        "a": {"accuracy": 0.0, "n": 2, "abstained": 1} | nothing,
        "b": {"accuracy": 1.0, "n": 1, "abstained": 0} | nothing,
    }
    assert list(figures["per_lang"]) == ["ar", "en"]
    assert sum(sum(row.values()) for row in figures["confusion"].values()) == len(rows)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"id": "1", "text": "x", "label": "Complaints"}', "label 'Complaints'"),
        ("[1]", "one JSON object"),
        ("not json", "line 2"),
        ('{"id": "1", "text": 7}', "text"),
    ],
    ids=["label", "list", "json", "text"],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text(f'{{"id": "0", "text": "good", "label": null}}\n{line}\n', "utf-8")
    with pytest.raises(ValueError, match="line 2") as refused:
        list(read_labelled(file, NAMES))
    assert says in str(refused.value)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_embedded_router_carries_over_to_sources_it_has_never_seen(eval_data: Path, tmp_path: Path) -> None:
    tickets = eval_data / "tickets"
    file = tmp_path / "labelled.jsonl"
    labelled = (tickets / "tickets.jsonl").read_text("utf-8").splitlines()
    off_topic = (tickets / "offtopic.jsonl").read_text("utf-8").splitlines()
    file.write_text("\n".join([*labelled, *off_topic]) + "\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "commands.main", "eval", "routing", "--data", str(file), "--json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    print({name: figures[name] for name in ("accuracy", "abstained", "per_source", "per_lang", "off_topic_forced")})
    assert figures["n"] == len(labelled)
    assert figures["accuracy"] >= 0.85
    for source in UNSEEN_SOURCES:
        assert figures["per_source"][source]["accuracy"] >= 0.85, source
    assert figures["off_topic"] == len(off_topic)
    assert figures["off_topic_forced"] <= 0.3 * len(off_topic)
