"""Two installations that are started in the same second on one machine never meet."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.fault_table import FaultTable
from tests.e2e.running import Running, eventually
from workers.config.data_dir import instance_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PORT_BASE = 22_100
ROUNDS = 2


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[Running]]:
    """Two `headgate up` on data dirs of their own, from the same first port, started at once."""
    folders = [tmp_path / name / "data" for name in ("one", "two")]
    for folder in folders:
        folder.mkdir(parents=True)
    started: list[Running] = []
    with ThreadPoolExecutor(2) as pool:  # its threads live as long as what they started
        waiting = [pool.submit(Running, folder, PORT_BASE, {}, "--no-ui", "--samples") for folder in folders]
        try:
            started += [one.result() for one in waiting]
            yield started
        finally:
            for one in waiting:
                if not one.exception():
                    one.result().stop()


def is_worked(running: Running) -> bool:
    return set(running.states().values()) == {"done"}


def get_json(url: str) -> dict[str, Any]:
    return dict(httpx.get(url, timeout=10).json())


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_each_answers_with_its_own_id_and_works_its_own_message(
    both: list[Running], fault_table: FaultTable, number: int
) -> None:
    ids = [instance_of(running.data_dir) for running in both]
    assert None not in ids
    assert ids[0] != ids[1]
    temporals = {running.endpoints["temporal"] for running in both}
    assert len(temporals) == 2
    for running, own in zip(both, ids, strict=True):
        found = running.endpoints
        assert get_json(found["gateway"] + "/healthz")["instance"] == own
        assert get_json(found["offline_model"] + "/healthz")["instance"] == own
        assert get_json(found["gateway"] + "/readyz")["in_force"]["installation"] == own
        assert running.json("status")["in_force"]["installation"] == own
        body = {"text": f"We want to buy 40 licences, round {number}.", "customer": {"email": f"{own}@shop.example"}}
        assert running.post(f"evt-{own}", body).status_code == 202
    began = time.monotonic()
    for running, own in zip(both, ids, strict=True):
        eventually(partial(is_worked, running), 90, "its message was not worked")
        assert [case_id.rpartition("/")[2] for case_id in running.states()] == [f"evt-{own}"]
        assert running.command("audit").returncode == 0
        fault = f"two installations started in the same second, {number + 1}"
        await fault_table.add(running, fault, "L1", running.states(), lifted=began)
