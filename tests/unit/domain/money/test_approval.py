"""Whose decision counts, for which action, and when."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money.amount import Money
from domain.money.approval import (
    ApprovalDecision,
    ApprovalRequest,
    ApprovalResult,
    Objection,
    Standing,
    Verdict,
    object_to,
    object_to_result,
)
from domain.money.refund_action import RefundAction
from tests.contracts.store_samples import NOW, action, approval_request, big_action

REQUEST = approval_request(big_action())


def decision(**changes: object) -> ApprovalDecision:
    values: dict[str, object] = {
        "approval_id": REQUEST.approval_id,
        "digest": REQUEST.digest,
        "verdict": Verdict.APPROVE,
        "by": "maria",
        **changes,
    }
    return ApprovalDecision.model_validate(values)


def judged(
    given_: ApprovalDecision,
    request: ApprovalRequest = REQUEST,
    *,
    standing: Standing = Standing.PENDING,
    expired: bool = False,
) -> Objection | None:
    return object_to(given_, request, standing=standing, expired=expired)


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize(
    ("changes", "objection"),
    [
        ({"approval_id": "case/shop/e2/approval/1"}, Objection.OTHER_APPROVAL),
        ({"digest": big_action(minor=600_001).digest()}, Objection.STALE_DIGEST),
        ({"digest": ""}, Objection.STALE_DIGEST),
        ({"by": ""}, Objection.NO_NAME),
        ({"by": " \t"}, Objection.NO_NAME),
        ({"by": "C-1"}, Objection.REQUESTER),
        ({"by": "c-1"}, Objection.REQUESTER),
        ({"by": "mallory"}, Objection.NOT_ENTITLED),
        ({"by": "MARIA"}, Objection.NOT_ENTITLED),
        ({"by": "maria\u200b"}, Objection.NOT_ENTITLED),
    ],
)
def test_a_decision_that_does_not_fit_changes_nothing(
    changes: dict[str, object], objection: Objection, verdict: Verdict
) -> None:
    assert judged(decision(verdict=verdict, **changes)) is objection


@pytest.mark.parametrize("standing", [s for s in Standing if s is not Standing.PENDING])
@pytest.mark.parametrize("verdict", list(Verdict))
def test_after_the_first_decision_no_other_counts(standing: Standing, verdict: Verdict) -> None:
    expected = Objection.EXPIRED if standing is Standing.EXPIRED else Objection.ALREADY_DECIDED
    assert judged(decision(verdict=verdict), standing=standing) is expected


def test_late_is_late_even_if_nobody_noticed_the_expiry() -> None:
    assert judged(decision(), expired=True) is Objection.EXPIRED


def test_nobody_decides_above_their_own_limit() -> None:
    above = approval_request(big_action(minor=700_001))
    at_limit = approval_request(big_action(minor=700_000))
    for request, expected in ((above, Objection.ABOVE_LIMIT), (at_limit, None)):
        told = decision(by="tom", digest=request.digest, approval_id=request.approval_id)
        assert judged(told, request) is expected


def test_whoever_asks_cannot_approve_even_from_the_list() -> None:
    request = REQUEST.model_copy(update={"requester": "Maria"})
    assert judged(decision(), request) is Objection.REQUESTER


def test_a_request_whose_action_was_changed_under_way_is_refused() -> None:
    forged = REQUEST.model_copy(update={"action": big_action(minor=1)})
    assert judged(decision(), forged) is Objection.STALE_DIGEST


def test_a_fitting_decision_counts() -> None:
    assert judged(decision()) is None
    assert judged(decision(verdict=Verdict.REJECT)) is None


CHANGES: dict[str, st.SearchStrategy[object]] = {
    "key": st.text(max_size=30),
    "case_id": st.text(max_size=30),
    "kind": st.text(max_size=10),
    "order_id": st.text(max_size=10),
    "charge_id": st.text(max_size=10),
    "payee": st.text(max_size=10),
    "policy_version": st.text(max_size=10),
    "money": st.builds(Money, minor=st.integers(0, 10**15), currency=st.sampled_from(["USD", "EUR", "JPY"])),
}


@given(st.data())
def test_every_field_of_the_action_is_in_its_digest(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(CHANGES)))
    changed = action().model_copy(update={name: data.draw(CHANGES[name])})
    assert (changed.digest() == action().digest()) == (changed == action())


def test_texts_moved_between_fields_are_another_digest() -> None:
    one = action(order_id='a","payee":"b', payee="c")
    other = action(order_id="a", payee='b","payee":"c')
    assert one.digest() != other.digest()


def test_same_money_looks_over_the_policys_version_and_nothing_else() -> None:
    assert action().same_money(action(policy_version="main@2"))
    changes: list[dict[str, object]] = [
        {"payee": "x"}, {"charge_id": "x"}, {"order_id": "x"}, {"key": "x"},
        {"money": Money(minor=501, currency="USD")},
    ]  # fmt: skip
    assert not any(action().same_money(RefundAction.model_validate(action().model_dump() | c)) for c in changes)


@pytest.mark.parametrize(
    ("changes", "objection"),
    [
        ({}, None),
        ({"by": "mallory"}, Objection.NOT_ENTITLED),
        ({"by": ""}, Objection.NO_NAME),
        ({"digest": "0" * 64}, Objection.STALE_DIGEST),
        ({"approval_id": "other"}, Objection.OTHER_APPROVAL),
        ({"at": NOW + timedelta(hours=1)}, Objection.EXPIRED),
        ({"at": NOW + timedelta(minutes=59, seconds=59)}, None),
        ({"standing": Standing.REJECTED, "by": "mallory"}, Objection.NOT_ENTITLED),
        ({"standing": Standing.EXPIRED, "by": "", "at": NOW + timedelta(days=1)}, None),
        ({"standing": Standing.CANCELLED, "by": ""}, None),
    ],
)
def test_whoever_records_an_ending_checks_it_again(changes: dict[str, object], objection: Objection | None) -> None:
    values: dict[str, object] = {
        "approval_id": REQUEST.approval_id,
        "digest": REQUEST.digest,
        "standing": Standing.APPROVED,
        "by": "maria",
        "at": NOW + timedelta(minutes=1),
        **changes,
    }
    assert object_to_result(ApprovalResult.model_validate(values), REQUEST) is objection
