"""`headgate submit --url`: to a gateway that runs by itself, as in compose, with nothing of `headgate up`."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from workers.machine.local_ports import free_ports
from workers.machine.process_keeper import ProcessKeeper
from workers.machine.process_specs import ProcessSpec

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples" / "complaints.jsonl"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[str]:
    """The process `headgate gateway` on a fresh data dir, below `tmp_path`; no Temporal answers."""
    (port,) = free_ports(24700, 1)
    url = f"http://127.0.0.1:{port}"

    async def healthy() -> bool:
        async with httpx.AsyncClient(timeout=2) as http:
            return (await http.get(f"{url}/healthz")).is_success

    env = {
        "HEADGATE_DATA_DIR": str(tmp_path / "data"),
        "HEADGATE_GATEWAY_PORT": str(port),
        "HEADGATE_STORE_URL": "",
        "TEMPORAL_ADDRESS": "127.0.0.1:9",
    }
    spec = ProcessSpec("gateway", [sys.executable, "-m", "commands.main", "gateway"], env=env, ready=healthy)
    async with ProcessKeeper(tmp_path, handle_signals=False) as keeper:
        await keeper.start([spec])
        yield url


def submit(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "commands.main", "submit", str(SAMPLES), "--limit", "7", *arguments],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if name != "HEADGATE_DATA_DIR"},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_messages_are_signed_with_the_gateways_own_secrets(gateway: str, tmp_path: Path) -> None:
    first = submit("--url", f"{gateway}/", "--data-dir", str(tmp_path / "data"), "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["accepted"] == 7
    # From another machine: a folder with nothing but a copy of the secrets, and another source of them.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(tmp_path / "data" / "sources.json", elsewhere)
    second = submit("--url", gateway, "--data-dir", str(elsewhere), "--source", "mail", "--json")
    assert second.returncode == 0, second.stderr
    assert all(case_id.startswith("case/mail/") for case_id in json.loads(second.stdout)["case_ids"])


async def test_without_secrets_or_gateway_the_remedy_is_named(gateway: str, tmp_path: Path) -> None:
    nothing = submit("--url", gateway, "--data-dir", str(tmp_path / "nothing"))
    assert nothing.returncode == 3
    assert "sources.json" in nothing.stderr
    nobody = submit("--url", "http://127.0.0.1:9", "--data-dir", str(tmp_path / "data"))
    assert nobody.returncode == 3
    assert "gateway's address" in nobody.stderr
