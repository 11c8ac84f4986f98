"""A real Headgate for each module, stopped at its end."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.fault_table import FaultTable
from tests.e2e.running import Running


@pytest.fixture
def fault_table(record_property: Callable[[str, object], None]) -> FaultTable:
    """Where a test of a fault writes down what it saw."""
    return FaultTable(record_property)


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
