"""What somebody would write first: a workflow with one activity per model call, and its workers."""

import compileall
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from domain.model_call import ModelReply, ModelRequest, Tier
    from ports.models.model import LanguageModel

BARE_CASES, BARE_MODELS = "bench-bare-cases", "bench-bare-models"


class BareCase(BaseModel):
    """The model calls of one case."""

    calls: list[ModelRequest]


@workflow.defn
class BareWorkflow:
    """What somebody would write first: one activity per model call, no gate, no ledger, no journal, nobody to ask."""

    @workflow.run
    async def run(self, case: BareCase) -> int:
        """Make the calls one after another."""
        for call in case.calls:
            await workflow.execute_activity_method(
                BareActivities.complete,
                call,
                task_queue=BARE_MODELS,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=RetryPolicy(maximum_attempts=3),
            )
        return len(case.calls)


class BareActivities:
    """The model calls of the bare workflow."""

    def __init__(self, models: Mapping[Tier, LanguageModel]) -> None:
        self._models = models

    @activity.defn
    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call."""
        return await self._models[request.tier].complete(request)


async def run_bare_worker(kind: str) -> None:
    """Run one of the two worker processes until it is ended."""
    from client.connect import connect
    from client.which import which_temporal
    from workers.bootstrap import Parts
    from workers.config.settings import load_settings

    client = await connect(which_temporal())
    compileall.compile_dir(str(Path(__file__).parent), quiet=2)  # as Headgate's own case worker does
    if kind == BARE_CASES:
        worker = Worker(client, task_queue=BARE_CASES, workflows=[BareWorkflow])
    else:
        complete = BareActivities(Parts(load_settings()).models).complete
        worker = Worker(client, task_queue=BARE_MODELS, activities=[complete], max_concurrent_activities=16)
    await worker.run()
