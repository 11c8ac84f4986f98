"""A real Headgate for each module, stopped at its end."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.fault_table import TABLE, FaultTable
from tests.e2e.running import Running


def pytest_configure(config: pytest.Config) -> None:
    """Have one table for the whole run."""
    config.stash.setdefault(TABLE, FaultTable())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell the table of faults."""
    if (table := config.stash.get(TABLE, FaultTable())).rows:
        terminalreporter.section("faults")
        for line in table.as_markdown():
            terminalreporter.write_line(line)


@pytest.fixture
def fault_table(request: pytest.FixtureRequest) -> FaultTable:
    """Where a test of a fault writes down what it saw."""
    return request.config.stash[TABLE]


@pytest.fixture(scope="module")
def start_headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Running]]:
    """Start `headgate up` on a fresh data dir; whatever was started is stopped after the module."""
    started: list[Running] = []

    def start(*arguments: str, port_base: int, env: dict[str, str] | None = None) -> Running:
        folder = tmp_path_factory.mktemp("headgate") / "data"
        folder.mkdir()
        running = Running(folder, port_base, env or {}, *arguments)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()
