"""`headgate demo --ci`: what a stranger sees first."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.running import HEADGATE, PROJECT, answering, left_running

PORT_BASE = 20_100
TIMEOUT_S = 400


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def told(data_dir: Path) -> str:
    """The output of one run that ended well."""
    done = subprocess.run(
        [*HEADGATE, "demo", "--ci", "--port-base", str(PORT_BASE), "--data-dir", str(data_dir)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S + 60)
def test_the_demo_counts_its_messages_once_and_settles_them(told: str) -> None:
    assert "210 sent and accepted: 202 new, 8 came twice" in told
    assert "210 accepted and an answer, 8 redelivered: 203 cases" in told
    assert "cases: 202/202" in told
    assert "dead letters       none" in told


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S + 60)
def test_the_demo_decides_as_a_person_would(told: str) -> None:
    assert "approved by finance" in told
    assert "rejected by finance" in told
    assert "1 approved, 3 pending, 1 rejected" in told


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S + 60)
def test_the_demo_ends_with_money_tokens_and_a_clean_audit(told: str) -> None:
    lines = {line.split("  ")[0]: line for line in told.splitlines() if line}
    assert " paid: " in lines["refunds"]
    assert "tokens (" in lines["saved by cleaning"]
    assert " calls, " in lines["models"]
    assert "$" in lines["cost"]
    assert "audit: clean" in told


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S + 60)
def test_the_demo_leaves_nothing_running(told: str, data_dir: Path) -> None:
    ports = [int(word.split(":")[2].split("/")[0]) for word in told.split() if word.startswith("http://127.0.0.1:")]
    assert len(set(ports)) == 3, "the demo says where gateway, Web UI and offline model are"
    assert left_running(data_dir) == []
    assert answering(ports) == []
    assert list((data_dir / "run").glob("*.json")) == []
