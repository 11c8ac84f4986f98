"""What is on record decides whether money may move; whoever asks can only make it stricter."""

from datetime import timedelta
from typing import Any

import pytest

from domain.authority.on_record import (
    ApprovalOnRecord,
    is_of_sender,
    marks_of,
    not_approvable_for_edits,
    object_to_approval,
    only_editors_may_approve,
    stricter,
    why_a_person,
)
from domain.blueprint import ApprovalRules
from domain.case import EDITED, MENDED, TAINTS, UNVOUCHED, CaseInput, Machine
from domain.money.amount import Money
from domain.money.approval import Approver, Standing
from domain.money.refund import Mark, RefundPolicy
from domain.money.refund_action import RefundTerms
from tests.contracts.store_samples import NOW, action, approval_request, big_action, case_input

ASKED = big_action()
MALLORY = [Approver(name="mallory")]


def recorded(**changes: object) -> ApprovalOnRecord:
    request = approval_request(ASKED)
    values: dict[str, object] = {
        "approval_id": request.approval_id,
        "case_id": ASKED.case_id,
        "tenant": "default",
        "digest": ASKED.digest(),
        "standing": Standing.APPROVED,
        "by": "maria",
        "requested_at": NOW,
        "expires_at": NOW + timedelta(seconds=request.expires_after_s),
        "decided_at": NOW + timedelta(minutes=10),
        "request": request,
        **changes,
    }
    return ApprovalOnRecord.model_validate(values)


def with_policy(**rules: object) -> CaseInput:
    case = case_input()
    policy = case.policy.model_copy(update={"approval": case.policy.approval.model_copy(update=rules)})
    return case.model_copy(update={"policy": policy})


@pytest.mark.parametrize("standing", [s for s in Standing if s is not Standing.APPROVED])
def test_what_was_not_approved_does_not_count(standing: Standing) -> None:
    told = object_to_approval(recorded(standing=standing), ASKED, case_input())
    assert told == f"it is {standing}, not approved"


SMALLER = big_action(minor=1)
REQUEST = approval_request(ASKED)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"case_id": "case/shop/e2"}, "for another action"),
        ({"tenant": "other"}, "for another action"),
        ({"digest": SMALLER.digest()}, "for another action"),
        ({"request": REQUEST.model_copy(update={"digest": SMALLER.digest()})}, "was another action"),
        ({"request": REQUEST.model_copy(update={"action": SMALLER})}, "was another action"),
        ({"decided_at": None}, "no time of decision"),
        ({"decided_at": NOW + timedelta(hours=1)}, "after its expiry"),
        ({"decided_at": NOW + timedelta(days=30)}, "after its expiry"),
        ({"by": " "}, "nobody's name"),
        ({"by": "mallory"}, "not among the approvers of the request"),
        ({"by": "Maria"}, "not among the approvers"),
        ({"by": "C-1"}, "asked for the money"),
        ({"by": "c-1"}, "asked for the money"),
        ({"by": "mallory", "request": REQUEST.model_copy(update={"approvers": MALLORY})}, "of the policy of the case"),
    ],
)
def test_an_approval_that_is_not_for_this_or_not_by_somebody_entitled(changes: dict[str, object], why: str) -> None:
    assert why in (object_to_approval(recorded(**changes), ASKED, case_input()) or "")


def test_a_request_that_says_it_stands_for_ever_expires_by_the_policy_of_the_case() -> None:
    forged = recorded(expires_at=NOW + timedelta(days=365), decided_at=NOW + timedelta(days=3))
    assert "after its expiry" in (object_to_approval(forged, ASKED, case_input()) or "")
    assert object_to_approval(recorded(), ASKED, with_policy(expires_after_s=601.0)) is None
    assert "after its expiry" in (object_to_approval(recorded(), ASKED, with_policy(expires_after_s=600.0)) or "")


def test_an_amount_above_the_limit_of_who_approved_it() -> None:
    """By the request, and by the policy where a forged request says otherwise."""
    asked = big_action(minor=700_001)
    request = approval_request(asked)
    by_tom = {"by": "tom", "digest": asked.digest()}
    told = object_to_approval(recorded(**by_tom, request=request), asked, case_input())
    assert told == "7,000.01 USD is above the limit of 'tom' in the request"
    forged = request.model_copy(update={"approvers": [Approver(name="tom")]})
    told = object_to_approval(recorded(**by_tom, request=forged), asked, case_input())
    assert told == "7,000.01 USD is above the limit of 'tom' in the policy of the case"
    at_it = big_action(minor=700_000)
    exact = recorded(by="tom", digest=at_it.digest(), request=approval_request(at_it))
    assert object_to_approval(exact, at_it, case_input()) is None


def test_nobody_may_approve_where_the_policy_names_nobody() -> None:
    case = case_input()
    bare = case.model_copy(update={"policy": case.policy.model_copy(update={"approval": ApprovalRules()})})
    assert "not among the approvers of the policy" in (object_to_approval(recorded(), ASKED, bare) or "")


def test_who_edited_the_input_of_a_case_does_not_approve_it() -> None:
    edited = case_input().model_copy(update={"edited_by": ["MARIA "]})
    assert object_to_approval(recorded(), ASKED, edited) == "'maria' edited the input of the case"


