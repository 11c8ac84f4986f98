"""`headgate knowledge`: what owners of articles read, from the store alone."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.knowledge.record import SqlKnowledge
from adapters.store import open_store
from domain.case import WORDLESS, CaseState
from domain.repair.bodies import UNMENDED
from tests.contracts.knowledge.store_knowledge import letter
from tests.contracts.store_samples import case_input, outcome, stored_case
from tests.unit.commands.command_line import run

QUESTIONS = {
    "vpn1": ("de", "VPN-Token verloren", "Ich habe mein VPN-Token verloren, [NAME_1]"),
    "vpn2": ("en", "lost my VPN token", "where do I get a new VPN token"),
    "vpn3": ("en", "VPN token lost", "I lost the VPN token, where do I get another token"),
    "dog": ("en", "May I bring my dog", "zebra umbrella"),
    "paid": ("en", "refund", "please"),
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    now = datetime.now(UTC)
    for name, (lang, subject, text) in QUESTIONS.items():
        case = case_input(name, received_at=now).model_copy(update={"lang": lang, "subject": subject, "text": text})
        store.cases.admit([stored_case(name, case=case)])
    ends = {"vpn2": ("person_answer", None), "dog": ("person_answer", None), "paid": ("article_answer", "kb-vpn@1")}
    for name, (kind, article) in ends.items():
        ended = outcome(name, state=CaseState.DONE).model_copy(update={"closed_at": now})
        store.cases.close(ended, letter(name, kind, article))
    record = SqlKnowledge(lambda: store.database)
    for name in ("vpn1", "vpn3"):
        record.write(f"case/shop/{name}", "article", "IT help desk")
    store.close()
    return tmp_path


def of(data_dir: Path, *words: str) -> tuple[int, str, str]:
    return run("knowledge", *words, "--data-dir", str(data_dir))


def test_gaps_are_grouped_with_counts_languages_and_the_nearest_article(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_EMBEDDER", "hashed")
    code, stdout, _ = of(data_dir, "gaps", "--json")
    document = json.loads(stdout)
    assert (code, document["questions"]) == (0, 4)
    first, *others = document["gaps"]
    assert (first["count"], first["languages"]) == (2, {"en": 2})
    assert set(first["case_ids"]) == {"case/shop/vpn2", "case/shop/vpn3"}
    assert first["why"] == {"answered by a person": 1, "no article": 1}
    assert first["nearest"]["article_id"] == "kb-vpn"
    assert 0 <= first["nearest"]["distance"] <= 1
    assert [gap["count"] for gap in others] == [1, 1], "by words alone German stands apart"
    assert "Ann" not in stdout
    assert of(data_dir, "gaps", "--json")[1] == stdout, "whoever looks sees the same"
    code, stdout, _ = of(data_dir, "gaps")
    assert "4 questions since 7d" in stdout
    assert "nearest kb-vpn v1: VPN does not connect (distance 0." in stdout
    assert "“May I bring my dog”" in stdout


def test_an_answer_by_a_person_moves_no_question_to_another_group(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_EMBEDDER", "hashed")
    before = json.loads(of(data_dir, "gaps", "--json")[1])["gaps"]
    store = open_store(f"sqlite:///{data_dir}/store.db")
    ended = outcome("vpn3", state=CaseState.DONE).model_copy(update={"closed_at": datetime.now(UTC)})
    store.cases.close(ended, letter("vpn3", "person_answer"))
    store.close()
    after = json.loads(of(data_dir, "gaps", "--json")[1])["gaps"]
    assert [sorted(gap["case_ids"]) for gap in after] == [sorted(gap["case_ids"]) for gap in before]
    assert (after[0]["nearest"], after[0]["why"]) == (before[0]["nearest"], {"answered by a person": 2})


def test_a_period_without_questions_and_one_that_is_none(data_dir: Path) -> None:
    code, stdout, _ = of(data_dir, "gaps", "--since", "0h")
    assert (code, stdout.strip()) == (0, "0 questions since 0h")
    code, _, stderr = of(data_dir, "gaps", "--since", "2999-01-01T00:00")
    assert (code, "--since '2999-01-01T00:00': that is to come" in stderr) == (2, True)
    code, _, stderr = of(data_dir, "gaps", "--since", "last week")
    assert code == 2
    assert "--since" in stderr


def test_what_is_no_question_of_a_person_is_no_gap(data_dir: Path) -> None:
    store = open_store(f"sqlite:///{data_dir}/store.db")
    changes = {
        "broken": {"skip_to_human": UNMENDED, "text": '{"a": '},
        "document": {"flags": [WORDLESS], "text": '{"invoice": 7}'},
    }
    now = datetime.now(UTC)
    for name, change in changes.items():
        case = case_input(name, received_at=now).model_copy(update=change)
        store.cases.admit([stored_case(name, case=case)])
        ended = outcome(name, state=CaseState.DONE).model_copy(update={"closed_at": now})
        store.cases.close(ended, letter(name, "person_answer"))
    store.close()
    document = json.loads(of(data_dir, "gaps", "--json")[1])
    assert document["questions"] == 4
    assert not [gap for gap in document["gaps"] if {"case/shop/broken", "case/shop/document"} & set(gap["case_ids"])]


def test_articles_are_listed_with_their_use(data_dir: Path) -> None:
    code, stdout, _ = of(data_dir, "list", "--json")
    rows = json.loads(stdout)
    assert code == 0
    assert (rows[0]["article_id"], rows[0]["used"], rows[0]["used_this_version"]) == ("kb-vpn", 1, 1)
    assert rows[0]["last_used"]
    assert (rows[1]["used"], rows[1]["last_used"], rows[1]["standing"], rows[1]["lang"]) == (0, None, "valid", "en")
    assert len(rows) == 71
    assert of(data_dir, "list")[1].startswith("kb-vpn\t1\ttechnical\ten\t")
