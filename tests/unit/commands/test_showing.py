"""Commands that show something: cases, the audit, the doctor."""

import json
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from adapters.store import open_store
from client.case_rows import CaseRow
from commands.terminal.cli import table
from commands.work import cases as case_commands
from commands.work.audit import audit_report
from commands.work.case_page import case_page
from domain.audit.facts import AuditReport, Violation
from domain.case import CaseMessage, CaseState, CaseStatus
from domain.money.approval import Standing
from domain.money.refund_action import RefundTerms
from tests.contracts.store_samples import NOW, action, case_input, seed_samples, stored_case
from tests.fakes.headgate import FakeHeadgate
from tests.unit.commands.command_line import APPROVAL, CASE, run


def test_a_case_that_was_terminated_is_shown_as_the_list_shows_it(fake: FakeHeadgate) -> None:
    """Its workflow still says that it waits, since nobody told it."""
    code, stdout, stderr = run("cases", "show", CASE, "--json")
    assert code == 0, stderr
    document = json.loads(stdout)
    assert set(CaseRow.model_fields) <= set(document)
    assert (document["state"], document["waits_for"]) == ("terminated", "")
    assert (document["tenant"], document["amount_minor"], document["cost_micros"]) == ("acme", 500, 7)


def test_following_an_unknown_case_says_so(fake: FakeHeadgate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_commands, "LET_IN_WITHIN_S", 0.0)
    code, _, stderr = run("cases", "follow", "case/shop/none")
    assert code == 1
    assert stderr.startswith("case/shop/none: not known")
    assert "cases list" in stderr


def test_who_must_answer_a_case_sees_what_it_is_about(fake: FakeHeadgate) -> None:
    code, stdout, stderr = run("cases", "show", CASE)
    assert code == 0, stderr
    assert "No refund" in stdout
    assert "  marks         attachments" in stdout.splitlines()
    assert "  | Where is\n  | \n  | my  [2Jmoney?" in stdout
    assert "\x1b" not in stdout, "it is the sender's text"
    assert "  the customer  “Where is my money?”" in stdout.splitlines()
    code, stdout, _ = run("cases", "show", CASE, "--json")
    assert json.loads(stdout)["message"]["subject"] == "No refund"


def test_what_failed_at_its_start_is_shown_with_its_remedy(fake: FakeHeadgate) -> None:
    """It can be asked nothing: its input was never read."""
    fake.is_heard = False
    code, stdout, stderr = run("cases", "show", CASE)
    assert code == 0, stderr
    assert "its workflow says nothing of it" in stdout
    assert f'  next          headgate cases close {CASE} --reason "…"' in stdout.splitlines()
    fake.counts = False  # it waits, and no worker is there
    code, _, stderr = run("cases", "show", CASE)
    assert (code, "no case worker answered" in stderr) == (3, True)


def test_what_did_not_fit_is_shown_with_the_intake(fake: FakeHeadgate) -> None:
    """As a case and an approval show theirs: it stood in the Web UI and the worker's log alone."""
    note = "the signal 'set_pace' changed nothing: it came with no input"
    code, stdout, stderr = run("intake", "show")
    assert (code, stdout.splitlines()[1:]) == (0, [f"  note: {note}"]), stderr
    assert json.loads(run("intake", "show", "--json")[1])["notices"] == [note]


@pytest.mark.parametrize("width", [60, 200])
def test_a_list_names_its_columns_on_a_terminal_alone(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(CASE, "waiting_human", "a text that is longer than the place that there is for it"), (APPROVAL, None, "x")]
    table(("case", "state", "why"), rows)
    assert capsys.readouterr().out.splitlines()[1] == f"{APPROVAL}\t\tx"
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    table(("case", "state", "why"), rows)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert lines[0].split() == ["case", "state", "why"]
    assert {line.split()[0] for line in lines if line.startswith("case/")} == {CASE, APPROVAL}


@pytest.mark.parametrize(
    "words", [("cases", "list"), ("approvals", "list"), ("dlq", "list"), ("sources", "list"), ("ledger", "export")]
)
def test_help_names_the_columns_of_what_is_piped(words: tuple[str, ...]) -> None:
    code, stdout, _ = run(*words, "--help")
    assert code == 0
    assert "tab-separated: " in " ".join(stdout.split())


