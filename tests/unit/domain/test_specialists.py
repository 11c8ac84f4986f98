"""Whose step it is, and what that specialist may use: by the workflow's type, inside a case by the step's own id."""

import pytest

from domain.specialists import is_granted, of_workflow


@pytest.mark.parametrize(
    ("workflow_type", "activity_id", "specialist"),
    [
        ("BillingWorkflow", "", "billing"),
        ("BillingWorkflow", "sales/1.1", "billing"),  # apart, the workflow says who it is
        ("CaseWorkflow", "billing/1.3", "billing"),
        ("CaseWorkflow", "technical_support/2.1", "technical_support"),
        ("CaseWorkflow", "", None),
        ("CaseWorkflow", "7", None),  # the case's own steps are numbered
        ("CaseWorkflow", "billing", None),
        ("CaseWorkflow", "/billing/1", None),
        ("CaseWorkflow", "Billing/1", None),
        ("CaseWorkflow", "nobody/1", None),
        ("OtherWorkflow", "billing/1.1", None),
        ("", "billing/1.1", None),
    ],
)
def test_whose_step_it_is(workflow_type: str, activity_id: str, specialist: str | None) -> None:
    found = of_workflow(workflow_type, activity_id)
    assert (found.name if found else None) == specialist


@pytest.mark.parametrize("activity_id", ["", "1", "sales/1.1", "technical_support/1.1", "knowledge/1.1", "refund/1"])
def test_inside_a_case_only_billing_pays(activity_id: str) -> None:
    assert not is_granted("CaseWorkflow", "refund", activity_id)
    assert is_granted("CaseWorkflow", "refund", "billing/1.1")
