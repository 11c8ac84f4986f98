"""Two thousand webhooks while every worker and the gateway are killed: nothing lost, nothing twice."""

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.fault_table import FaultTable
from tests.e2e.running import (
    Running,
    audited,
    default_blueprint,
    eventually,
    expectations,
    paid_as_recorded,
    sample_messages,
    settled,
)

PORT_BASE = 20_300
MESSAGES = {False: 2000, True: 600}  # with specialists apart a case takes twice as long
PER_SECOND = {False: 50.0, True: 15.0}  # slow enough that the gateway dies while messages are on their way
WORKERS = ("intake", "action", "case", "model", "journal")


def real_or_repeated(eval_data: str | None, messages: int) -> list[dict[str, Any]]:
    """Return what is sent beside the samples: real complaints, or without them the samples again under ids of their
    own: the same refunds are asked for once more.
    """
    wanted = messages - len({m["id"] for m in sample_messages()})
    if eval_data:
        with gzip.open(Path(eval_data) / "stream" / "narratives.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in islice(lines, wanted)]
        return [{"id": f"real-{n:04}", "channel": row["channel"], "text": row["text"]} for n, row in enumerate(rows)]
    return [m | {"id": f"again-{n:04}"} for n, m in enumerate(islice(cycle(sample_messages()), wanted))]


def mixed(samples: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Spread the samples evenly over the first half of the others, so that money moves while processes die."""
    gap = len(others) // 2 // len(samples)
    out = []
    for n, message in enumerate(samples):
        out += [message, *others[n * gap : (n + 1) * gap]]
    return out + others[len(samples) * gap :]


def done(running: Running) -> int:
    return Counter(running.states().values())["done"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("apart", [False, True], ids=["inside", "apart"])
async def test_webhooks_survive_the_death_of_every_worker_and_of_the_gateway(
    start_headgate: Callable[..., Running], tmp_path: Path, fault_table: FaultTable, apart: bool
) -> None:
    env = {"HEADGATE_INTAKE_PER_SECOND": "100", **default_blueprint(tmp_path, apart=apart)}
    running = start_headgate("--samples", port_base=PORT_BASE + 40 * apart, env=env)
    count = MESSAGES[apart]
    messages = mixed(sample_messages(), real_or_repeated(running.env.get("HEADGATE_EVAL_DATA"), count))
    file = tmp_path / "messages.jsonl"
    file.write_text("".join(json.dumps(m) + "\n" for m in messages), "utf-8")
    sent_ids = {f"case/shop/{m['id']}" for m in messages}
    assert len(sent_ids) == count
    began = time.monotonic()
    with running.begin("submit", str(file), "--rate", str(PER_SECOND[apart]), "--json") as sender:
        eventually(lambda: len(running.states()) >= 50, 120, "no cases came in")
        killed = {"gateway": running.kill("gateway")}
        # Each worker while cases are worked, the sender still sending and the next victim not yet dead.
        for name in WORKERS:
            running.await_restart(*killed.popitem())
            seen = done(running)
            eventually(lambda seen=seen: done(running) > seen + 20, 180, "cases stood still", every=3)
            killed = {f"worker-{name}": running.kill(f"worker-{name}")}
        running.await_restart(*killed.popitem())
        told, _ = sender.communicate(timeout=300)
    summary = json.loads(told)
    states = settled(running, sent_ids, every=3)

    # And once more between a person's word and the money.
    (waiting, *_) = running.json("approvals", "list")["approvals"]
    assert running.command("approvals", "approve", waiting["approval_id"], "--by", "finance").returncode == 0
    running.await_restart("worker-action", running.kill("worker-action"))
    lifted = time.monotonic()
    case_id = waiting["case_id"]
    eventually(lambda: running.states()[case_id] == "done", 120, "the approved refund was not paid")

    report = audited(running)
    where = "apart" if apart else "inside"
    fault = f"every worker and the gateway killed while {count:,} come in; specialists {where}"
    await fault_table.add(running, fault, "S1 S2 L1 L3", sent_ids, lifted=lifted)
    eventually(lambda: running.json("status")["journal"]["waiting"] == 0, 60, "the journal did not catch up")
    standing = running.json("status")
    paid = await paid_as_recorded(running)
    print(
        f"\n{summary['sent']} sent, {summary['retries']} further tries, in {time.monotonic() - began:.0f} s with seven "
        f"kills: {dict(Counter(states.values()))}, {len(paid)} refunds, checked {report['checked']}"
    )
    restarts = (running.data_dir / "logs" / "supervisor.log").read_text()
    for name in ("gateway", *(f"worker-{w}" for w in WORKERS)):
        assert f"died             {name} " in restarts
    # Nothing lost, nothing invented.
    assert summary["refused"] == {}
    assert set(summary["case_ids"]) == sent_ids
    assert set(running.states()) == sent_ids
    assert standing["inbox"] == {"ready": 0, "leased": 0, "accepted": count, "lanes": {}}
    assert standing["dead_letters"] == {}
    # Nothing twice, and each sum is one that the records bear out.
    assert len(paid) > 20
    assert sum(e.key.startswith(case_id) for e in paid) == 1
    due = {row["amount_minor"] for row in expectations().values() if "amount_minor" in row}
    assert {e.amount_minor for e in paid if e.key.startswith("case/shop/evt-")} <= due
