"""Commands with a running Headgate that is not there."""

import os
from pathlib import Path

import pytest

from client.headgate import Headgate
from tests.fakes.headgate import FakeHeadgate


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Headgate and no Temporal that somebody has set up here."""
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("HEADGATE_DATA_DIR", raising=False)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeHeadgate:
    """What every command connects to."""
    headgate = FakeHeadgate()

    async def connect(data_dir: Path | None = None) -> FakeHeadgate:
        return headgate

    monkeypatch.setenv("HEADGATE_APPROVER_TOKEN", "ann's own token")
    monkeypatch.setattr(Headgate, "connect", connect)
    return headgate
