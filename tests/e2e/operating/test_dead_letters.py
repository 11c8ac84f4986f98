"""Dead letters as an operator works with them, on a running Headgate: found, mended, replayed at a rate, discarded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.running import Running, eventually, paid_as_recorded, quick_blueprint, sample_messages, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PORT_BASE = 24_300
ADMIN_TOKEN = "only-for-tests"
DUE, DUE_TOO = "evt-0038", "evt-0008"  # 45.00 and 59.90, owed to two customers


@pytest.fixture(scope="module")
def running(start_headgate: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    rules = quick_blueprint(tmp_path_factory.mktemp("rules"))
    env = {"HEADGATE_OFFLINE_ADMIN_TOKEN": ADMIN_TOKEN, "HEADGATE_USER": "dana", **rules}
    return start_headgate("--samples", port_base=PORT_BASE, env=env)


def the_model(running: Running, mode: str) -> None:
    url = f"{running.endpoints['offline_model']}/admin/misbehave"
    told = httpx.post(url, json={"mode": mode}, headers={"authorization": f"Bearer {ADMIN_TOKEN}"})
    assert told.status_code == 200, told.text


def sample(event_id: str) -> dict[str, Any]:
    message: dict[str, Any] = next(m for m in sample_messages() if m["id"] == event_id)
    return {name: value for name, value in message.items() if name != "id"}


async def test_an_outage_is_found_mended_and_replayed_and_nothing_is_paid_for_an_edit_unseen(
    running: Running, tmp_path: Path
) -> None:
    the_model(running, "500")
    body, due_too = sample(DUE), sample(DUE_TOO)
    paying, mended, junk = ids = [
        running.hand_in(f"dlq-{n}", sent) for n, sent in enumerate((body, due_too, {"text": "junk, sent twice"}))
    ]
    others = [running.hand_in(f"other-{n}", {"text": f"Where is my parcel, number {n}?"}) for n in range(4)]
    late = running.hand_in("late", {"text": "Where is it?"})
    assert set(settled(running, [*ids, *others, late]).values()) == {"dead_lettered"}

    # found
    listed = running.json(
        "dlq", "list", "--reason", "provider_down", "--source", "shop", "--since", "1h", "--limit", "3"
    )
    assert (len(listed["dead_letters"]), listed["total"]) == (3, 8)
    rest = running.json("dlq", "list", "--after", listed["next"])["dead_letters"]
    assert len({row["case_id"] for row in [*listed["dead_letters"], *rest]}) == 8
    assert running.command("dlq", "list", "--reason", "poison").stdout.startswith("no dead letters like that")
    status = running.json("status")
    assert status["dead_letters_by_reason"] == {"transient": 8}
    assert status["words"]["told"] + status["words"]["waiting"] <= 2, "of the letters once, and of the model"
    letter = f"{mended}/dead/1"
    raw = tmp_path / "raw.bin"
    assert running.command("dlq", "show", letter, "--raw", str(raw)).returncode == 0
    assert json.loads(raw.read_bytes()) == due_too

    # mended
    better = tmp_path / "better.json"
    better.write_text(json.dumps({**due_too, "text": due_too["text"] + " Thank you!"}))
    bad = running.command("dlq", "edit", letter, "--reason", "x", "--file", "-", stdin="{")
    assert bad.returncode == 1, bad.stderr
    done = running.command("dlq", "edit", letter, "--reason", "a line was lost", "--file", str(better))
    assert done.returncode == 0, done.stderr
    shown = running.json("dlq", "show", letter)
    assert [(e["by"], e["reason"], any("Thank you!" in line for line in e["diff"])) for e in shown["edits"]] == [
        ("dana", "a line was lost", True)
    ]
    assert running.command("dlq", "discard", "--case", junk, "--reason", "sent twice").returncode == 2, "it asks first"
    assert running.command("dlq", "discard", "--case", junk, "--reason", "sent twice", "--yes").returncode == 0

    # replayed, at a rate, by a run that outlives the command and whoever works it
    the_model(running, "none")
    dry = running.json("dlq", "replay", "--reason", "provider_down", "--dry-run")
    assert dry["by_reason"] == [{"reason": "transient", "source": "shop", "letters": 7}]
    [run] = running.json("dlq", "replay", "--reason", "provider_down", "--rate", "2/s")["ids"]
    running.kill("worker-action")
    running.kill("worker-case")

    def ended() -> bool:
        [found] = running.json("dlq", "replays", run)["replays"]
        return found["standing"] == "completed" and found["begun"] == 7 and found["left"] == 0

    eventually(ended, 60, "the run did not end")
    states = settled(running, [paying, mended, *others, late])
    assert states[mended] == "waiting_approval", "it is below every limit, but somebody edited the message"
    assert states[paying] == "done"
    assert [e.amount_minor for e in await paid_as_recorded(running)] == [4500]
    page = running.command("cases", "show", mended).stdout
    assert "edit 1 by dana" in page
    assert "its input was edited by dana" in page
    assert "an operator edited the message" in running.command("approvals", "show", f"{mended}/approval/1001").stdout
    assert running.json("status")["dead_letters"] == {"discarded": 1, "replayed": 7}
    assert running.command("dlq", "replay", "--all").stdout.strip() == "nothing to replay"
