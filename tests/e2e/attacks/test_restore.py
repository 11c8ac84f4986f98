"""The restore drill: the store of an hour ago, Temporal's file gone, both. Nothing is paid twice, every case ends."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from client.connect import connect
from client.which import which_headgate
from domain.audit.facts import RailEntry
from tests.e2e.fault_table import FaultTable
from tests.e2e.running import Running, audited, eventually, paid_as_recorded, quick_blueprint, sample_messages, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PORT_BASE = 21_500
PAID_BEFORE, FOR_A_PERSON = "evt-0038", "evt-0019"
DECIDED_AFTER, UNDECIDED = "evt-0132", "evt-0129"  # both wait for an approval
PAID_AFTER = ("evt-0107", "evt-0182")
SECOND = {f"again-{event_id}": event_id for event_id in (PAID_BEFORE, *PAID_AFTER)}
LOSSES = ["store", "temporal", "both"]


def case(event_id: str) -> str:
    return f"case/shop/{event_id}"


SINCE_THE_BACKUP = set(map(case, (*PAID_AFTER, UNDECIDED)))


def hand_in(running: Running, event_id: str, sample: str | None = None) -> str:
    message = next(m for m in sample_messages() if m["id"] == (sample or event_id))
    return running.hand_in(event_id, {name: value for name, value in message.items() if name != "id"})


def work_until_the_loss(running: Running, backup: Path) -> None:
    """What is there when the backup is made, and what happens in the hour after it."""
    before = [hand_in(running, event_id) for event_id in (PAID_BEFORE, FOR_A_PERSON, DECIDED_AFTER)]
    assert settled(running, before) == {
        case(PAID_BEFORE): "done",
        case(FOR_A_PERSON): "waiting_human",
        case(DECIDED_AFTER): "waiting_approval",
    }
    with sqlite3.connect(running.data_dir / "store.db") as source, sqlite3.connect(backup) as copy:
        source.backup(copy)
    after = [hand_in(running, event_id) for event_id in (*PAID_AFTER, UNDECIDED)]
    waits = {case(UNDECIDED): "waiting_approval"}
    assert settled(running, after) == {**dict.fromkeys(map(case, PAID_AFTER), "done"), **waits}
    approve(running, f"{case(DECIDED_AFTER)}/approval/1")
    eventually(lambda: running.states()[case(DECIDED_AFTER)] == "done", 60, "the approved refund was not paid")


def approve(running: Running, approval_id: str) -> None:
    done = running.command("approvals", "approve", approval_id, "--by", "finance", "--reason", "checked")
    assert done.returncode == 0, done.stderr


def lose(running: Running, what: str, backup: Path) -> None:
    """Put back the store of an hour ago, delete Temporal's file, or both, while nothing runs."""
    for words in (("pace", "7"), ("pause",)):
        assert running.command("intake", *words).returncode == 0
    kept = running.data_dir / "store.db"
    eventually(lambda: '"paused":true' in wish_in(kept), 30, "pace and pause are not in the store")
    assert running.stop() == 0
    for name, lost in (("store.db", what != "temporal"), ("temporal.db", what != "store")):
        for file in running.data_dir.glob(f"{name}*") if lost else ():
            file.unlink()
    if what != "temporal":
        shutil.copy(backup, running.data_dir / "store.db")
    running.start()
    intake = running.json("intake", "show")
    assert (intake["per_second"], intake["paused"]) == ((20.0, False) if what == "both" else (7.0, True))
    assert running.command("intake", "resume").returncode == 0


def wish_in(store: Path) -> str:
    with sqlite3.connect(store) as database:
        return str(database.execute("SELECT group_concat(wish) FROM intake_wishes").fetchone()[0])


async def paid_keys(running: Running) -> list[str]:
    return sorted(entry.key for entry in await running.paid())


