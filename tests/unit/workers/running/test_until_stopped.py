"""A worker process ends in order at a signal, and in bounded time where Temporal's core has lost a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from workers.running.core_trust import START_ANEW

PROJECT = Path(__file__).resolve().parents[4]
ENDS_WITHIN_S = 60.0
# A worker that takes half a second to end, or never ends: as one does that holds a run which stands still.
ENDING = """
import asyncio, os, signal, sys
from datetime import timedelta
from workers.running.until_stopped import run_until_stopped

class Slow:
    def __init__(self, lets_go, fails):
        self.asked, self.ended, self.lets_go, self.fails = asyncio.Event(), asyncio.Event(), lets_go, fails

    async def run(self):
        if self.fails:
            raise RuntimeError("no such namespace")
        await self.asked.wait()
        print("takes no more", flush=True)
        await (asyncio.sleep(0.5) if self.lets_go else asyncio.Event().wait())
        print("ended", flush=True)
        self.ended.set()

    async def shutdown(self):
        self.asked.set()
        if not self.fails:
            await self.ended.wait()

class Watch:
    def __init__(self, lost):
        self.lost = lost

    async def trust_lost(self):
        await asyncio.sleep(0.1 if self.lost else 600)

async def main(lost, lets_go, fails):
    if not lost:
        asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGTERM)
    grace = timedelta(seconds=8 if lets_go else 0.3)
    return await run_until_stopped([Slow(lets_go, fails)], Watch(lost), role="case", grace=grace)

sys.exit(asyncio.run(main(*(word in sys.argv for word in ("lost", "lets-go", "fails")))))
"""


def end(*how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ENDING, *how],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
        check=False,
    )


@pytest.mark.parametrize(("how", "code"), [("lost", START_ANEW), ("told", 0)])
def test_work_under_way_ends_first(how: str, code: int) -> None:
    done = end(how, "lets-go")
    assert (done.returncode, done.stdout) == (code, "takes no more\nended\n"), done.stderr


def test_a_run_that_stands_still_holds_up_no_end() -> None:
    done = end("lost")
    assert (done.returncode, done.stdout) == (START_ANEW, "takes no more\n"), done.stderr


def test_a_worker_that_fails_says_why_as_before() -> None:
    done = end("fails", "lost")
    assert done.returncode == 1
    assert "no such namespace" in done.stderr
