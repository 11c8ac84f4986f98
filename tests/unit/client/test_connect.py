"""Which Temporal a command talks to."""

from collections.abc import Mapping

import pytest
from temporalio.client import Client

from client.connect import connect

FOREIGN = {"TEMPORAL_ADDRESS": "other:7233", "TEMPORAL_NAMESPACE": "other", "TEMPORAL_API_KEY": "secret"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the SDK was asked to connect to, with variables for another Temporal set."""
    config: dict[str, object] = {}

    async def note(**given: object) -> None:
        config.update(given)

    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(Client, "connect", note)
    return config


def _target(config: Mapping[str, object]) -> tuple[object, object]:
    return config["target_host"], config["namespace"]


async def test_a_known_server_is_not_left_for_the_one_of_a_variable(asked: dict[str, object]) -> None:
    await connect("127.0.0.1:1", "headgate")
    assert _target(asked) == ("127.0.0.1:1", "headgate")
    assert not asked.get("api_key")
    assert not asked.get("tls")


async def test_where_none_is_known_temporal_s_own_settings_count(asked: dict[str, object]) -> None:
    await connect()
    assert _target(asked) == ("other:7233", "other")
    assert asked["api_key"] == "secret"


async def test_without_any_setting_it_is_the_local_server(
    asked: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in FOREIGN:
        monkeypatch.delenv(name)
    await connect()
    assert _target(asked) == ("localhost:7233", "headgate")
