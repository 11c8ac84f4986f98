"""`headgate policy explain`: an action in a file, by the blueprint's policies."""

import json
from pathlib import Path

import pytest

from tests.unit.commands.command_line import run

REFUND = {"kind": "refund", "payee": "card:1", "money": {"minor": 600_000, "currency": "USD"}}
FACTS = {
    "before_minor": 0,
    "origins": {"payee": "records", "money": "derived"},
    "flags": [],
    "taints": [],
    "marks": [],
    "moved": [{"per": "customer", "days": 1, "minor": 0}],
}


def written(folder: Path, text: str) -> str:
    path = folder / "action.json"
    path.write_text(text, "utf-8")
    return str(path)


def test_it_says_the_rule_and_what_would_change_it(tmp_path: Path) -> None:
    code, stdout, _ = run("policy", "explain", written(tmp_path, json.dumps({**REFUND, "facts": FACTS})))
    assert code == 0
    assert stdout.splitlines() == [
        "refund of 6,000.00 USD: needs one person",
        "decides: amount, as 6,000.00 USD is 5,000.00 USD or more",
        "may decide: dana, finance; unanswered, it is refused after 48 hours",
        "would need nobody if it came to less than 5,000.00 USD",
    ]


def test_what_is_not_said_is_not_known(tmp_path: Path) -> None:
    code, stdout, _ = run("policy", "explain", written(tmp_path, json.dumps(REFUND)), "--json")
    verdict = json.loads(stdout)["verdict"]
    assert (code, verdict["needs"]) == (0, "one_person")
    assert {"before_unknown", "origin_unknown", "text_unknown"} <= {found["rule"] for found in verdict["findings"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no valid JSON"),
        ("[]", "expected one action"),
        ('{"kind": "refund"}', "key money: it is missing"),
        (json.dumps({**REFUND, "money": {"minor": 1.5, "currency": "USD"}}), "key money.minor"),
        (json.dumps({**REFUND, "facts": {"before": 1}}), "key facts.before"),
    ],
)
def test_a_file_that_is_no_action_is_refused(tmp_path: Path, text: str, said: str) -> None:
    code, _, stderr = run("policy", "explain", written(tmp_path, text))
    assert code == 2
    assert said in stderr


def test_a_file_that_is_not_there_is_named() -> None:
    code, _, stderr = run("policy", "explain", "nowhere.json")
    assert code == 1
    assert "nowhere.json" in stderr
