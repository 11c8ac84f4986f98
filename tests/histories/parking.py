"""Cases that no budget bears, parked at the router until the day is over and at a specialist until a person's word; and
cases that wait for a provider to be back.
"""

from datetime import timedelta

from domain.case import CaseState
from domain.errors import OverBudgetError, ProviderOutError, TransientError
from domain.routing import BILLING
from domain.spend.resuming import ResumeWord
from tests.histories.scenarios import Recorded
from tests.workflows.fake_world import FakeWorld, routed
from tests.workflows.running import Mill, home
from workflows.spending.parking import RESUME


async def parked(mill: Mill, world: FakeWorld) -> Recorded:
    opens = await mill.env.get_current_time() + timedelta(hours=9)
    world.always("route_case", routed(BILLING))
    world.will("route_case", OverBudgetError("the budget of all is used up", "budget all micros", opens))
    world.will("extract_claim", OverBudgetError("it made 40 calls", "runaway"))
    handle = await mill.start()
    await mill.until(handle, CaseState.PARKED)
    await mill.skip(timedelta(hours=10))
    await mill.until(handle, CaseState.PARKED)
    for name in {handle.id, home(handle.id, "billing")}:
        await mill.client.get_workflow_handle(name).signal(RESUME, ResumeWord(by="dana", cases=50))
    await handle.result()
    return {"case_parked": handle.id, "billing_parked": f"{handle.id}/billing"}


async def outage(mill: Mill, world: FakeWorld) -> Recorded:
    out = ProviderOutError("openai gpt-x is out: HTTP 503", "openai gpt-x", (300.0, 300.0), 86_400.0)
    world.always("route_case", routed(BILLING))
    world.will("route_case", TransientError("HTTP 503"), out, out)
    world.will("extract_claim", out, out)
    handle = await mill.start()
    await handle.result()
    return {"case_outage": handle.id, "billing_outage": f"{handle.id}/billing"}
