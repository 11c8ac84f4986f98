"""A model's step runs on the queue of the tier that the blueprint gave it when the case began."""

from dataclasses import replace

import pytest
from temporalio.api.enums.v1 import EventType

from domain.case import CaseInput, CaseState
from domain.model_call import Tier
from domain.model_steps import ModelStep
from domain.routing import SALES
from tests.workflows.fake_world import FakeWorld, routed
from tests.workflows.running import Mill, home, new_case, policy
from workflows import options

SMALL, LARGE = options.MODEL_QUEUES[Tier.SMALL], options.MODEL_QUEUES[Tier.LARGE]


async def test_a_kind_moves_to_its_tiers_queue_and_has_no_first_try_there() -> None:
    small, large = options.MODEL_SMALL, options.MODEL_LARGE
    assert options.of_tier(small, Tier.LARGE) == replace(small, queue=LARGE, first_try=None)
    assert options.of_tier(large, Tier.SMALL) == replace(large, queue=SMALL)
    assert options.of_tier(large, Tier.EMBEDDED) == replace(large, queue=SMALL)
    for kind, tier in ((small, None), (large, None), (small, Tier.SMALL), (small, Tier.EMBEDDED), (large, Tier.LARGE)):
        assert options.of_tier(kind, tier) is kind


async def queues_of(mill: Mill, case: CaseInput) -> dict[str, str]:
    """Run a sales case; return the queues of its steps that were tasks of one."""
    assert (await mill.run(case)).state is CaseState.DONE
    found = {}
    for workflow_id in {case.case_id, home(case.case_id, "sales")}:
        for event in (await mill.client.get_workflow_handle(workflow_id).fetch_history()).events:
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                told = event.activity_task_scheduled_event_attributes
                found[told.activity_type.name] = told.task_queue.name
    return found


MOVED = {ModelStep.ROUTE.value: Tier.LARGE, ModelStep.LEAD.value: Tier.LARGE, ModelStep.REPLY.value: Tier.SMALL}


@pytest.mark.usefixtures("both_ways")
async def test_steps_run_where_the_blueprint_moved_them(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", routed(SALES))
    queues = await queues_of(mill, new_case(policy=policy(tiers=MOVED)))
    assert queues.items() >= {"route_case": LARGE, "qualify_lead": LARGE, "draft_reply": SMALL}.items()
    assert len(world.of("route_case")) == 1, "a large model is not asked beside the workflow task first"


@pytest.mark.usefixtures("both_ways")
async def test_other_steps_stay_where_they_were(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", routed(SALES))
    queues = await queues_of(mill, new_case())
    assert queues["draft_reply"] == LARGE
    assert not {"route_case", "qualify_lead"} & set(queues), "first tries"
