"""Parts of the tests of activities that use the store."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.actions.pay import (
    RefundRequest,
)
from domain.money.action import Action
from ports.rail import RailReceipt
from tests.contracts.store_samples import (
    NOW,
    action,
)
from tests.fakes.rail import FakeRail

KEY = "case/shop/e1/refund"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def nobody_cancels(_case_id: str) -> bool:
    return False


def within(workflow_type: str) -> ActivityEnvironment:
    env = ActivityEnvironment()
    env.info = replace(env.info, workflow_type=workflow_type)
    return env


BILLING = "BillingWorkflow"


def waited(seconds: float) -> ActivityEnvironment:
    """Within an attempt that began so long after its activity was scheduled."""
    env = within("CaseWorkflow")
    env.info = replace(env.info, started_time=env.info.scheduled_time + timedelta(seconds=seconds))
    return env


class StandingRail(FakeRail):
    """Pays only once it may go on."""

    def __init__(self, rail: FakeRail) -> None:
        super().__init__()
        self.entries = rail.entries
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def pay(self, action: Action) -> RailReceipt:
        self.reached.set()
        await self.go_on.wait()
        return await super().pay(action)


def request(name: str = "e1", **changes: object) -> RefundRequest:
    values: dict[str, object] = {"action": action(name), "step": "refund", "terms": {"limit_minor": 500_000}, **changes}
    return RefundRequest.model_validate(values)
