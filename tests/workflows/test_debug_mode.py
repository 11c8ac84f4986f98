"""A worker in Temporal's debug mode, as whoever steps through a workflow runs it."""

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from domain.case import CaseState
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill


async def test_cases_run_in_debug_mode(
    env: WorkflowEnvironment, client: Client, world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_DEBUG", "1")
    async with Mill(env, client, world) as mill:
        assert (await mill.run()).state is CaseState.DONE