def test_a_refund_that_failed_after_its_case_had_ended_is_shown_with_the_case(
    fake: FakeHeadgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case says that it paid: what came of it stands in the store alone."""
    monkeypatch.delenv("HEADGATE_STORE_URL", raising=False)
    pay_and_fail(tmp_path)
    code, stdout, stderr = run("cases", "show", CASE, "--data-dir", str(tmp_path), "--json")
    assert code == 0, stderr
    [refund] = json.loads(stdout)["refunds_pending"]
    assert (refund["settling"], refund["why"]) == ("failed", "expired_or_canceled_card")
    told = "pending at the provider at first: failed: expired_or_canceled_card"
    assert told in run("cases", "show", CASE, "--data-dir", str(tmp_path))[1]


def pay_and_fail(folder: Path) -> None:
    store = open_store(f"sqlite:///{folder}/store.db")
    seed_samples(store, folder)
    case = case_input().model_copy(update={"case_id": CASE})
    store.cases.admit([stored_case(case=case)])
    asked = action(case_id=CASE, key=f"{CASE}/refund")
    store.ledger.intend(asked, step="refund", approval_id=None, terms=RefundTerms(), now=NOW)
    store.ledger.execute(asked.key, "re_1", NOW, pending=True)
    [effect] = store.settling.due(1, NOW + timedelta(days=1))
    store.settling.fail(effect, "expired_or_canceled_card", NOW)
    store.close()


async def test_what_people_should_know_is_noted_beside_a_clean_audit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def noted(**parts: object) -> AuditReport:
        return AuditReport(notes=[f"{CASE}/refund: the refund failed"])

    monkeypatch.setattr("client.audit_gathering.run_audit", noted)
    anything: Any = MagicMock()
    anything.settings.data_dir = tmp_path  # a mocked folder holds a log without an end
    _, lines = await audit_report(anything, anything)
    assert lines == [f"note: {CASE}/refund: the refund failed", "audit: clean (checked )"]


async def test_a_violation_names_its_case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def broken(**parts: object) -> AuditReport:
        return AuditReport(violations=[Violation(promise="S2", kind="paid_twice", subject=CASE, text="paid twice")])

    monkeypatch.setattr("client.audit_gathering.run_audit", broken)
    anything: Any = MagicMock()
    anything.settings.data_dir = tmp_path  # a mocked folder holds a log without an end
    _, lines = await audit_report(anything, anything)
    assert lines[0].startswith(f"S2 {CASE}: paid twice")


def test_doctor_prints_one_json_document(tmp_path: Path) -> None:
    code, stdout, stderr = run("doctor", "--json", "--data-dir", str(tmp_path))
    document = json.loads(stdout)
    assert code == (0 if document["ok"] else 1), stderr
    assert {"name", "ok", "found", "remedy"} <= set(document["findings"][0])


def test_an_approver_reads_the_customers_words_in_the_list_and_in_the_brief(fake: FakeHeadgate) -> None:
    code, stdout, stderr = run("approvals", "list")
    assert code == 0, stderr
    quote, _ = stdout.rstrip("\n").split("\t")[-2:]
    assert quote.startswith("“Please refund all of it")
    assert quote.endswith("…”")
    assert len(quote) <= 80
    code, stdout, _ = run("approvals", "show", APPROVAL)
    lines = [line.split(maxsplit=2)[2] for line in stdout.splitlines() if line.startswith("  the customer")]
    assert lines == fake.approvals.view.brief.request[:2]
    assert "  read as       all of it" in stdout.splitlines()
    assert stdout.splitlines()[-1].split() == ["original", "headgate", "cases", "original", CASE]
    code, stdout, _ = run("approvals", "show", APPROVAL, "--json")
    assert json.loads(stdout)["brief"]["request"][:2] == lines


def test_a_brief_of_an_older_version_is_shown_without_words(fake: FakeHeadgate) -> None:
    brief = fake.approvals.view.brief.model_copy(update={"request": []})
    fake.approvals.view = fake.approvals.view.model_copy(update={"brief": brief})
    code, stdout, _ = run("approvals", "list")
    assert (code, stdout.split("\t")[-2:]) == (0, ["", "\n"])
    code, stdout, _ = run("approvals", "show", APPROVAL)
    assert code == 0
    assert "the customer" not in stdout


def test_an_approver_reads_each_reason_by_itself(fake: FakeHeadgate) -> None:
    reasons = ["a field that its document lacks was filled in", "its document was broken and has been repaired"]
    told = {"marks": ["field_derived", "document_repaired"], "reasons": reasons}
    brief = fake.approvals.view.brief.model_copy(
        update={**told, "why": f"Policy allows it (faulty), but {'; '.join(reasons)}."}
    )
    fake.approvals.view = fake.approvals.view.model_copy(update={"brief": brief})
    _, stdout, _ = run("approvals", "list")
    assert stdout.rstrip("\n").split("\t")[-1] == "field derived, document repaired"
    _, stdout, _ = run("approvals", "show", APPROVAL)
    told_lines = [line for line in stdout.splitlines() if line.startswith("  why a person")]
    assert told_lines == [f"  why a person  {said}" for said in ("Policy allows it (faulty), but:", *reasons)]


def test_an_approver_sees_what_the_customer_wrote_since_and_what_became_of_it(fake: FakeHeadgate) -> None:
    since = {"wrote_since": ["“Refund half of it.”"], "unread": 1}
    fake.approvals.view = fake.approvals.view.model_copy(update=since)
    _, stdout, _ = run("approvals", "list")
    assert "1: “Refund half of it.”" in stdout.split("\t")
    _, stdout, _ = run("approvals", "show", APPROVAL)
    assert "  wrote again   the customer wrote once since this was asked:" in stdout.splitlines()
    assert "  the customer  “Refund half of it.”" in stdout.splitlines()
    assert "if you approve, nothing is paid" in stdout
    why = "nothing was paid: the case waits for a person (maria approved, but the customer wrote again)"
    decided = {"standing": Standing.APPROVED, "became": why}
    fake.approvals.view = fake.approvals.view.model_copy(update=decided)
    _, stdout, _ = run("approvals", "show", APPROVAL)
    assert f"  became of it  {why}" in stdout.splitlines()
    assert "if you approve" not in stdout
    _, stdout, _ = run("approvals", "show", APPROVAL, "--json")
    assert (json.loads(stdout)["wrote_since"], json.loads(stdout)["became"]) == (since["wrote_since"], why)


@pytest.mark.parametrize(
    ("closed_at", "category", "answers", "often"),
    [(None, "no category yet", ["a", "b"], "2 times"), ("2026-03-02T10:00:00+00:00", "no category", ["a"], "once")],
)
def test_a_case_that_ended_is_not_said_to_have_no_category_yet(
    closed_at: str | None, category: str, answers: list[str], often: str
) -> None:
    case = {
        **CaseStatus(case_id=CASE, state=CaseState.DONE, finding="answered").model_dump(mode="json"),
        "tenant": "default",
        "started_at": None,
        "closed_at": closed_at,
        "waits_until": None,
    }
    lines = list(case_page(case, CaseMessage(answers=answers)))
    assert f"  what          no subject, {category}" in lines
    assert f"  wrote again   {often}, 0 unread" in lines
