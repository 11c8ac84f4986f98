"""Commands and the holding pen: which one they speak of, what waits in it, and moving to another."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.inbox.sqlite import SqliteInbox
from adapters.store import open_store
from commands.doctor.configured import check_pen
from tests.contracts.pens.pen import event
from tests.unit.commands.command_line import run
from workers.config.settings import load_settings
from workers.parts.outside_systems import another_pen, keep_pen
from workers.running.pen_in_use import PEN_IN_USE

RABBIT = "amqp://gate:Secret@127.0.0.1:9/v?prefix=one"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with a store; its pen is a file of it, unless a test sets another."""
    monkeypatch.delenv("HEADGATE_INBOX", raising=False)
    folder = tmp_path / "data"
    folder.mkdir()
    open_store(f"sqlite:///{folder}/store.db").close()
    return folder


@pytest.fixture
def gateway_on_rabbit(data_dir: Path) -> Iterator[None]:
    """A gateway that runs with a pen on RabbitMQ."""
    with keep_pen(load_settings(data_dir=data_dir, inbox=RABBIT)):
        yield


def test_the_record_has_no_password_and_outlives_its_gateway(data_dir: Path) -> None:
    with keep_pen(load_settings(data_dir=data_dir, inbox=RABBIT)):
        pass
    file = data_dir / PEN_IN_USE
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("amqp://127.0.0.1:9/v?prefix=one", 0o600)
    with keep_pen(load_settings(data_dir=data_dir)):  # a shorter name leaves nothing of a longer one
        assert file.read_text() == "a file in the data dir"


@pytest.mark.parametrize(
    ("url", "differs"),
    [
        (RABBIT, False),
        ("amqp://other:word@127.0.0.1:9/v?prefix=one", False),
        ("amqp://127.0.0.1:9/v?prefix=two", True),
        ("amqp://127.0.0.1:9/v", True),
        ("", True),
        ("sqlite://no-path", False),  # told by whoever opens it
    ],
)
@pytest.mark.usefixtures("gateway_on_rabbit")
def test_another_pen_is_known_by_host_path_and_prefix(url: str, differs: bool, data_dir: Path) -> None:
    said = another_pen(load_settings(data_dir=data_dir, inbox=url))
    assert bool(said) is differs
    assert "Secret" not in said


def test_the_file_of_the_data_dir_is_one_pen_however_it_is_named(data_dir: Path) -> None:
    with keep_pen(load_settings(data_dir=data_dir)):
        assert another_pen(load_settings(data_dir=data_dir, inbox=f"sqlite://{data_dir}/inbox.db")) == ""
        assert another_pen(load_settings(data_dir=data_dir, inbox=f"sqlite://{data_dir}/other.db"))


def test_a_data_dir_without_a_gateway_differs_from_nothing(data_dir: Path) -> None:
    assert another_pen(load_settings(data_dir=data_dir, inbox=RABBIT)) == ""
    with keep_pen(load_settings(data_dir=data_dir / "not-there")):  # nowhere to write it: served all the same
        pass


@pytest.mark.usefixtures("gateway_on_rabbit")
def test_a_command_with_another_pen_says_so_and_goes_on(data_dir: Path) -> None:
    code, stdout, stderr = run("dlq", "list", "--json", "--data-dir", str(data_dir))
    assert (code, json.loads(stdout)["total"]) == (0, 0)
    assert stderr.startswith("warning: HEADGATE_INBOX names another holding pen here, a file in the data dir, than")
    assert "amqp://127.0.0.1:9/v?prefix=one" in stderr


