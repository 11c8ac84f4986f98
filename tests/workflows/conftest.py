"""Workflow tests: the product's workflows and workers against a server that skips time, with fakes for the
activities.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.testing import WorkflowEnvironment

from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, Specialists
from workers import roles
from workflows import options

HERE = Path(__file__).parent

# Each worker would tell the terminal what the time-skipping server cannot do.
Runtime.set_default(
    Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(TelemetryFilter(core_level="ERROR", other_level="ERROR"))))
)


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """All of them run on the loop on which the server's client was made."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(params=[False, True], ids=["inside", "apart"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run a test with specialists inside their cases, and with specialists apart; returns whether they are."""
    monkeypatch.setattr(Specialists, "apart", request.param)
    return Specialists.apart


@pytest.fixture(autouse=True)
def no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debug mode: on a busy machine a workflow task may stand for two seconds without anything being wrong with it."""
    monkeypatch.setenv("TEMPORAL_DEBUG", "1")


@pytest.fixture(autouse=True)
def brief_first_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held holds its workflow task for a second and a half, not for five."""
    for name, kind in vars(options).copy().items():
        if isinstance(kind, options.StepKind) and kind.first_try is not None:
            monkeypatch.setattr(options, name, replace(kind, first_try=timedelta(seconds=1.5)))


@pytest.fixture
def nothing_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep no workflow in memory: the time-skipping server leaves what a stopped worker kept to nobody else."""
    monkeypatch.setattr(roles, "CACHED", 0)


@pytest.fixture
def world(env: WorkflowEnvironment) -> FakeWorld:
    """The world outside, which does as it is told."""
    return FakeWorld()


@pytest_asyncio.fixture(loop_scope="session")
async def mill(env: WorkflowEnvironment, client: Client, world: FakeWorld) -> AsyncIterator[Mill]:
    """All workers, running."""
    async with Mill(env, client, world) as running:
        yield running
