"""Complaints made by rule and complaints of the samples: nothing beyond what is asked, whatever the wording."""

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.claim_texts import PHRASES, made_claims
from commands.measure.claim_files import read_claim_lines
from commands.measure.claim_report import claim_report
from commands.measure.claim_scoring import ClaimLine, ClaimTruth, JudgedClaim, line_of_made, score_claims
from domain.errors import ImpossibleError
from domain.money.claim import Claim, Doubt, Doubted, Scope
from tests.unit.commands.command_line import run
from tests.unit.commands.measure.judging import judged

SAMPLES = Path(__file__).parents[4] / "samples" / "claims.jsonl"
MADE = 1_200  # of the 5,000 that `headgate eval claims --made` is measured with


def test_complaints_made_by_rule_are_never_paid_beyond_what_they_ask_for() -> None:
    found = [judged(line_of_made(number, made)) for number, made in enumerate(made_claims(MADE))]
    assert [one.line.text for one in found if one.beyond] == []
    decided = Counter((one.line.kind, one.decision) for one in found)
    # The sum of unread ones would also be right if nothing were read: whole wishes and shares must be.
    assert decided["whole", "refund"] > 50
    assert decided["share", "refund"] > 40
    assert decided["amount", "refund"] > 100
    assert {(kind, end) for kind, end in decided if kind in ("part", "not_now", "more") and end == "refund"} == set()


def test_the_same_seed_makes_the_same_complaints_and_all_languages_speak() -> None:
    made = list(made_claims(200, seed=7))
    assert made == list(made_claims(200, seed=7))
    assert made != list(made_claims(200, seed=8))
    assert {claim.lang for claim in made} == {phrases.lang for phrases in PHRASES}


def test_complaints_of_the_samples_are_never_paid_beyond_what_they_ask_for() -> None:
    figures = score_claims([judged(line) for line in read_claim_lines(SAMPLES)])
    assert figures["paid_beyond"] == 0
    assert isinstance(figures["right"], float)
    assert figures["right"] > 0.85


def test_a_score_tells_what_was_paid_beyond() -> None:
    line = ClaimLine(id="a", text="x", expect=ClaimTruth(decision=["refund"], asked_minor=100))
    figures = score_claims([JudgedClaim(line=line, claim=Claim(), decision="refund", minor=101)])
    assert (figures["paid_beyond"], figures["paid_beyond_ids"], figures["right"]) == (1, ["a"], 0.0)


def test_a_file_without_a_line_is_no_measurement(tmp_path: Path) -> None:
    path = tmp_path / "claims.jsonl"
    for content in ("", "\n \n"):
        path.write_text(content)
        with pytest.raises(ImpossibleError, match="there is no line in it"):
            list(read_claim_lines(path))
        code, stdout, stderr = run("eval", "claims", "--data", str(path))
        assert (code, stdout, "there is no line in it" in stderr) == (1, "", True)


def test_the_report_says_what_each_figure_means() -> None:
    good = ClaimLine(id="a", text="x", expect=ClaimTruth(decision=["human"], scope=Scope.ALL))
    paid = ClaimLine(id="b", text="x", kind="share", expect=ClaimTruth(decision=["refund", "human"], asked_minor=1_200))
    doubted = Claim(doubts=[Doubted(doubt=Doubt.OTHER_ORDER, quote="x")])
    lines = list(
        claim_report(
            score_claims(
                [
                    JudgedClaim(line=good, claim=Claim(), decision="human"),
                    JudgedClaim(line=paid, claim=doubted, decision="refund", minor=4_000),
                ]
            )
        )
    )
    said = {name: next(line for line in lines if line.startswith(name)) for name in ("right", "human", "unread")}
    assert all("50.0%" in line and len(line.split()) > 4 for line in said.values())
    assert lines[-1] == (
        "  b: expected refund or human, decided refund of 4,000 minor units (1,200 asked for at most); "
        "doubts: other order"
    )
    assert not [line for line in lines if "{" in line or "[" in line]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2"),
        (json.dumps({"id": "a", "text": "b"}), "expect"),
        (json.dumps({"id": "a", "text": "b", "expect": {"decision": ["pay"]}}), "decision"),
        (json.dumps({"id": "a", "text": "b", "expect": {"decision": []}}), "decision"),
        ("[]", "valid dictionary"),
        (json.dumps({"id": "a", "text": "b"}), "or take it out"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "claims.jsonl"
    path.write_text("\n" + line + "\n")
    with pytest.raises(ImpossibleError, match=said):
        list(read_claim_lines(path))
