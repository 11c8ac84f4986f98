"""Commands with a running Headgate that is not there."""

from pathlib import Path

import pytest

from client.headgate import Headgate
from tests.fakes.headgate import FakeHeadgate


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeHeadgate:
    """What every command connects to."""
    headgate = FakeHeadgate()

    async def connect(data_dir: Path | None = None) -> FakeHeadgate:
        return headgate

    monkeypatch.setattr(Headgate, "connect", connect)
    return headgate
