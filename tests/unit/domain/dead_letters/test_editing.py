"""An edited input: nothing pays for it without a person, nothing is forgotten, nobody moves a tenant."""

from datetime import UTC, datetime

import pytest

from domain.authority.on_record import has_edited, why_a_person
from domain.case import EDITED, UNVOUCHED, CaseInput
from domain.conversations.words import kept
from domain.dead_letters.editing import LetterEdit, difference, edited_input, why_not_taken
from tests.contracts.store_samples import NOW, case_input

PLAIN = "text/plain"


def edit(by: str = "dana", number: int = 1) -> LetterEdit:
    return LetterEdit(
        case_id="case/shop/e1",
        number=number,
        dead_letter_id="case/shop/e1/dead/1",
        content_type=PLAIN,
        body=b"x",
        by=by,
        reason="typo",
        at=datetime(2026, 6, 15, 12, tzinfo=UTC),
    )


def fresh(**changes: object) -> CaseInput:
    return case_input("e1").model_copy(update={"text": "refund 200", "amount": "200", **changes})


def test_an_edited_input_needs_a_person_whatever_it_says() -> None:
    case = edited_input(case_input("e1"), fresh(), [edit()])
    assert why_a_person(case_input("e1")) is None
    assert why_a_person(case) == "its input was edited (by dana)"
    assert (case.text, case.amount) == ("refund 200", "200")
    assert EDITED in case.flags
    assert case.notes[0] == "its input was edited by dana on 2026-06-15 12:00 UTC (text, amount)"


def test_no_later_edit_or_message_takes_the_mark_away() -> None:
    once = edited_input(case_input("e1"), fresh(), [edit("dana")])
    twice = edited_input(once, case_input("e1"), [edit("dana"), edit("tom", 2)])
    assert twice.edited_by == ["dana", "tom"]
    assert twice.text == case_input("e1").text
    assert why_a_person(twice) is not None
    forged = case_input("e1").model_copy(update={"answers": ["more"], "answered_by": ["case/shop/e2"]})
    assert why_a_person(kept(twice, forged)) is not None, "a workflow that says otherwise is not believed"


def test_who_edited_does_not_approve() -> None:
    case = edited_input(case_input("e1"), fresh(), [edit("Dana ")])
    assert has_edited("dana", case)
    assert not has_edited("omar", case)
    assert not has_edited("", case_input("e1"))


def test_what_is_odd_about_either_stays_odd() -> None:
    odd = case_input("e1").model_copy(update={"suspicious": True, "flags": [UNVOUCHED]})
    case = edited_input(odd, fresh(), [edit()])
    assert case.suspicious
    assert UNVOUCHED in case.flags
    assert edited_input(case_input("e1"), fresh(suspicious=True), [edit()]).suspicious


def test_a_case_keeps_its_policy_source_and_conversation() -> None:
    older = case_input("e1").model_copy(update={"answers": ["yes"], "answered_by": ["case/shop/e9"], "replay": 3})
    other = fresh(policy=older.policy.model_copy(update={"version": "other@1"}), received_at=NOW.replace(year=2020))
    case = edited_input(older, other, [edit()])
    assert (case.policy, case.received_at, case.answers, case.replay) == (older.policy, older.received_at, ["yes"], 3)


def test_a_tenant_is_changed_only_of_what_could_not_be_read() -> None:
    moved = fresh(tenant="other")
    assert why_not_taken(case_input("e1"), moved) == (
        "it names the tenant 'other', and the case is of 'default': a case keeps its tenant"
    )
    unread = case_input("e1").model_copy(update={"text": "", "subject": "", "skip_to_human": "nothing readable"})
    assert why_not_taken(unread, moved) is None
    case = edited_input(unread, moved, [edit()])
    assert (case.tenant, case.skip_to_human) == ("other", None)
    assert case.policy == moved.policy


@pytest.mark.parametrize("by", ["dana\r\nBcc: all", "\x1b[31mdana"])
def test_no_name_moves_a_terminal(by: str) -> None:
    note = edited_input(case_input("e1"), fresh(), [edit(by)]).notes[0]
    assert note.isprintable()


def test_the_difference_is_of_what_people_read() -> None:
    before = ("application/json", b'{"text": "pay 20", "amount": "20"}')
    after = ("application/json", b'{"text":"pay 20","amount":"200"}')
    shown = difference(before, after)
    assert ('-  "amount": "20"' in shown, '+  "amount": "200"' in shown) == (True, True)
    assert not [line for line in shown if "text" in line and line.startswith(("+", "-"))]
    assert difference(before, before) == []
    assert difference((PLAIN, b"a"), ("text/html", b"a")) == ["-(text/plain)", "+(text/html)"]
    assert difference((PLAIN, b"a"), (PLAIN, b"a\n")) == ["(bytes that are read as the same)"]
    assert all("\x1b" not in line for line in difference((PLAIN, b"a"), (PLAIN, b"\x1b[2J")))