def test_a_gateway_that_cannot_have_its_port_leaves_the_record_of_the_one_that_runs(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, keep_pen(load_settings(data_dir=data_dir, inbox=RABBIT)):
        port = str(taken.getsockname()[1])
        environment = {**os.environ, "HEADGATE_GATEWAY_PORT": port, "TEMPORAL_ADDRESS": "127.0.0.1:9"}
        command = [sys.executable, "-m", "commands.main", "gateway", "--data-dir", str(data_dir)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode != 0
        assert port in ended.stderr
        assert (data_dir / PEN_IN_USE).read_text() == "amqp://127.0.0.1:9/v?prefix=one"


@pytest.mark.usefixtures("gateway_on_rabbit")
async def test_the_doctor_finds_another_pen(data_dir: Path) -> None:
    finding = await check_pen(load_settings(data_dir=data_dir))
    assert (finding.ok, "HEADGATE_INBOX names another" in finding.remedy) == (False, True)


# --- moving ---------------------------------------------------------------------------------------------------


def drain(data_dir: Path, to: str) -> tuple[int, str, str]:
    return run("intake", "drain", "--to", to, "--data-dir", str(data_dir))


def test_a_pen_that_a_gateway_fills_is_not_drained(data_dir: Path) -> None:
    with keep_pen(load_settings(data_dir=data_dir)):
        code, _, stderr = drain(data_dir, f"sqlite://{data_dir}/other.db")
        assert (code, "still takes webhooks into a file in the data dir" in stderr) == (1, True), stderr
    assert drain(data_dir, f"sqlite://{data_dir}/other.db")[0] == 0


def test_the_pen_from_before_is_drained_into_that_of_a_running_gateway(data_dir: Path) -> None:
    """The way without a pause for senders."""
    other = f"sqlite://{data_dir}/other.db"
    with keep_pen(load_settings(data_dir=data_dir, inbox=other)):
        assert drain(data_dir, other)[0] == 0


@pytest.mark.usefixtures("gateway_on_rabbit")
def test_a_drain_between_two_pens_of_nobody_is_refused(data_dir: Path) -> None:
    code, _, stderr = drain(data_dir, f"sqlite://{data_dir}/other.db")
    assert (code, stderr.count("HEADGATE_INBOX names another holding pen here")) == (1, 1), stderr


@pytest.mark.parametrize(
    "url", ["kafka://u:Secret@h/x", "sqlite://Secret", "foo:Secret", "redis://h/0?password=Secret"]
)
def test_a_wrong_target_is_told_as_the_option(url: str, data_dir: Path) -> None:
    code, _, stderr = drain(data_dir, url)
    assert (code, stderr.startswith("--to"), "HEADGATE_INBOX" in stderr) == (2, True, False), stderr


def test_up_announces_nothing_with_a_pen_that_is_none(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_INBOX", "kafka://x")
    code, stdout, stderr = run("up", "--data-dir", str(data_dir))
    assert (code, stdout, stderr.count("\n")) == (1, "", 1), stderr
    assert stderr.startswith("HEADGATE_INBOX=kafka://x: there is no pen of this kind")


# --- what waits -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fake")
def test_the_intake_shows_what_waits_in_the_pen(data_dir: Path) -> None:
    async def put() -> None:
        inbox = SqliteInbox(data_dir / "inbox.db")
        await inbox.put(event(1))
        await inbox.put(event(2))
        await inbox.lease(1, 60)
        await inbox.close()

    asyncio.run(put())
    code, stdout, stderr = run("intake", "show", "--data-dir", str(data_dir))
    assert (code, "; 1 waiting in the holding pen, 1 leased" in stdout) == (0, True), (stdout, stderr)
    document = json.loads(run("intake", "show", "--json", "--data-dir", str(data_dir))[1])
    assert (document["inbox"], "inbox_reason" in document) == ({"ready": 1, "leased": 1}, False)


@pytest.mark.usefixtures("fake")
def test_what_waits_in_a_pen_that_is_away_is_not_known(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_INBOX", RABBIT)  # nobody listens there
    code, stdout, _ = run("intake", "show", "--data-dir", str(data_dir))
    assert (code, "waiting: not known, " in stdout, "Secret" in stdout) == (0, True, False)
    document = json.loads(run("intake", "show", "--json", "--data-dir", str(data_dir))[1])
    assert (document["inbox"], bool(document["inbox_reason"])) == (None, True)
