"""What Temporal's core says stands in our log; where it can no longer be trusted, that is heard, and the end comes."""

import asyncio
import json
import logging
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from temporalio.runtime import LoggingConfig

from workers.running import core_logs
from workers.running.core_logs import CORE_LOGGER, CoreWatch, forwarding
from workers.running.core_trust import START_ANEW

PROJECT = Path(__file__).resolve().parents[4]
STREAM = "temporalio_sdk_core::worker::workflow::workflow_stream"
LOST = "Extra buffered run should not have produced an activation"
ENDS_WITHIN_S = 60.0
SAYING = """
import dataclasses, logging
from workers.json_logs import configure_logging
configure_logging("info")
from temporalio.runtime import Runtime
from workers.running.core_logs import forward_core_logs, forwarding
forward_core_logs()

@dataclasses.dataclass
class Said:
    target: str
    message: str
    level: int = 40
    time: float = 1.0
    fields: dict = dataclasses.field(default_factory=dict)

retried = Said("temporalio_client::retry", "retried", 30, fields={"error": "away"})
forwarding()._on_logs([retried, Said("a", "no fields")])
core = Runtime.default()._core_runtime._ref
core.write_test_info_log("chatter", "x")
core.write_test_debug_log("chatter", "x")
"""


@dataclass
class Said:
    """A line of core, as the SDK hands it over."""

    target: str
    message: str
    level: int = logging.ERROR
    time: float = 1.0
    fields: dict[str, Any] = field(default_factory=dict)  # Any: as the SDK has it


@pytest.fixture(autouse=True)
def plain_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CORE_LOGGER, "filters", [core_logs._plain])


def say(*lines: Said) -> None:
    forwarding()._on_logs(lines)  # type: ignore[arg-type]  # what matters of a line of the SDK's own


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=ENDS_WITHIN_S, check=False
    )


def test_a_line_of_core_is_a_line_of_json_with_its_module_and_fields() -> None:
    done = run(SAYING)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["logger"], line["target"], line["event"]) for line in lines] == [
        ("warning", "temporalio.core", "temporalio_client::retry", "retried"),
        ("error", "temporalio.core", "a", "no fields"),
    ]
    assert (lines[0]["fields"], "fields" in lines[1]) == ({"error": "away"}, False)
    assert all("temporal_log" not in line for line in lines)


def test_core_says_no_more_than_it_printed_by_itself() -> None:
    assert LoggingConfig.default.filter.formatted() == (  # type: ignore[union-attr]  # the SDK's own is no text
        "ERROR,temporalio_common=WARN,temporalio_sdk_core=WARN,temporalio_client=WARN,temporalio_sdk=WARN,"
        "temporal_sdk_bridge=WARN"
    )


async def test_lost_trust_is_heard_from_another_thread_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(core_logs, "SHORTEST_LIFE_S", 0.0)
    with CoreWatch() as watch:
        await asyncio.to_thread(say, Said(STREAM, LOST), Said(STREAM, "Run missing during completion"))
        await asyncio.wait_for(watch.trust_lost(), ENDS_WITHIN_S)
    told = [record.getMessage() for record in caplog.records if record.name == "headgate.worker"]
    assert len(told) == 1
    assert LOST in told[0]
    assert "\n" not in told[0]


async def test_other_lines_lose_no_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_logs, "SHORTEST_LIFE_S", 0.0)
    with CoreWatch() as watch:
        losing = asyncio.create_task(watch.trust_lost())
        say(Said(STREAM, LOST, logging.WARNING), Said("temporalio_client::retry", "gRPC call retried 51 times"))
        await asyncio.sleep(0.05)
        assert not losing.done()
        say(Said(STREAM, LOST))
        await asyncio.wait_for(losing, ENDS_WITHIN_S)


async def test_a_young_process_lives_its_shortest_life_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_logs, "SHORTEST_LIFE_S", 600.0)
    with CoreWatch() as watch:
        losing = asyncio.create_task(watch.trust_lost())
        say(Said(STREAM, LOST))
        await asyncio.sleep(0.05)
        assert not losing.done(), "an error at every start would be a start every few seconds"
        losing.cancel()
    assert watch not in CORE_LOGGER.handlers


def test_what_waits_for_ever_ends_all_the_same() -> None:
    code = (
        "import threading\nfrom workers.running.until_stopped import end_for_sure\n"
        "threading.Thread(target=threading.Event().wait).start()\nend_for_sure(0.2)"
    )
    assert run(code).returncode == START_ANEW
