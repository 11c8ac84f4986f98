"""`headgate init` on a real server: what it makes, what it finds, and what it says where it may not or cannot."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import ConfigurationError, NotReachableError
from workers.machine import temporal_setup as preparing
from workers.machine.local_ports import free_ports
from workers.machine.process_keeper import ProcessKeeper
from workers.machine.process_specs import ProcessSpec
from workers.machine.temporal_server import DEFAULT_RETENTION, dev_server_command, find_temporal
from workers.machine.temporal_setup import prepare_temporal
from workflows import options
from workflows.options import SEARCH_ATTRIBUTES

PROJECT = Path(__file__).parents[2]


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """A Temporal that knows nothing of Headgate; `TEMPORAL_*` names it. It may still be starting."""
    (port,) = free_ports(24500, 1)
    address = f"127.0.0.1:{port}"
    command = dev_server_command(
        find_temporal(), db_file=None, port=port, ui_port=None, namespace="default", search_attributes={}
    )
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "theirs")
    async with ProcessKeeper(tmp_path, handle_signals=False) as keeper:
        await keeper.start([ProcessSpec("temporal", command)])
        yield address


def headgate_init(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "commands.main", "init", *arguments],
        cwd=PROJECT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_first_time_makes_everything_and_the_second_finds_it(server: str) -> None:
    first = headgate_init("--wait", "60")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith(f"namespace theirs at {server}: made, closed cases are kept 30 days\n")
    second = headgate_init("--json")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout) == {
        "address": server,
        "namespace": "theirs",
        "namespace_made": False,
        "retention_days": 30,
        "search_attributes": {"made": [], "found": list(SEARCH_ATTRIBUTES)},
    }


async def test_the_retention_of_a_namespace_that_is_there_is_left_alone_and_told(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "default")
    for _ in range(2):
        prepared = await prepare_temporal(wait_s=60)
        assert prepared.namespace_made is False
        assert prepared.retention is not None
        assert prepared.retention < DEFAULT_RETENTION
        assert "--retention 30d" in prepared.as_lines()[-1]


def refusing(status: RPCStatusCode) -> object:
    async def refuse(client: Client, *_: object, **__: object) -> None:
        raise RPCError("Request unauthorized.", status, b"")

    return refuse


async def test_where_registration_is_forbidden_what_an_administrator_made_is_enough(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare_temporal(wait_s=60)
    for step in ("register_namespace", "register_search_attributes"):
        monkeypatch.setattr(preparing, step, refusing(RPCStatusCode.PERMISSION_DENIED))
    prepared = await prepare_temporal(wait_s=60)
    assert prepared.attributes_found == list(SEARCH_ATTRIBUTES)
    assert prepared.retention is None
    assert prepared.as_lines()[0] == f"namespace theirs at {server}: found"


async def test_where_registration_is_forbidden_the_missing_part_and_its_command_are_named(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare_temporal(wait_s=60)
    more: Mapping[str, str] = {**SEARCH_ATTRIBUTES, "CaseMood": "Keyword"}
    monkeypatch.setattr(options, "SEARCH_ATTRIBUTES", more)
    monkeypatch.setattr(preparing, "register_search_attributes", refusing(RPCStatusCode.UNIMPLEMENTED))
    with pytest.raises(
        ConfigurationError, match=r"lacks .* CaseMood, .*theirs --search-attribute \"CaseMood=Keyword\"`"
    ):
        await prepare_temporal(wait_s=60)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "nowhere")
    monkeypatch.setattr(preparing, "register_namespace", refusing(RPCStatusCode.PERMISSION_DENIED))
    with pytest.raises(ConfigurationError, match=r"'nowhere' is not there.*tcld namespace create"):
        await prepare_temporal(wait_s=60)


async def test_credentials_that_are_refused_are_a_part_that_cannot_be_reached(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare_temporal(wait_s=60)
    monkeypatch.setattr(preparing, "register_namespace", refusing(RPCStatusCode.UNAUTHENTICATED))
    with pytest.raises(NotReachableError, match=r"UNAUTHENTICATED.*TEMPORAL_API_KEY"):
        await prepare_temporal(wait_s=60)


async def test_a_server_that_never_gets_ready_is_given_up_in_time(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare_temporal(wait_s=60)
    monkeypatch.setattr(preparing, "register_search_attributes", refusing(RPCStatusCode.UNAVAILABLE))
    with pytest.raises(NotReachableError, match=r"not ready within 0.3 s"):
        await prepare_temporal(wait_s=0.3)


def test_nobody_at_the_address_is_exit_3_with_a_remedy() -> None:
    (port,) = free_ports(24600, 1)
    done = headgate_init("--wait", "0", TEMPORAL_ADDRESS=f"127.0.0.1:{port}")
    assert done.returncode == 3
    assert done.stdout == ""
    assert f"127.0.0.1:{port}" in done.stderr
    assert "TEMPORAL_ADDRESS" in done.stderr


def test_the_document_says_nothing_about_a_retention_that_nobody_told() -> None:
    prepared = preparing.Prepared(
        "a:1", "n", namespace_made=False, retention=None, attributes_made=[], attributes_found=[]
    )
    assert prepared.as_document()["retention_days"] is None
    short = preparing.Prepared("a:1", "n", False, timedelta(days=3), [], [])
    assert short.as_document()["retention_days"] == 3
