"""A workflow is what its id says, or it is nobody's."""

import pytest

from workers.running.own_ids import ONLY_ONE, stranger

CASE = "case/shop/e1"
OF_CASE, OF_APPROVAL = {"case_id": CASE}, {"approval_id": f"{CASE}/approval/1"}
OF_BILLING = {"case": {"case_id": CASE}}


@pytest.mark.parametrize(
    ("workflow_type", "workflow_id", "parent_id", "start"),
    [
        ("CaseWorkflow", CASE, None, OF_CASE),
        ("ApprovalWorkflow", f"{CASE}/approval/1", CASE, OF_APPROVAL),
        ("ApprovalWorkflow", f"{CASE}/approval/1", f"{CASE}/billing", OF_APPROVAL),
        ("BillingWorkflow", f"{CASE}/billing", CASE, OF_BILLING),
        ("SalesWorkflow", f"{CASE}/sales-2", CASE, OF_BILLING),
        *((name, own, None, {}) for name, own in ONLY_ONE.items()),
        ("ReplayWorkflow", "replay/r1", None, {"replay_id": "replay/r1"}),
        ("SomebodyElses", "x", None, {}),
    ],
)
def test_what_is_ours_begins(
    workflow_type: str, workflow_id: str, parent_id: str | None, start: dict[str, object]
) -> None:
    assert stranger(workflow_type, workflow_id, parent_id, start) == ""


@pytest.mark.parametrize(
    ("workflow_type", "workflow_id", "parent_id", "start"),
    [
        ("CaseWorkflow", "x/2", None, OF_CASE),
        ("CaseWorkflow", CASE, None, {}),
        ("CaseWorkflow", CASE, None, {"case_id": ["case"]}),
        ("ApprovalWorkflow", "x/A", None, OF_APPROVAL),
        ("ApprovalWorkflow", f"{CASE}/approval/1", None, OF_APPROVAL),
        ("ApprovalWorkflow", f"{CASE}/approval/2", CASE, OF_APPROVAL),
        ("ApprovalWorkflow", f"{CASE}/approval/1", "case/shop/e2", OF_APPROVAL),
        ("ApprovalWorkflow", f"{CASE}/approval/1", "case/shop/e11", OF_APPROVAL),
        ("BillingWorkflow", f"{CASE}/billing", None, OF_BILLING),
        ("BillingWorkflow", f"{CASE}/billing", "case/shop/e2", OF_BILLING),
        ("BillingWorkflow", "y/1", CASE, OF_BILLING),
        ("BillingWorkflow", f"{CASE}/billing", CASE, {"case": "odd"}),
        ("ReplayWorkflow", "replay/r2", None, {"replay_id": "replay/r1"}),
        ("ReplayWorkflow", CASE, None, {"replay_id": CASE}),
        ("ReplayWorkflow", "intake/default", None, {}),
        *((name, "x", None, {}) for name in ONLY_ONE),
    ],
)
def test_what_was_started_by_hand_is_told(
    workflow_type: str, workflow_id: str, parent_id: str | None, start: dict[str, object]
) -> None:
    assert stranger(workflow_type, workflow_id, parent_id, start)
