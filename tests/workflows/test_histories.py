"""Cases under way outlive a deployment: what earlier versions recorded replays with the workflows of today."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.workflow import NondeterminismError

from tests.workflows.running import replayer
from workers.roles import workflows

HISTORIES = sorted((Path(__file__).parents[1] / "histories").glob("*.json"))


def history_of(text: str) -> WorkflowHistory:
    told = json.loads(text)
    return WorkflowHistory.from_json(told.pop("workflowId"), told)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_recorded_history_replays(path: Path) -> None:
    """A failure here means that cases under way would stand still: see `tests/histories/record.py`."""
    await replayer().replay_workflow(history_of(path.read_text("utf-8")))


async def test_every_workflow_has_a_history() -> None:
    recorded = {
        history_of(path.read_text("utf-8")).events[0].workflow_execution_started_event_attributes.workflow_type.name
        for path in HISTORIES
    }
    assert recorded == {workflow.__name__ for workflow in workflows()}


@pytest.mark.parametrize(
    ("name", "recorded", "other"),
    [
        ("case_done", '"name": "refund"', '"name": "pay"'),
        ("case_apart_done", '"name": "BillingWorkflow"', '"name": "SalesWorkflow"'),
        ("billing_refund", '"name": "refund"', '"name": "pay"'),
        ("case_retried", "EVENT_TYPE_TIMER_STARTED", "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"),
        ("intake", '"name": "admit_batch"', '"name": "admit"'),
    ],
)
async def test_history_of_other_workflows_is_rejected(name: str, recorded: str, other: str) -> None:
    """The replay sees a step that has another name, another child, another order."""
    [path] = [path for path in HISTORIES if path.stem == name]
    text = path.read_text("utf-8")
    assert recorded in text
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(history_of(text.replace(recorded, other)))
