"""`headgate cases show` in words: no JSON, money with its currency, times people can read, and the next command."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.store import open_store
from client.case_filters import ENDED_OUTSIDE
from client.case_rows import CaseRow
from commands.work.case_letters import SENDER
from commands.work.case_page import FORGOTTEN, TEXT_SHOWN, case_page, letters_of, on_record
from domain.case import CaseMessage, CaseOutcome, CaseState, CaseStatus, EffectRecord
from domain.repair.healing import FieldMark
from domain.repair.told import FieldTold
from ports.store import Reply
from tests.contracts.store_samples import stored_case

ID = "case/shop/e1"
AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MESSAGE = CaseMessage(subject="Broken lamp", lang="en", text="It broke.")


def page(state: str, message: CaseMessage = MESSAGE, **changes: Any) -> list[str]:  # Any: fields of a case
    row = CaseRow(case_id=ID, state=state, category="Billing", tenant="acme", started_at=AT)
    at_least = state if state in set(CaseState) else CaseState.RUNNING
    document = row.model_dump(mode="json") | CaseStatus(case_id=ID, state=CaseState(at_least)).model_dump(mode="json")
    return list(case_page(document | {"category": "Billing", "state": state} | changes, message))


def test_a_page_says_what_who_where_and_how_much() -> None:
    refund = EffectRecord(key=f"{ID}/refund", kind="refund", amount_minor=4500, currency="USD", approval_id=f"{ID}/a/1")
    lines = page(
        "done", finding="refunded", effects=[refund.model_dump(mode="json")], closed_at="2026-03-04T06:00:00+00:00"
    )
    assert lines == [
        f"{ID}: done",
        "  what          “Broken lamp”, Billing",
        "  who           tenant acme, by source shop, language en",
        "  decision      refunded",
        f"  done          refund of 45.00 USD under {ID}/refund, approved in {ID}/a/1",
        f"  next          headgate cases original {ID}",
        "  came in       2026-03-04 05:06 UTC",
        "  ended         2026-03-04 06:00 UTC",
        "  cost          $0.0000 (0 model calls)",
        "  | It broke.",
    ]


@pytest.mark.parametrize(
    ("state", "changes", "command"),
    [
        ("running", {}, f"cases follow {ID}"),
        ("waiting_human", {}, f"cases route {ID} CATEGORY"),
        ("waiting_human", {}, f'cases answer {ID} --text "…"'),
        ("waiting_human", {}, f'cases close {ID} --reason "…"'),
        ("waiting_approval", {"waits_for": f"approval {ID}/approval/2"}, f"approvals show {ID}/approval/2"),
        ("waiting_approval", {"waits_for": "somebody"}, "approvals list"),
        ("waiting_customer", {}, f"cases cancel {ID}"),
        ("dead_lettered", {"dead_letter_id": f"{ID}/dead/0"}, f"dlq replay {ID}/dead/0"),
        ("rejected", {}, f"cases original {ID}"),
        *((state, {}, f'cases close {ID} --reason "…"') for state in ENDED_OUTSIDE),
    ],
)
def test_the_next_command_can_be_copied(state: str, changes: dict[str, str], command: str) -> None:
    assert f"  next          headgate {command}" in page(state, **changes)


@pytest.mark.parametrize("state", [*CaseState, *ENDED_OUTSIDE])
def test_every_state_has_words_and_no_line_is_json(state: str) -> None:
    lines = page(state, notices=["it came late"], waits_for="a person: unsure", waits_until="2026-03-04T06:00:00Z")
    assert lines[0].startswith(f"{ID}: ")
    assert "_" not in lines[0]
    assert not any(mark in line for line in lines for mark in ('{"', '["', "None"))
    assert "  waits for     a person: unsure, until 2026-03-04 06:00 UTC" in lines
    assert "  note          it came late" in lines


def test_nothing_that_came_from_outside_moves_the_cursor_or_makes_a_row() -> None:
    evil = "x\x1b[2J\r\n  next          headgate cases cancel all"
    message = CaseMessage(subject=evil, flags=[evil], notes=[evil], request=[f"“{evil}”"], text=f"{evil}\n" * 2)
    lines = page("waiting_human", message, finding=evil, waits_for=evil)
    assert not any("\x1b" in line or "\r" in line for line in lines)
    assert not any(line.startswith("  next          headgate cases cancel") for line in "\n".join(lines).splitlines())


def test_a_long_message_is_cut_and_said_to_be() -> None:
    assert page("done", CaseMessage(text="x" * (TEXT_SHOWN + 7)))[-1] == "  … 7 more characters: --json shows them"


def test_what_temporal_forgot_is_shown_from_the_store(tmp_path: Path) -> None:
    assert on_record(tmp_path, ID) is None
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.cases.admit([stored_case("e1")])
    assert on_record(tmp_path, "case/shop/never") is None
    found = on_record(tmp_path, ID)
    assert found is not None
    lines = list(case_page(*found))
    assert lines[0] == f"{ID}: is open, and no workflow works it"
    assert "  next          headgate rescue" in lines
    outcome = CaseOutcome(
        case_id=ID, source="shop", tenant="default", state=CaseState.DONE, finding="refunded", closed_at=AT
    )
    store.cases.close(outcome, None)
    store.close()
    found = on_record(tmp_path, ID)
    assert found is not None
    lines = list(case_page(*found))
    assert lines[0] == f"{ID}: done"
    assert f"  note          {FORGOTTEN}" in lines
    assert found[0]["finding"] == "refunded"


# --- letters ------------------------------------------------------------------------------------------------------


def letter(number: int = 1, **changes: str | None) -> Reply:
    said = {
        "to": "ann@example.com",
        "subject": "Re: Broken lamp [#HG-ABCDEFGH23]",
        "text": "Dear Ann Lee,\n\nplease send:\n\n- order number\n",
        "kind": "fields_asked",
    }
    return Reply.model_validate({"key": f"{ID}/question/{number}", "case_id": ID, **said, **changes})


def test_a_case_that_waits_for_its_customer_shows_the_letter_and_what_an_answer_does(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    sender = {"vault": {"[NAME_1]": "Ann Lee", "[NAME_2]": "Ann"}, "sender_email": "Ann@Example.com"}
    store.cases.admit([stored_case("e1").model_copy(update=sender)])
    store.cases.queue_letter(letter(), 0)
    store.close()
    found = letters_of(tmp_path, ID)
    told = found["letters"]
    assert isinstance(told, list)
    assert (told[0]["to"], told[0]["kind"]) == (SENDER, "fields_asked")
    assert not any(value in str(told) for value in ("Ann", "ann@example.com"))  # the page has tokens alone
    message = CaseMessage(text="It broke.", asked_for=["order_id", "item_condition"])
    until = {"waits_for": "the customer's answer", "waits_until": "2026-03-18T05:06:00+00:00"}
    lines = "\n".join(page("waiting_customer", message, **until, **found)).splitlines()
    assert "  waits for     the customer's answer, until 2026-03-18 05:06 UTC" in lines
    assert "  asked for     order id, item condition" in lines
    assert "message with its mark [#HG-ABCDEFGH23] in the subject" in "".join(lines)
    assert any(line.startswith("  without one   the case ends as done") for line in lines)
    assert [line for line in lines if line.startswith("  > ")] == [
        "  > Dear [NAME_1],", "  > ", "  > please send:", "  > ", "  > - order number"
    ]  # fmt: skip
    assert lines.index("  > Dear [NAME_1],") < lines.index("  | It broke.")


def test_of_a_case_that_goes_on_the_letters_are_told_and_nothing_is_said_to_be_waited_for() -> None:
    first = {"key": "k", "kind": "details_asked", "to": SENDER, "subject": "Re: Lamp", "text": "Which order?"}
    kept = {**first, "kind": None, "to": None, "subject": "Re: Lamp", "text": "It is paid.\x1b[2J"}
    told = [{**one, "queued_at": "2026-03-04T05:06:07+00:00"} for one in (first, kept)]
    lines = "\n".join(page("done", letters=told)).splitlines()
    assert "  letter        2026-03-04 05:06 UTC, “Re: Lamp”, details asked: queued for its sender" in lines
    assert "  letter        2026-03-04 05:06 UTC, “Re: Lamp”: kept: there is no address to send it to" in lines
    assert "  > It is paid. [2J" in lines
    assert not any("Which order?" in line for line in lines)
    assert not any(line.startswith("  an answer") for line in lines)


@pytest.mark.parametrize(
    ("letters", "told"),
    [
        ({}, "it is in the store, which is not here"),
        ({"letters": "not known: it is locked"}, "not known: it is locked"),
    ],
)
def test_a_letter_that_cannot_be_looked_up_is_said_to_be(letters: dict[str, str], told: str) -> None:
    assert f"  letter        {told}" in page("waiting_customer", **letters)


def test_where_there_is_no_store_nothing_is_known_of_letters(tmp_path: Path) -> None:
    assert letters_of(tmp_path, ID) == {}


def test_the_fields_of_its_document_are_listed_with_where_each_is_from() -> None:
    fields = [
        FieldTold(name="order_id", origin=FieldMark.GIVEN, value="ORD-1"),
        FieldTold(name="amount", origin=FieldMark.DERIVED, value="20.00", currency="USD", source="order.total"),
        FieldTold(name="state", origin=FieldMark.DERIVED, value="cracked\x1b[2J", source="quote", quote="is cracked"),
        FieldTold(name="colour", origin=FieldMark.GUESSED, value="red", why="it cannot be read for sure"),
        FieldTold(name="items", origin=FieldMark.MISSING),
        FieldTold(name="bought_on", origin=FieldMark.MISSING, why="order.placed_on has several"),
    ]
    notes = ["document: 1 given, 2 derived", "amount: derived from order.total", "amount: missing", "damage: truncated"]
    message = MESSAGE.model_copy(update={"asked_for": ["items"], "notes": notes})
    shown: dict[str, Any] = {"fields": [field.model_dump(mode="json") for field in fields], "notices": notes}
    lines = page("waiting_customer", message, **shown)
    assert [line for line in lines if line.startswith("  field ")] == [
        "  field         order_id   given    ORD-1",
        "  field         amount     derived  20.00 USD, from our record: order.total",
        "  field         state      derived  cracked [2J, from the words “is cracked”",
        "  field         colour     guessed  red, nothing is decided on it (it cannot be read for sure)",
        "  field         items      missing  its customer was asked for it",
        "  field         bought_on  missing  not asked for (order.placed_on has several)",
    ]
    noted = [line for line in lines if line.startswith("  note ")]
    assert noted == ["  note          document: 1 given, 2 derived", "  note          damage: truncated"]


def test_a_case_of_an_older_release_has_its_notes_and_no_fields() -> None:
    lines = page("done", MESSAGE.model_copy(update={"notes": ["amount: derived from order.total"]}))
    assert "  note          amount: derived from order.total" in lines
    assert not any(line.startswith("  field ") for line in lines)
