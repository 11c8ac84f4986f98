"""The sandbox that workflows run in: Temporal's own, without work that changes nothing here."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info

from workers.running.misfits import require_own, require_start

# What the workflow files import as it is (`imports_passed_through`). Named here too, the sandbox need not look each
# time, and takes submodules along: `from workflows import options` would else run the module anew for every case.
PASSED_THROUGH = (
    "pydantic",
    "domain",
    "activities",
    "workflows.options",
    "workflows.failures",
    "workflows.steps",
    "workflows.waiting",
    "workflows.endings",
    "workflows.conversation",
    "workflows.human_lane",
    "workflows.specialists.desk",
)


_RESTRICTIONS = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)


@dataclass(frozen=True)
class CaseRunner(SandboxedWorkflowRunner):
    """Runs workflows in the sandbox. A fourth of a case worker's time went into what this leaves out."""

    restrictions: SandboxRestrictions = _RESTRICTIONS
    """Debug mode (`TEMPORAL_DEBUG=1`) makes a runner with others."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return an instance that begins only with inputs that fit.

        Nor does it go into its sandbox for every payload to ask in which context it stands: our data converter writes
        the same in all of them, and stores none elsewhere.
        """
        instance: Any = super().create_instance(det)
        instance.get_serialization_context = _no_context
        instance.get_external_store_context = _no_store
        if det.defn.name:  # a dynamic workflow takes whatever comes
            instance.activate = _checked(instance, det.info, det.defn.arg_types or [])
        return instance  # type: ignore[no-any-return]  # as the runner above it returned it


def _no_context(_command: object) -> None:
    return None


def _no_store(_command: object) -> StorageDriverStoreContext:
    return StorageDriverStoreContext(target=None)


_Activate = Callable[[WorkflowActivation], WorkflowActivationCompletion]


def _checked(instance: WorkflowInstance, info: Info, kinds: list[type]) -> _Activate:
    """Look at the inputs of a start before the workflow's class is made of them: an `ApplicationError` that leaves an
    activation fails the execution, whatever its class would raise keeps the task failing for ever.
    """
    activate = type(instance).activate
    held = weakref.ref(instance)  # it holds what is returned: in a circle it would outlive its worker

    def first_checked(activation: WorkflowActivation) -> WorkflowActivationCompletion:
        for job in activation.jobs:
            if job.HasField("initialize_workflow"):
                require_start(info.workflow_type, kinds, job.initialize_workflow.arguments)
                require_own(info, job.initialize_workflow.arguments)
        alive = held()
        assert alive is not None, "whoever calls its method holds it"
        return activate(alive, activation)

    return first_checked
