"""A process keeper with real small processes, in this process or in one of its own."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from workers.machine.process_identity import start_of
from workers.machine.process_keeper import ProcessKeeper
from workers.machine.process_specs import ProcessEvent, ProcessSpec

REPOSITORY = Path(__file__).parents[4]
SLEEPER = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
WITH_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def python(name: str, code: str, *arguments: str, **options: object) -> ProcessSpec:
    return ProcessSpec(name, [sys.executable, "-c", code, *arguments], **options)  # type: ignore[arg-type]


async def eventually(holds: Callable[[], bool], what: str) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"never happened: {what}")


def lives(pid: int) -> bool:
    return start_of(pid) is not None


def said(keeper: ProcessKeeper, name: str, words: str) -> bool:
    log = keeper.logs_dir / f"{name}.log"
    return log.exists() and words in log.read_text()


def pids(keeper: ProcessKeeper) -> list[int]:
    return [status.pid for status in keeper.status() if status.pid is not None]


@asynccontextmanager
async def keeping(data_dir: Path, events: list[ProcessEvent] | None = None) -> AsyncIterator[ProcessKeeper]:
    listener = None if events is None else events.append
    async with ProcessKeeper(data_dir, on_event=listener, handle_signals=False) as keeper:
        yield keeper


KEEP = textwrap.dedent(
    """
    import asyncio, signal, sys
    from pathlib import Path
    from workers.machine.process_keeper import ProcessKeeper
    from workers.machine.process_specs import ProcessSpec

    # Tests that were started under nohup would hand on their deafness to it.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

    async def main():
        programs = enumerate(sys.argv[2:])
        specs = [ProcessSpec(f"p{i}", [sys.executable, "-c", code], stop_grace_s=600) for i, code in programs]
        async with ProcessKeeper(Path(sys.argv[1])) as keeper:
            await keeper.start(specs)
            print(*(s.pid for s in keeper.status()), flush=True)
            await keeper.until_stopped()
        return keeper.exit_code

    sys.exit(asyncio.run(main()))
    """
)


@asynccontextmanager
async def keeper_process(data_dir: Path, *programs: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[int]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KEEP, str(data_dir), *programs, stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert process.stdout is not None
    children = [int(pid) for pid in (await process.stdout.readline()).split()]
    try:
        yield process, children
    finally:
        for pid in [process.pid, *children]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await process.wait()
