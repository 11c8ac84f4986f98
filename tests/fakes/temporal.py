"""A Temporal in memory, as far as rescuing cases asks it: which workflows there are, starting and cancelling one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.case import CaseInput, CaseOutcome


@dataclass
class FakeRun:
    """A workflow: where it stands, how it ended, and the input of its newest start."""

    status: WorkflowExecutionStatus
    outcome: CaseOutcome | None = None
    case: CaseInput | None = None
    cancelled: str = ""  # why


@dataclass
class FakeTemporal:
    """Workflows by their ids."""

    runs: dict[str, FakeRun] = field(default_factory=dict)

    def get_workflow_handle(self, workflow_id: str) -> "_FakeHandle":
        """Return a handle, whether there is such a workflow or not."""
        return _FakeHandle(self, workflow_id)

    async def start_workflow(self, _run: object, case: CaseInput, **named: Any) -> None:
        """Start a workflow unless it runs."""
        running = self.runs.get(named["id"])
        if running is not None and running.status is WorkflowExecutionStatus.RUNNING:
            raise WorkflowAlreadyStartedError(named["id"], "CaseWorkflow")
        self.runs[named["id"]] = FakeRun(WorkflowExecutionStatus.RUNNING, case=case)

    async def list_workflows(self, _query: str) -> AsyncIterator[SimpleNamespace]:
        """Return those that run."""
        for workflow_id, run in list(self.runs.items()):
            if run.status is WorkflowExecutionStatus.RUNNING:
                yield SimpleNamespace(id=workflow_id)

    async def outcome(self, case_id: str) -> CaseOutcome | None:
        """Return how a case ended."""
        return self.runs[case_id].outcome


@dataclass
class _FakeHandle:
    temporal: FakeTemporal
    workflow_id: str

    async def describe(self) -> FakeRun:
        if self.workflow_id not in self.temporal.runs:
            raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")
        return self.temporal.runs[self.workflow_id]

    async def cancel(self, *, reason: str = "") -> None:
        self.temporal.runs[self.workflow_id].cancelled = reason or "no reason"


class FakeNamespace:
    """A namespace of Temporal: its data, who claims it beside us, and what it does not let us do."""

    namespace = "headgate"

    def __init__(self, data: dict[str, str], *, beside: str = "", refuses: RPCStatusCode | None = None) -> None:
        self.data = data
        self.workflow_service = self
        self.service_client = SimpleNamespace(config=SimpleNamespace(target_host="temporal:7233"))
        self._beside = beside
        self._refuses = refuses

    async def describe_namespace(self, request: Any) -> object:
        assert request.namespace == "headgate"
        return SimpleNamespace(namespace_info=SimpleNamespace(data=dict(self.data)))

    async def update_namespace(self, request: Any) -> None:
        if self._refuses is not None:
            raise RPCError("no", self._refuses, b"")
        self.data |= dict(request.update_info.data)
        if self._beside:
            self.data["headgate-installation"] = self._beside
