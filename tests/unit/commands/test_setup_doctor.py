"""The diagnosis: what is missing is named with a remedy, nothing raises, and no secret is shown."""

import io
import json
import os
import sys
from pathlib import Path

import pytest
from rich.console import Console

from adapters.store import open_store
from client.which import Endpoints, WhichHeadgate
from commands.doctor import machine as doctor
from commands.doctor import report as checking
from commands.doctor.configured import (
    check_hook,
    check_key,
    check_rail,
    check_records,
    check_store,
    check_web_ui,
    store_finding,
)
from commands.doctor.machine import Finding, as_document, check_http, check_java, check_sqlite, one_line, print_table
from commands.doctor.report import find_all
from commands.running.up import render_urls
from tests.outside_shop import HTTP_MAPPING, SQL_MAPPING, OutsideShop
from workers.config.settings import load_settings
from workers.machine.local_ports import free_ports
from workers.machine.temporal_server import TEMPORAL_BIN_VARIABLE, TEST_SERVER_BIN_VARIABLE


@pytest.fixture
def bare_machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine on which nothing of ours is installed."""
    return {"PATH": "", "HEADGATE_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}


@pytest.fixture
def bare(bare_machine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """This process on such a machine, with no variable of Headgate, Temporal or a provider."""
    for name in [n for n in os.environ if n.startswith(("HEADGATE_", "TEMPORAL_", "OPENAI_", "ANTHROPIC_"))]:
        monkeypatch.delenv(name)
    for name, value in bare_machine.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def nobody() -> str:
    """An address at which nothing answers."""
    (port,) = free_ports(23200, 1)
    return f"127.0.0.1:{port}"


async def found(data_dir: Path, which: WhichHeadgate | None = None) -> dict[str, Finding]:
    """What the doctor finds by the environment, by name."""
    findings = await find_all(load_settings(data_dir=data_dir), which)
    names = [finding.name for finding in findings]
    assert len(set(names)) == len(names)
    return dict(zip(names, findings, strict=True))


@pytest.mark.parametrize(("took_s", "ok"), [(0.01, True), (2.9, True), (3.1, False), (60.0, False)])
def test_a_store_slower_than_a_workflow_task_may_be_is_told(took_s: float, ok: bool) -> None:
    finding = store_finding("postgresql://db/headgate", took_s)
    assert finding.ok is ok
    assert ("cut off after 3 s" in finding.found) is not ok
    assert bool(finding.remedy) is not ok


async def test_a_bare_machine_gets_a_remedy_for_every_fault(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    url = f"http://{nobody()}"
    dead = Endpoints(
        gateway=url, console=url, temporal=nobody(), temporal_ui=url, namespace="headgate", offline_model=url
    )
    faults = {
        n: f
        for n, f in (await found(tmp_path / "not" / "there", WhichHeadgate.of_endpoints(dead))).items()
        if f.ok is False
    }
    assert set(faults) == {
        "temporal program",
        "gateway",
        "model endpoint offline model",
        "temporal server",
        "Temporal Web UI",
    }
    assert all(finding.remedy for finding in faults.values())
    assert "make setup" in faults["temporal program"].remedy


async def test_what_need_not_run_is_no_fault(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    findings = await found(tmp_path)
    absent = ("temporal server", "gateway", "test server", "java", "store", "Temporal Web UI", "OPENAI_API_KEY")
    assert [findings[name].ok for name in absent] == [None] * len(absent)
    assert findings["blueprint"].ok is True
    assert findings["model profile"].ok is True
    assert not (tmp_path / "store.db").exists()


async def test_a_temporal_program_is_not_needed_where_a_server_answers(
    tmp_path: Path, bare: pytest.MonkeyPatch
) -> None:
    async def answers(place: object) -> list[Finding]:
        return [Finding("temporal server", True, "1.31 at temporal:7233")]

    bare.setattr(checking, "check_temporal", answers)
    assert (await found(tmp_path))["temporal program"].ok is None


async def test_a_store_that_does_not_answer_is_a_fault_and_its_password_is_not_shown(
    tmp_path: Path, bare: pytest.MonkeyPatch
) -> None:
    bare.setenv("HEADGATE_STORE_URL", f"postgresql://me:secret@{nobody()}/headgate")
    finding = (await found(tmp_path))["store"]
    assert finding.ok is False
    assert "secret" not in str(finding)
    assert "HEADGATE_STORE_URL" in finding.remedy


def test_a_store_that_is_there_answers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    open_store(url).close()
    assert check_store(url).ok is True
    assert check_store("mysql://here").ok is False


def test_records_are_asked_where_they_are(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    def finding(**settings: object) -> Finding:
        return check_records(load_settings(data_dir=tmp_path, **settings))

    assert finding().ok is True
    unset = finding(records="sql")
    assert (unset.ok, "HEADGATE_RECORDS_FILE and HEADGATE_RECORDS_URL" in unset.found) == (False, True)
    shop, mapping = tmp_path / "shop.db", tmp_path / "records.toml"
    OutsideShop().publish(f"sqlite:///{shop}")
    mapping.write_text(SQL_MAPPING, "utf-8")
    good = finding(records="sql", records_file=mapping, records_url=f"sqlite:///{shop}")
    assert (good.ok, good.found) == (True, f"sql: sqlite+pysqlite:///{shop} answers")
    mapping.write_text(SQL_MAPPING.replace('"sales"', '"trades"'), "utf-8")
    wrong = finding(records="sql", records_file=mapping, records_url=f"sqlite:///{shop}")
    assert (wrong.ok, "key orders.from" in wrong.found) == (False, True)
    mapping.write_text(HTTP_MAPPING, "utf-8")
    url = f"http://me:secret@{nobody()}"
    away = finding(records="http", records_file=mapping, records_url=url, records_token="secret")
    assert (away.ok, "secret" in str(away)) == (False, False)
    assert "HEADGATE_RECORDS_URL" in away.remedy


async def test_a_key_is_needed_by_the_profile_in_use_alone(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("HEADGATE_MODELS", "openai")
    findings = await found(tmp_path)
    assert (findings["OPENAI_API_KEY"].ok, findings["ANTHROPIC_API_KEY"].ok) == (False, None)
    bare.setenv("OPENAI_API_KEY", "sk-very-secret")
    assert (await found(tmp_path))["OPENAI_API_KEY"] == Finding("OPENAI_API_KEY", True, "set")


async def test_a_profile_or_a_blueprint_that_is_not_there_is_a_fault(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("HEADGATE_MODELS", "oracle")
    finding = (await found(tmp_path))["model profile"]
    assert finding.ok is False
    assert "'oracle'" in finding.found
    assert "offline" in finding.remedy
    bare.setenv("HEADGATE_BLUEPRINT", str(tmp_path))
    findings = await found(tmp_path)
    assert findings["blueprint"].ok is False
    assert "model profile" not in findings


async def test_an_address_for_browsers_need_not_answer_here(bare: pytest.MonkeyPatch) -> None:
    assert (await check_web_ui("", f"http://{nobody()}")).ok is None
    assert (await check_web_ui(f"http://{nobody()}", "")).ok is False


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
def test_a_key_is_said_to_be_set_and_never_shown(name: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-very-secret")
    finding = check_key("KEY", {name: str(tmp_path / "key")})
    assert finding == Finding("KEY", True, "set")


def test_a_key_whose_file_cannot_be_read_is_not_set(tmp_path: Path) -> None:
    finding = check_key("KEY", {"KEY_FILE": str(tmp_path / "none")}, needed_by="openai")
    assert finding.ok is False
    assert "none" in finding.found


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


LONG = Finding("temporal program", False, f"/srv/{'deep-folder/' * 12}temporal does not run", "remove it " * 12 + "now")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_no_path_is_broken_in_two(is_terminal: bool) -> None:
    output = io.StringIO()
    print_table([LONG], Console(file=output, width=80, force_terminal=is_terminal, no_color=True))
    words = output.getvalue().split()
    assert LONG.found.split()[0] in words
    assert words.count("remove") == 12


def test_what_is_piped_has_a_line_for_each_finding() -> None:
    output = io.StringIO()
    print_table([LONG, Finding("java", None, "not found")], Console(file=output, width=80))
    assert output.getvalue().splitlines() == [
        f"fault\ttemporal program\t{LONG.found}\t{LONG.remedy}",
        "-\tjava\tnot found\t",
    ]


def test_this_python_is_found() -> None:
    assert sys.executable in doctor.check_python().found


@pytest.mark.parametrize(
    ("rail", "key", "ok", "found"),
    [
        ("embedded", "", True, "embedded: a stand-in"),
        ("stripe", "sk_live_abc", True, "stripe, live"),
        ("stripe", "rk_test_abc", True, "stripe, test mode"),
        ("stripe", "", False, "stripe: HEADGATE_STRIPE_API_KEY is not set"),
        ("stripe", "pk_live_published", False, "stripe: its key is no secret key"),
    ],
)
def test_the_payment_rail_needs_its_key(rail: str, key: str, ok: bool, found: str) -> None:
    finding = check_rail(rail, key)
    assert (finding.ok, finding.found.startswith(found)) == (ok, True)
    assert key == "" or key not in f"{finding.found} {finding.remedy}"
    assert ok or "HEADGATE_STRIPE_API_KEY_FILE" in finding.remedy


@pytest.mark.parametrize(
    ("url", "ok", "found"),
    [
        ("", None, "to the log only"),
        ("hooks.example/secret", False, "HEADGATE_SUPERVISOR_WEBHOOK_URL is no address"),
        ("ftp://hooks.example/secret", False, "HEADGATE_SUPERVISOR_WEBHOOK_URL is no address"),
        ("http://[secret", False, "HEADGATE_SUPERVISOR_WEBHOOK_URL is no address"),
        ("https://user:secret@hooks.example/secret", True, "to a webhook at hooks.example"),
    ],
)
def test_where_people_are_told_is_said_without_the_secret(url: str, ok: bool | None, found: str) -> None:
    finding = check_hook(url)
    assert (finding.ok, finding.found.startswith(found)) == (ok, True)
    assert "secret" not in f"{finding.found} {finding.remedy}"


@pytest.mark.parametrize(("models", "said"), [("offline", "is a stand-in"), ("openai", "profile 'openai'")])
def test_up_says_which_models_work(tmp_path: Path, models: str, said: str) -> None:
    urls = dict.fromkeys(("gateway", "console", "temporal_ui", "offline_model"), "http://127.0.0.1:1")
    endpoints = Endpoints(temporal="127.0.0.1:2", namespace="headgate", **urls)
    assert said in render_urls(endpoints, load_settings(data_dir=tmp_path, models=models)).splitlines()[-1]


def test_what_a_finding_says_is_cut_at_no_word() -> None:
    remedy = "mend the region, " * 20 + "or the credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
    assert one_line(ValueError(remedy)) == remedy
    cut = one_line(ValueError("several words\n" * 500))
    assert len(cut) <= 1000
    assert cut.endswith((" several …", " words …"))
