"""A provider's bad hour: odd waits, and answers that nobody can read for a while, met by many cases at once."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.moods.spells import CASES
from tests.e2e.fault_table import FaultTable
from tests.e2e.running import SAMPLES, Running, audited, eventually, sample_messages
from tests.e2e.test_misbehaving_model import ADMIN_TOKEN, Model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PORT_BASE = 21_900
MANY = 60
LADDER = "[6, 15, 30]"
AT_ONCE = 24  # calls that may be under way when a provider is first told of: slots of a case and a model worker
NO_CATEGORY = "the router gave no category: not a category"


@pytest.fixture(scope="module")
def running(start_headgate: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    from tests.e2e.running import _blueprint

    rules = _blueprint(
        tmp_path_factory.mktemp("rules"), "ladder_s = [60, 300, 1800]", f"ladder_s = {LADDER}", apart=False
    )
    env = {"HEADGATE_OFFLINE_ADMIN_TOKEN": ADMIN_TOKEN, **rules}
    return start_headgate("--samples", port_base=PORT_BASE, env=env)


@pytest.fixture
def model(running: Running) -> Iterator[Model]:
    told = Model(running)
    yield told
    told.behaves("none")


def submit(running: Running, folder: Path, prefix: str) -> list[str]:
    """Send as many messages as are meant, all at once; return their cases."""
    bodies = [{**m, "id": f"{prefix}-{n}"} for n, m in enumerate(sample_messages()[:MANY])]
    file = folder / f"{prefix}.jsonl"
    file.write_text("".join(json.dumps(m) + "\n" for m in bodies), "utf-8")
    sent = running.json("submit", str(file))
    assert sent["accepted"] == MANY
    return [f"case/shop/{m['id']}" for m in bodies]


def standing(running: Running, case_ids: list[str]) -> dict[str, int]:
    """Count these cases by state."""
    states = running.states()
    counts: dict[str, int] = {}
    for case_id in case_ids:
        state = states.get(case_id, "not yet")
        counts[state] = counts.get(state, 0) + 1
    return counts


def await_settled(running: Running, case_ids: list[str], timeout: float = 240) -> None:
    def all_are() -> bool:
        counts = standing(running, case_ids)
        return not {"running", "not yet"} & set(counts)

    eventually(all_are, timeout, "the cases did not settle", every=3)


def told_of_models(running: Running) -> list[str]:
    with closing(sqlite3.connect(running.data_dir / "store.db")) as store:
        return [row[0] for row in store.execute("SELECT subject FROM words WHERE kind = 'model' ORDER BY at")]


def mood(running: Running) -> dict[str, object]:
    [row] = running.json("models", "status")["models"]
    return dict(row)


async def test_a_spell_of_bad_answers_strands_a_few_messages_and_not_all(
    running: Running, model: Model, tmp_path: Path, fault_table: FaultTable
) -> None:
    model.behaves("malformed")
    ids = submit(running, tmp_path, "spell")
    eventually(lambda: model.misbehaved >= MANY, 60, "the cases did not come to the model")
    during = mood(running)
    assert during["state"] == "bad_answers"
    assert int(str(during["cases_waiting"])) > MANY / 2
    status = running.command("status").stdout
    assert "bad answers to route" in status
    asked = model.misbehaved
    model.behaves("none")
    lifted = time.monotonic()
    await_settled(running, ids)
    await fault_table.add(running, "a model's answers are bad for a while", "L1 L2", ids, lifted=lifted)
    eventually(lambda: mood(running)["state"] == "answering", 30, "the spell is not over")

    stranded = running.json("cases", "route", "--all", "--finding", NO_CATEGORY, "Billing", "--dry-run")
    print(f"asked in vain {asked}; {standing(running, ids)}; stranded {len(stranded['ids'])}")
    assert 0 < len(stranded["ids"]) < CASES + 8, "those before the spell was known, and those under way then"
    assert standing(running, ids).get("dead_lettered", 0) == 0
    took = running.json("cases", "route", "--all", "--finding", NO_CATEGORY.upper(), "Billing", "--limit", "2")
    assert len(took["ids"]) == 2
    rest = running.json("cases", "route", "--all", "--finding", NO_CATEGORY, "Billing")
    assert len(rest["ids"]) == len(stranded["ids"]) - 2
    again = running.json("cases", "route", "--all", "--finding", NO_CATEGORY, "Billing")
    assert (again["ids"], again["refused"], again["accepted"]) == ([], {}, True)
    assert running.command("cases", "route", "--all", "--finding", NO_CATEGORY, "Nowhere").returncode == 2
    assert [s for s in told_of_models(running) if "badly" in s or "fits again" in s] == [
        f"model {during['model']} answers route badly, message after message",
        f"model {during['model']} fits again (route)",
    ]
    wasted = running.json("status")["models"]["calls"]
    assert int(wasted) > asked, "what was asked in vain is counted too"
    audited(running)


async def test_a_retry_after_of_zero_is_no_hot_loop(
    running: Running, model: Model, tmp_path: Path, fault_table: FaultTable
) -> None:
    model.behaves("429", retry_after="0")
    ids = submit(running, tmp_path, "zero")
    await asyncio.sleep(20)
    asked = model.misbehaved
    model.behaves("none")
    lifted = time.monotonic()
    await_settled(running, ids)
    await fault_table.add(running, "429 with Retry-After 0 for 20 s", "L1 L2", ids, lifted=lifted)
    print(f"asked in 20 s: {asked}; {standing(running, ids)}")
    assert asked <= AT_ONCE + 6, "1, 2, 4, 8 seconds, one probe each"
    assert standing(running, ids).get("dead_lettered", 0) == 0


async def test_a_long_wait_is_seen_and_ended_by_a_person(
    running: Running, model: Model, tmp_path: Path, fault_table: FaultTable
) -> None:
    model.behaves("429", retry_after="3600")
    ids = submit(running, tmp_path, "long")
    eventually(lambda: int(str(mood(running)["cases_waiting"])) >= MANY - AT_ONCE, 60, "the cases do not wait")
    during = mood(running)
    assert during["state"] == "told_to_wait"
    assert during["until"]
    assert "HTTP 429" in str(during["last_error"])
    asked = model.misbehaved
    assert asked <= AT_ONCE
    running.json("models", "resume", "--by", "dana")
    eventually(lambda: model.misbehaved > asked, 60, "nobody asked")
    await asyncio.sleep(3)
    assert model.misbehaved == asked + 1, "one call asks, and is told again"
    model.behaves("none")
    began = time.monotonic()
    done = running.json("models", "resume")
    assert "cases called" in done["message"]
    await_settled(running, ids)
    await fault_table.add(running, "429 with Retry-After an hour, resumed by a person", "L1 L2", ids, lifted=began)
    print(f"settled {time.monotonic() - began:.0f} s after resume; {standing(running, ids)}")
    assert mood(running)["state"] == "answering"
    about = [s for s in told_of_models(running) if "says to wait" in s or "answers again" in s]
    assert len(about) == 2, about
    assert running.json("models", "resume")["message"] == "no model said to wait"
    assert SAMPLES.exists()
