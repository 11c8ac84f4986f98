"""Every command means the same Headgate."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client
from typer.main import get_command

from adapters.store import open_store
from client.private_files import write_private
from client.sending import SendSummary
from client.which import ENDPOINTS_FILE, SourceEndpoint
from commands.main import app
from commands.work import submitting
from domain.inbound.signing import new_secret
from tests.fakes.situations import OF_UP, SITUATIONS, UP, Situation, Up
from tests.unit.commands.command_line import APPROVAL, CASE, every_command, run
from workers import http_servers

LETTER = f"{CASE}/dead/1"
SPEAKS = {
    "status": (),
    "audit": (),
    "rescue": ("--dry-run",),
    "doctor": (),
    "unstick": (CASE,),
    "gateway": (),
    "worker": ("--role", "case"),
    "cases list": (),
    "cases show": (CASE,),
    "cases start": ("hello",),
    "cases follow": (CASE,),
    "cases cancel": (CASE,),
    "cases route": (CASE, "Sales"),
    "cases answer": (CASE, "--text", "hello"),
    "cases close": (CASE,),
    "approvals list": (),
    "approvals show": (APPROVAL,),
    "approvals approve": (APPROVAL, "--by", "ann"),
    "approvals reject": (APPROVAL, "--by", "ann"),
    "intake show": (),
    "intake pause": (),
    "intake resume": (),
    "intake pace": ("5",),
    "dlq replay": ("--all",),
    "dlq replays": (),
    "models resume": (),
    "budget set": ("all", "5"),
    "budget resume": (),
    "cases resume": (CASE,),
    "submit": ("messages.jsonl", "--url", "http://127.0.0.1:9", "--wait"),
}
"""The commands that connect to Temporal, with arguments that they take."""
STORE_ONLY = {
    "cases original": (CASE,),
    "approvals history": (CASE,),
    "dlq list": (),
    "intake drain": ("--to", f"sqlite://{tempfile.gettempdir()}/headgate-drained-{os.getpid()}.db"),
    "models status": (),
    "budget show": (),
    "dlq show": (LETTER,),
    "eval record": ("--out", f"{tempfile.gettempdir()}/headgate-recorded-{os.getpid()}.jsonl"),
    "dlq edit": (LETTER, "--reason", "typo", "--file", str(Path(__file__))),
    "dlq discard": (LETTER, "--reason", "old"),
    "ledger export": (),
    "ledger reconcile": ("--dry-run",),
    "records import": (str(Path(__file__).parents[3] / "samples" / "records" / "territories.csv"), "--dry-run"),
    "effects stop": ("--reason", "drill"),
    "effects allow": ("--reason", "drill over"),
    "blueprint accept": ("--by", "ann"),
    "knowledge list": (),
    "knowledge gaps": (),
}
"""The commands that need a store alone: they work while Temporal is down."""
GATEWAY_ONLY = {"mailbox": ("--url", "imap://ann@127.0.0.1:9/INBOX", "--once")}
"""The commands that need its gateway alone."""
SOURCES = json.dumps({"sources": [{"name": "shop", "secrets": [new_secret()]}]}).encode()
OF_NO_HEADGATE = {
    *(
        "up",
        "demo",
        "init",
        "offline-model",
        "eval all",
        "eval cache",
        "eval claims",
        "eval knowledge",
        "eval compare",
        "eval repair",
        "eval routing",
        "bench intake",
        "bench limiter",
        "bench cases",
        "bench spend",
        "bench cache",
        "bench costs",
        "bench start",
        "bench steady",
        "bench mails",
        "blueprint validate",
        "policy explain",
        "models list",
        "models install",
        "models verify",
        "router show",
        "router teach",
        "router forget",
        "cache drop",
        "sources add",
        "sources list",
    ),
}


# The rule has its own test, with all situations.
TELLING = ("an empty data dir, and a profile", "`up` runs, and a variable", "`up` was killed, and a variable",
           "an endpoints.json that is broken", "a profile that is not there", "a store elsewhere")  # fmt: skip


@pytest.fixture(params=[s for s in SITUATIONS if s.name in TELLING], ids=lambda s: s.name)
def situation(request: pytest.FixtureRequest) -> Situation:
    return request.param


@pytest.fixture
def data_dir(situation: Situation, store: Path, tmp_path: Path) -> Iterator[Path]:
    """The situation, with a store and the secrets of a gateway in the data dir."""
    with situation.arranged(tmp_path) as found:
        shutil.copy(store, found / "store.db")
        write_private(found / "sources.json", SOURCES)
        yield found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, object]]:
    """Where commands tried to connect to; nobody answers there, and nothing is sent or served."""
    calls: list[tuple[object, object]] = []

    async def nobody(**given: object) -> None:
        calls.append((given["target_host"], given["namespace"]))
        raise RuntimeError("nobody answers")

    async def sent(*_: object, **__: object) -> SendSummary:
        return SendSummary(sent=1, accepted=1, case_ids=[CASE])

    async def served(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(Client, "connect", nobody)
    monkeypatch.setattr(submitting, "send_file", sent)
    monkeypatch.setattr(http_servers, "_serve_app", served)
    return calls


def test_no_command_is_forgotten() -> None:
    assert {name for name, _ in every_command(get_command(app))} == {
        *SPEAKS,
        *STORE_ONLY,
        *GATEWAY_ONLY,
        *OF_NO_HEADGATE,
    }


@pytest.mark.parametrize("command", SPEAKS)
def test_every_command_connects_to_the_one_that_is_meant(
    command: str, situation: Situation, data_dir: Path, asked: list[tuple[object, object]]
) -> None:
    more = ("--json",) if command == "doctor" else ()
    code, stdout, stderr = run(*command.split(), *SPEAKS[command], *more, "--data-dir", str(data_dir))
    if isinstance(situation.meant, str):
        assert asked == []
        said = situation.meant
    elif situation.up is Up.ENDED:
        assert asked == []
        said = "has ended"
    else:
        assert set(asked) == {situation.meant}
        said = situation.meant[0]
    if command == "doctor":
        assert said in stdout, "a finding, not an end"
    else:
        assert said in stderr
        assert code == (2 if said == "TEMPORAL_PROFILE" else 3)
        assert stderr.count("\n") == 1


@pytest.mark.parametrize("command", STORE_ONLY)
def test_what_needs_a_store_alone_connects_to_nothing(
    command: str, situation: Situation, data_dir: Path, asked: list[tuple[object, object]]
) -> None:
    """Effects can be stopped while nothing runs."""
    if "HEADGATE_STORE_URL" in situation.environ:
        pytest.skip("that store is not there")
    code, _, stderr = run(*command.split(), *STORE_ONLY[command], "--data-dir", str(data_dir))
    assert (code, asked) == (1 if {LETTER, CASE} & {*STORE_ONLY[command]} or command == "eval record" else 0, []), (
        stderr
    )


@pytest.mark.parametrize("command", [*SPEAKS, *STORE_ONLY, *GATEWAY_ONLY])
def test_where_nothing_is_known_every_command_says_the_same(
    command: str, tmp_path: Path, asked: list[tuple[object, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_MAILBOX_PASSWORD", "secret")
    with SITUATIONS[0].arranged(tmp_path) as empty:
        write_private(empty / "sources.json", SOURCES)
        code, stdout, stderr = run(
            *command.split(), *(SPEAKS | STORE_ONLY | GATEWAY_ONLY)[command], "--data-dir", str(empty)
        )
    said = f"no Headgate is known: no endpoints.json in {str(empty)!r} (start one with `headgate up --data-dir"
    if command == "doctor":
        assert "no Headgate is known" in " ".join(stdout.split())
    else:
        assert stderr.startswith(said)
        assert code == 3
    assert asked == []


def test_submit_without_url_sends_to_the_gateway_that_is_meant(
    situation: Situation, data_dir: Path, asked: list[tuple[object, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateways = []

    async def sent(*_: object, gateway: str, **__: object) -> SendSummary:
        gateways.append(gateway)
        return SendSummary(sent=1, accepted=1, case_ids=[CASE])

    monkeypatch.setattr(submitting, "send_file", sent)
    if situation.meant == OF_UP:
        known = UP.model_copy(update={"sources": [SourceEndpoint(name="shop", secret=new_secret())]})
        (data_dir / ENDPOINTS_FILE).write_text(known.model_dump_json())
    runs = situation.meant == OF_UP and situation.up is not Up.ENDED
    code, _, stderr = run("submit", "messages.jsonl", "--data-dir", str(data_dir))
    assert gateways == ([UP.gateway] if runs else [])
    assert asked == []
    if runs:
        assert code == 0
    elif isinstance(situation.meant, tuple) and situation.up is Up.ELSEWHERE:
        assert (code, "--url" in stderr, situation.meant[0] in stderr) == (3, True, True)


def test_a_file_that_breaks_off_is_told_after_what_was_sent(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sent(*_: object, **__: object) -> SendSummary:
        return SendSummary(sent=2, accepted=2, case_ids=[CASE], unread="t.csv, line 4: no CSV from here on")

    monkeypatch.setattr(submitting, "send_file", sent)
    code, stdout, stderr = run("submit", "t.csv", "--url", "http://127.0.0.1:9", "--data-dir", str(data_dir))
    assert f"its case: {CASE}\n" in stdout
    assert (code, "2 accepted" in stdout, "t.csv, line 4: no CSV" in stderr) == (1, True, True), (stdout, stderr)


@pytest.mark.parametrize("command", ["status", "audit", "dlq replay"])
def test_a_store_that_is_not_there_is_named_with_the_headgate(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def there(**_: object) -> Client:
        return object()  # type: ignore[return-value]

    monkeypatch.setattr(Client, "connect", there)
    with Situation("", "", environ={"TEMPORAL_ADDRESS": "other:7233"}).arranged(tmp_path) as empty:
        code, _, stderr = run(*command.split(), *SPEAKS[command], "--data-dir", str(empty))
    assert code == 3
    assert "Temporal other:7233" in stderr
    assert "HEADGATE_STORE_URL" in stderr


def test_the_doctor_says_which_headgate_in_one_line_and_in_json(
    situation: Situation, data_dir: Path, asked: list[tuple[object, object]]
) -> None:
    _, stdout, stderr = run("doctor", "--json", "--data-dir", str(data_dir))
    document = json.loads(stdout)
    finding = document["findings"][0]
    assert finding["name"] == "headgate", stderr
    assert finding["found"].count("\n") == 0
    assert "store" in document["headgate"]
    if isinstance(situation.meant, tuple):
        assert (document["headgate"]["temporal"], document["headgate"]["namespace"]) == situation.meant
        assert situation.meant[0] in finding["found"]
        assert finding["ok"] is (situation.up is not Up.ENDED)
    else:
        assert "temporal" not in document["headgate"]
        assert finding["ok"] is (None if "neither" in finding["found"] else False)


def test_the_password_of_the_store_is_not_shown(tmp_path: Path, asked: list[tuple[object, object]]) -> None:
    environ = {"HEADGATE_STORE_URL": "postgresql+psycopg://me:sec/ret@127.0.0.1:9/h?password=sec/ret"}
    with Situation("", "", environ=environ).arranged(tmp_path) as data_dir:
        _, stdout, _ = run("doctor", "--json", "--data-dir", str(data_dir))
    assert json.loads(stdout)["headgate"]["store"] == "postgresql+psycopg://me:***@127.0.0.1:9/h"
    assert "sec/ret" not in stdout