@pytest.mark.parametrize(
    ("limits", "minor", "only", "warned"),
    [
        ({"maria": None}, 1, True, "nothing"),
        ({"maria": None, "omar": 5_000}, 5_000, False, "nothing above 5000 in minor units"),
        ({"maria": None, "omar": 5_000}, 5_001, True, "nothing above 5000 in minor units"),
        ({"maria": 9_000, "omar": None}, 9_000, False, None),
        ({"maria": 9_000, "omar": 9_000}, 9_001, False, None),  # as without an edit: it waits, and expires
        ({"omar": 5_000}, 9_000, False, None),
        ({}, 1, False, None),
    ],
)
def test_where_only_who_edited_a_case_may_approve_it(
    limits: dict[str, int | None], minor: int, only: bool, warned: str | None
) -> None:
    approvers = [Approver(name=name, limit_minor=limit) for name, limit in limits.items()]
    case = case_input()
    policy = case.policy.model_copy(update={"approval": ApprovalRules(approvers=approvers)})
    edited = case.model_copy(update={"policy": policy, "edited_by": ["Maria"]})
    assert only_editors_may_approve(minor, edited) is only
    assert not_approvable_for_edits(edited) == warned
    untouched = edited.model_copy(update={"edited_by": []})
    assert not only_editors_may_approve(minor, untouched)
    assert not_approvable_for_edits(untouched) is None


def test_what_is_in_order_counts() -> None:
    assert object_to_approval(recorded(), ASKED, case_input()) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"machine": Machine.AUTO_REPLY}, "a machine wrote"),
        ({"skip_to_human": "there is nothing readable in it"}, "no model was to read"),
        ({"suspicious": True}, "suspicious"),
        ({"flags": [UNVOUCHED]}, "vouches"),
        ({"edited_by": ["dana"]}, "edited (by dana)"),
        ({"flags": [EDITED]}, "a message of it was edited"),
    ],
)
def test_cases_of_which_nothing_is_paid_by_itself(changes: dict[str, object], why: str) -> None:
    assert why in (why_a_person(case_input().model_copy(update=changes)) or "")


def test_an_ordinary_case_pays_by_itself() -> None:
    assert why_a_person(case_input()) is None


def test_a_caller_can_only_make_limit_and_cap_stricter() -> None:
    policy = RefundPolicy(approval_limit_minor={"USD": 500}, daily_cap_minor={"USD": 900})
    for given, limit, cap in ((10_000, 500, 900), (400, 400, 400), (None, 500, 900)):
        terms = stricter(RefundTerms(limit_minor=given, daily_cap_minor=given), policy, "USD")
        assert (terms.limit_minor, terms.daily_cap_minor) == (limit, cap)
    seen = stricter(RefundTerms(seen_back_minor=7, customer_id="C-1"), policy, "USD")
    assert (seen.seen_back_minor, seen.customer_id) == (7, "C-1"), "what the caller has seen stays"


def test_a_currency_without_a_limit_needs_a_person_whatever_the_caller_says() -> None:
    policy = RefundPolicy(approval_limit_minor={"USD": 500}, daily_cap_minor={})
    terms = stricter(RefundTerms(limit_minor=1_000_000), policy, "EUR")
    assert (terms.limit_minor, terms.daily_cap_minor) == (0, None)


def test_money_of_the_action_is_what_counts_not_of_the_row() -> None:
    other = action(money=Money(minor=1, currency="USD"))
    assert object_to_approval(recorded(), other, case_input()) == "it was given for another action"


@pytest.mark.parametrize(
    ("customer_id", "sender_email", "is_theirs"),
    [
        (None, None, False),
        ("C-2", None, False),
        ("", "", False),
        (None, "bob@example.com", False),
        ("C-1", "bob@example.com", False),  # who knows a customer's id is not the customer
        ("C-1", None, True),
        (" #C-1 ", None, True),
        (None, " Ann@Example.com", True),
        ("C-999", "ann@example.com", True),  # an id that nobody has
    ],
)
def test_whose_order_it_is_says_the_address_and_without_one_the_id(
    customer_id: str | None, sender_email: str | None, is_theirs: bool
) -> None:
    told = is_of_sender(
        customer_id=customer_id, sender_email=sender_email, owner_id="C-1", owner_email_key="ann@example.com"
    )
    assert told is is_theirs


def test_an_owner_whose_address_only_an_outside_system_has_is_not_judged_by_it() -> None:
    assert is_of_sender(customer_id="C-1", sender_email="x@y.example", owner_id="C-1", owner_email_key=None)
    assert is_of_sender(customer_id="C-1", sender_email=None, owner_id="C-1", owner_email_key=None)
    assert not is_of_sender(customer_id="C-2", sender_email=None, owner_id="C-1", owner_email_key=None)


@pytest.mark.parametrize(
    ("fields", "marks"),
    [
        ({}, []),
        ({"flags": [MENDED]}, [Mark.NOT_FOR_MODELS]),  # of an older release, which did not say what it was
        *(({"flags": [MENDED, taint]}, [Mark(taint)]) for taint in TAINTS),
        ({"flags": [MENDED, *TAINTS]}, [Mark(taint) for taint in TAINTS]),
        (
            {"flags": [MENDED, "document_repaired"], "suspicious": True},
            [Mark.NOT_FOR_MODELS, Mark.DOCUMENT_REPAIRED],
        ),
        ({"flags": [MENDED, EDITED, "field_derived"]}, [Mark.EDITED_INPUT]),
        ({"flags": ["field_derived"]}, []),  # why_a_person has none
    ],
)
def test_each_reason_for_a_person_is_a_mark_of_its_own(fields: dict[str, Any], marks: list[Mark]) -> None:
    assert marks_of(case_input().model_copy(update=fields)) == marks
