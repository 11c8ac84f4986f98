"""The pace of the intake: webhooks are taken at any rate, cases begin at the one that was set."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.e2e.running import Running, audited, eventually, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PORT_BASE = 21_000
MESSAGE = {"channel": "web", "text": "My printer is offline and the print jobs are stuck in the queue."}


@pytest.fixture(scope="module")
def running(start_headgate: Callable[..., Running]) -> Running:
    # Settings that somebody has for another Temporal must neither reach this one nor lead away from it.
    foreign = {"TEMPORAL_ADDRESS": "127.0.0.1:9", "TEMPORAL_NAMESPACE": "other", "TEMPORAL_API_KEY": "secret"}
    return start_headgate(port_base=PORT_BASE, env=foreign)


def send(running: Running, prefix: str, count: int) -> list[str]:
    return [running.hand_in(f"{prefix}-{n}", MESSAGE) for n in range(count)]


def waiting(running: Running) -> int:
    inbox: dict[str, int] = running.json("status")["inbox"]
    return inbox["ready"] + inbox["leased"]


@pytest.mark.parametrize("pace", ["0", "nan", "inf", "1e9"])
def test_an_impossible_pace_is_refused(running: Running, pace: str) -> None:
    done = running.command("intake", "pace", pace)
    assert done.returncode == 2
    assert "cases per second" in done.stderr
    assert running.json("intake", "show")["per_second"] == 20.0


@pytest.mark.parametrize("arguments", [("pace", "fast"), ("pace", "-1"), ("hurry",)])
def test_a_wrong_word_is_a_wrong_usage(running: Running, arguments: tuple[str, ...]) -> None:
    assert running.command("intake", *arguments).returncode == 2


def test_paused_it_accepts_but_begins_nothing_and_resumed_it_goes_on(running: Running) -> None:
    done = running.command("intake", "pause")
    assert (done.returncode, done.stdout) == (0, "paused\n")
    before = set(running.states())
    ids = send(running, "paused", 10)
    assert waiting(running) == 10
    time.sleep(3)
    assert set(running.states()) == before
    assert running.json("status")["intake"]["paused"] is True

    # A pause outlives the worker.
    running.await_restart("worker-intake", running.kill("worker-intake"))
    assert running.json("intake", "show")["paused"] is True
    assert set(running.states()) == before

    assert running.command("intake", "resume").returncode == 0
    assert set(settled(running, ids).values()) == {"done"}
    assert waiting(running) == 0


def test_no_more_cases_begin_than_the_pace_allows(running: Running) -> None:
    assert running.command("intake", "pace", "2").returncode == 0
    eventually(lambda: running.json("intake", "show")["per_second"] == 2.0, 30, "the pace was not set")
    settled(running, send(running, "last-at-the-old-pace", 2), timeout=60)
    ids = send(running, "paced", 24)
    settled(running, ids, timeout=120)
    rows = {row["case_id"]: row for row in running.json("cases", "list", "--limit", "1000")["cases"]}
    began = sorted(datetime.fromisoformat(rows[case_id]["started_at"]) for case_id in ids)
    took_s = (began[-1] - began[0]).total_seconds()
    # A batch is begun in a burst of two seconds' worth.
    assert took_s > 0.5 * len(ids) / 2, f"{len(ids)} cases began within {took_s:.1f} s at a pace of 2 per second"
    most_at_once = max(sum(0 <= (b - a).total_seconds() < 4 for b in began) for a in began)
    assert most_at_once <= 16, "four seconds allow eight, and a burst before and after"
    audited(running)
