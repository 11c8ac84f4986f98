"""What tests share: Temporal's time-skipping server, the folder of real data, and the run itself."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.e2e.fault_table import tell_faults
from tests.time_skipping import FreshServers

# The same on every machine, whichever models are installed there; tests of these ask for them.
os.environ.setdefault("HEADGATE_EMBEDDER", "hashed")
os.environ.setdefault("HEADGATE_NAMES", "off")
os.environ.setdefault("HEADGATE_LANGUAGE", "off")
os.environ.setdefault("HEADGATE_OCR", "off")

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.lanes import Lanes


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "Lanes":
    """Share the tests out between the processes of `-n`."""
    from tests.lanes import Lanes

    return Lanes(config, log)


WITH_SERVERS = tuple(Path(__file__).parent / folder for folder in ("workflows", "integration", "e2e"))
IN_VAIN = ["TimeoutError", "it never became true", r" within [\d.]+ s", r"Timeout \(>"]


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Run a test once more that waited for a real server in vain, and name it in the summary.

    One that saw something wrong has failed, and so has a test without servers.
    """
    again = pytest.mark.flaky(reruns=1, only_rerun=IN_VAIN)
    for item in items:
        if any(folder in item.path.parents for folder in WITH_SERVERS):
            item.add_marker(again)


class FailuresAtOnce:
    """Names each failure when it happens, in the process that reports: a run that is cut off has no summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name a test that failed or is run once more, with the last line of why."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        said = {"failed": "failed", "rerun": "waited in vain, once more"}.get(report.outcome)
        if said and terminal is not None:
            why = report.longreprtext.strip().rpartition("\n")[2]
            terminal.write_line(f"\n{said} ({report.when}, {report.duration:.0f} s): {report.nodeid}: {why}"[:1000])


def pytest_configure(config: pytest.Config) -> None:
    """Have failures named as they come."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what became of the faults."""
    tell_faults(terminalreporter)


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    """Whatever opens a store keeps all later files private, in this process too: not those of the next test."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def eval_data() -> Path:
    """The folder of real messages that `HEADGATE_EVAL_DATA` names; without it the test is skipped."""
    named = os.environ.get("HEADGATE_EVAL_DATA")
    if not named:
        pytest.skip("HEADGATE_EVAL_DATA is unset: it names the folder of real messages")
    folder = Path(named)
    assert folder.is_dir(), f"HEADGATE_EVAL_DATA is {named!r}, which is no folder"
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers() -> AsyncIterator[FreshServers]:
    """Time-skipping servers. Without `make setup` this is an error: nothing here may pass by being skipped."""
    servers = FreshServers()
    yield servers
    await servers.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def env(servers: FreshServers) -> AsyncIterator[WorkflowEnvironment]:
    """Temporal's time-skipping server, with nothing of other tests in it."""
    async with servers.one() as environment:
        yield environment


@pytest.fixture
def client(env: WorkflowEnvironment) -> Client:
    """A client of that server; awaiting a result with it skips time."""
    return env.client
