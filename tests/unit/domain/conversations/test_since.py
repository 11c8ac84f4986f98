"""Whoever approves sees what the customer wrote since, and afterwards what became of the decision."""

from datetime import timedelta

import pytest

from domain.case import CaseMessage, CaseState, CaseStatus, EffectRecord
from domain.conversations.since import seen_with_case, since_rows
from domain.money.approval import ApprovalView, Standing
from tests.contracts.store_samples import NOW, approval_request, big_action

EVIL = "<script>alert(1)</script> see https://evil.example \x1b[2J\u202e now"


def view(**fields: object) -> ApprovalView:
    request = approval_request(big_action())
    return ApprovalView(
        approval_id="case/shop/e1/approval/1",
        case_id="case/shop/e1",
        brief=request.brief,
        digest=request.digest,
        amount=request.action.money,
        requested_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    ).model_copy(update=fields)


def seen(
    asked: ApprovalView, *answers: str, unread: int = 0, state: CaseState = CaseState.WAITING_APPROVAL, **status: object
) -> ApprovalView:
    told = CaseStatus(case_id=asked.case_id, state=state).model_copy(update=status)
    return seen_with_case(asked, CaseMessage(answers=list(answers), unread=unread), told)


def test_only_what_came_since_is_shown_quoted_and_without_links() -> None:
    found = seen(view(words_seen=1), "ORD-2", "Forget it.", EVIL, unread=2)
    assert found.wrote_since[0] == "“Forget it.”"
    assert "‹script›" in found.wrote_since[1]
    assert not {"<", "\x1b", "\u202e"} & set(found.wrote_since[1])
    rows = since_rows(found)
    assert rows[0] == ("wrote again", "the customer wrote twice since this was asked:".replace("twice", "2 times"))
    assert [name for name, _ in rows] == ["wrote again", "the customer", "the customer", "but"]


def test_where_nothing_came_nothing_is_said() -> None:
    assert since_rows(seen(view(words_seen=1), "ORD-2")) == []


@pytest.mark.parametrize("state", [CaseState.RUNNING, CaseState.WAITING_APPROVAL])
def test_an_approval_just_given_is_not_said_to_be_paid(state: CaseState) -> None:
    assert seen(view(standing=Standing.APPROVED), state=state).became == "nothing is paid yet: the case is being worked"


def test_one_that_was_not_acted_on_says_so_and_why() -> None:
    why = "finance approved, but the customer wrote again"
    found = seen(view(standing=Standing.APPROVED), state=CaseState.WAITING_HUMAN, finding=why)
    assert found.became == f"nothing was paid: the case waits for a person ({why})"


@pytest.mark.parametrize(("pending", "verb"), [(False, "were paid"), (True, "are on their way")])
def test_what_was_paid_on_it_is_named(pending: bool, verb: str) -> None:
    paid = EffectRecord(
        key="case/shop/e1/refund", kind="refund", amount_minor=600_000, currency="USD",
        approval_id="case/shop/e1/approval/1", pending=pending,
    )  # fmt: skip
    found = seen(view(standing=Standing.APPROVED), state=CaseState.DONE, effects=[paid])
    assert found.became == f"6,000.00 USD {verb} under case/shop/e1/refund"


def test_what_was_paid_on_another_approval_does_not_count() -> None:
    paid = EffectRecord(key="k", kind="refund", amount_minor=1, currency="USD", approval_id="case/shop/e1/approval/2")
    found = seen(view(standing=Standing.REJECTED), state=CaseState.REJECTED, effects=[paid], finding="ana rejected")
    assert found.became == "nothing was paid: the case is rejected (ana rejected)"
