"""Whose a workflow is: what runs under another id than its case's own was started by hand, past the gate.

Whoever reaches Temporal's port can start any of our workflows with inputs of their own. Under the id of a case that
runs nothing else can run; so what is asked here is that a case, an approval or a specialist is what it says it is.
"""

from collections.abc import Mapping
from typing import Any

from domain.case import case_of
from domain.dead_letters.replaying import run_id
from domain.specialists import CASE_WORKFLOW, of_workflow
from workflows import options

APPROVAL_WORKFLOW = "ApprovalWorkflow"
REPLAY_WORKFLOW = "ReplayWorkflow"
ONLY_ONE: Mapping[str, str] = {
    "IntakeWorkflow": options.INTAKE_WORKFLOW_ID,
    "JournalWorkflow": options.JOURNAL_WORKFLOW_ID,
    "TellWorkflow": options.TELL_WORKFLOW_ID,
    "SettlingWorkflow": options.SETTLING_WORKFLOW_ID,
    "BatchesWorkflow": options.BATCHES_WORKFLOW_ID,
}
"""The workflows of which there is one, by type, with its id."""


def stranger(workflow_type: str, workflow_id: str, parent_id: str | None, start: Mapping[str, Any]) -> str:
    """Return why an execution cannot be what it says it is; empty where it can.

    Args:
        workflow_type: its name.
        workflow_id: the id that it runs under.
        parent_id: the workflow that started it, None where a client did.
        start: its input as it came, not checked yet.

    >>> stranger("IntakeWorkflow", "mine", None, {})
    "its id is not 'intake/default'"
    """
    if own := ONLY_ONE.get(workflow_type):
        return _expected(own, workflow_id)
    if workflow_type == CASE_WORKFLOW:
        return _expected(start.get("case_id"), workflow_id)
    if workflow_type == REPLAY_WORKFLOW:  # what it replays stands in the order on record, if there is one
        return _expected(run_id(str(start.get("replay_id"))), workflow_id)
    if workflow_type == APPROVAL_WORKFLOW:
        return _expected(start.get("approval_id"), workflow_id) or _below(case_of(workflow_id), parent_id)
    if of_workflow(workflow_type) is not None:
        case = start.get("case")
        case_id = case.get("case_id") if isinstance(case, Mapping) else None
        return _below(case_id, parent_id) or _below(case_id, workflow_id)
    return ""


def _expected(own: object, workflow_id: str) -> str:
    return "" if own == workflow_id else f"its id is not {str(own)[:80]!r}"


def _below(case_id: object, workflow_id: str | None) -> str:
    """Return why a workflow is neither a case nor one that works for it."""
    if isinstance(case_id, str) and workflow_id is not None and case_of(workflow_id) == case_id:
        return ""
    return f"no workflow of {str(case_id)[:80]!r} started it"