@pytest.mark.parametrize("what", LOSSES)
async def test_the_drill(
    start_headgate: Callable[..., Running], tmp_path: Path, fault_table: FaultTable, what: str
) -> None:
    running = start_headgate("--samples", port_base=PORT_BASE + 40 * LOSSES.index(what), env=quick_blueprint(tmp_path))
    work_until_the_loss(running, tmp_path / "backup.db")
    paid = await running.paid()
    assert len(paid) == 4
    lose(running, what, tmp_path / "backup.db")

    second = [hand_in(running, event_id, sample) for event_id, sample in SECOND.items()]
    if what != "temporal":
        await payments_wait(running, paid)
        catch_up(running)
    assert running.post(PAID_AFTER[0], sample_body(PAID_AFTER[0])).json()["duplicate"] is True
    would = running.json("rescue", "--dry-run")
    assert await paid_keys(running) == sorted(entry.key for entry in paid)
    did = running.json("rescue")
    lifted = time.monotonic()
    assert (did["lost"], did["ended_outside"]) == ([], [])
    assert set(would["put_back"]) == set(did["put_back"]) == (set() if what == "temporal" else SINCE_THE_BACKUP)
    again = running.json("rescue")
    assert (again["put_back"], again["begun"], again["ended"]) == ([], [], []), "what runs is left alone"

    states = settled(running, second, timeout=240)
    assert set(states.values()) == {"done"}, states
    await every_case_ends(running, terminated=what == "temporal")
    approved = f"{case(UNDECIDED)}/refund"
    assert await paid_keys(running) == sorted([*(entry.key for entry in paid), approved])
    await paid_as_recorded(running)
    audited(running)
    lost = {"store": "the store is an hour old", "temporal": "Temporal's file is gone", "both": "both"}[what]
    sent = {*map(case, (PAID_BEFORE, FOR_A_PERSON, DECIDED_AFTER, *PAID_AFTER, UNDECIDED)), *second}
    await fault_table.add(running, f"restore drill: {lost}", "S1 S2 S4 L1", sent, lifted=lifted)


def sample_body(event_id: str) -> dict[str, object]:
    message = next(m for m in sample_messages() if m["id"] == event_id)
    return {name: value for name, value in message.items() if name != "id"}


async def payments_wait(running: Running, paid: list[RailEntry]) -> None:
    """The second tickets are worked up to the payment; nothing is paid while the ledger is older than the log."""
    eventually(lambda: "older than the provider's log" in running.json("status")["ledger"], 30, "status does not tell")
    assert await running.paid() == paid
    done = running.command("audit", "--json")
    assert done.returncode == 1
    assert "headgate ledger reconcile" in done.stdout


def catch_up(running: Running) -> None:
    """Book what the log has: three payments were made after the backup."""
    missing = {f"{case(event_id)}/refund" for event_id in (*PAID_AFTER, DECIDED_AFTER)}
    for arguments, found in ((("--dry-run",), missing), ((), missing), ((), set())):
        report = running.json("ledger", "reconcile", *arguments)
        assert set(report["unknown"]) == found, arguments
        assert report["differs"] == []
    assert running.json("status")["ledger"] == "knows the provider's newest payments"


async def every_case_ends(running: Running, *, terminated: bool) -> None:
    """Whoever waits for a person can be decided still: approved, closed, and closed when it was `terminated`."""
    eventually(lambda: running.json("approvals", "list")["approvals"], 60, "nobody is asked any more")
    [waiting] = running.json("approvals", "list")["approvals"]
    assert waiting["case_id"] == case(UNDECIDED)
    approve(running, waiting["approval_id"])
    eventually(lambda: running.states()[case(FOR_A_PERSON)] == "waiting_human", 60, "it does not wait for a person")
    if terminated:
        client = await connect(which_headgate(running.data_dir))
        await client.get_workflow_handle(case(FOR_A_PERSON)).terminate("drill")
        assert running.json("rescue", code=1)["ended_outside"] == [case(FOR_A_PERSON)]
        assert "headgate cases close" in running.command("audit").stdout
    done = running.command("cases", "close", case(FOR_A_PERSON), "--reason", "drill")
    assert done.returncode == 0, done.stderr
    ends = {"done", "cancelled" if terminated else "rejected"}
    eventually(lambda: set(running.states().values()) <= ends, 60, f"not every case ended: {running.states()}")
