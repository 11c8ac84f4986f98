"""Complaints made by rule and complaints of the samples: nothing beyond what is asked, whatever the wording."""

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.claim_texts import PHRASES, made_claims
from commands.measure.claim_files import read_claim_lines
from commands.measure.claim_scoring import ClaimLine, ClaimTruth, JudgedClaim, line_of_made, score_claims
from domain.errors import ImpossibleError
from domain.money.claim import Claim
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
