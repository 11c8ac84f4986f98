"""The diagnosis: what is missing is named with a remedy, nothing raises, and no secret is shown."""

import io
import json
import os
import sys
from pathlib import Path

import pytest
from rich.console import Console

from workers import doctor
from workers.doctor import Finding, as_document, check_http, check_java, check_key, check_sqlite, diagnose, print_table
from workers.local_ports import free_ports
from workers.temporal_server import TEMPORAL_BIN_VARIABLE, TEST_SERVER_BIN_VARIABLE


@pytest.fixture
def bare_machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine on which nothing of ours is installed."""
    return {"PATH": "", "HEADGATE_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}


async def test_a_bare_machine_gets_a_remedy_for_every_fault(tmp_path: Path, bare_machine: dict[str, str]) -> None:
    (port,) = free_ports(23200, 1)
    nobody = f"127.0.0.1:{port}"
    findings = await diagnose(
        data_dir=tmp_path / "not" / "there",
        temporal_address=nobody,
        gateway_url=f"http://{nobody}",
        models=[("small", f"http://{nobody}/v1")],
        environ=bare_machine,
    )
    faults = {finding.name: finding for finding in findings if finding.ok is False}
    assert set(faults) == {"temporal program", "temporal server", "gateway", "model endpoint small"}
    assert all(finding.remedy for finding in faults.values())
    assert "make setup" in faults["temporal program"].remedy


async def test_what_need_not_run_is_no_fault(tmp_path: Path, bare_machine: dict[str, str]) -> None:
    findings = {finding.name: finding for finding in await diagnose(data_dir=tmp_path, environ=bare_machine)}
    assert [findings[name].ok for name in ("temporal server", "gateway", "test server", "java")] == [None] * 4


async def test_a_program_that_does_not_run_is_a_fault(tmp_path: Path) -> None:
    broken = tmp_path / "temporal"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    finding = await doctor.check_temporal_program({TEMPORAL_BIN_VARIABLE: str(broken)})
    assert finding.ok is False
    assert str(broken) in finding.found


async def test_a_test_server_that_is_a_script_needs_java(tmp_path: Path) -> None:
    script = tmp_path / "temporal-test-server"
    script.write_text("#!/bin/sh\nexec java\n")
    script.chmod(0o755)
    finding = await check_java({"PATH": "", TEST_SERVER_BIN_VARIABLE: str(script)})
    assert finding.ok is False


@pytest.mark.parametrize("url", ["http://[::1", "notaurl", "http://127.0.0.1:1/", "http://\x00/"])
async def test_an_address_that_cannot_be_asked_is_a_fault_not_a_crash(url: str) -> None:
    assert (await check_http("model", url, "mend it")).ok is False


async def test_credentials_in_an_address_are_not_shown() -> None:
    finding = await check_http("model", "http://me:secret@127.0.0.1:1/v1?key=secret", "mend it")
    assert "secret" not in finding.found


@pytest.mark.parametrize("name", ["KEY", "KEY_FILE"])
def test_a_key_is_said_to_be_set_and_never_shown(name: str) -> None:
    finding = check_key("KEY", {name: "sk-very-secret"})
    assert finding == Finding("KEY", True, "set")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_dir_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert check_sqlite(tmp_path).ok is False


def test_sqlite_leaves_no_trace_in_the_data_dir(tmp_path: Path) -> None:
    assert check_sqlite(tmp_path).ok is True
    assert list(tmp_path.iterdir()) == []


def test_the_document_is_json_and_says_whether_all_is_well() -> None:
    good, absent, bad = (Finding("a", ok, "found [x]") for ok in (True, None, False))
    assert json.loads(json.dumps(as_document([good, absent])))["ok"] is True
    assert as_document([good, bad])["ok"] is False


def test_the_table_shows_square_brackets_as_they_are() -> None:
    output = io.StringIO()
    print_table([Finding("path", True, "/srv/[red]data")], Console(file=output, width=200))
    assert "/srv/[red]data" in output.getvalue()


def test_this_python_is_found() -> None:
    assert sys.executable in doctor.check_python().found
