"""The process keeper: starts the processes of `headgate up`, restarts those that die, and leaves nothing running.

    async with ProcessKeeper(data_dir) as keeper:
        await keeper.start([temporal])            # each `start` is a stage: all of it is ready when this returns
        await keeper.start([gateway, worker])
        await keeper.until_stopped()              # SIGINT, SIGTERM or SIGHUP; a second one kills at once
    return keeper.exit_code                       # the stages were stopped in reverse order

Below the data dir: ``supervisor.lock`` (one keeper a folder), ``logs/NAME.log``, ``logs/supervisor.log`` (the keeper's
own) and ``run/NAME.json`` (who runs, for the next run).
"""

import asyncio
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from domain.errors import ProcessKeeperError, StartError, StopRequested
from workers.config.data_dir import take_lock
from workers.machine.kept_process import LOGS, MARK_VARIABLE, RUN, KeptProcess
from workers.machine.process_identity import ProcessRecord, stop_leftover
from workers.machine.process_specs import EventKind, ProcessEvent, ProcessSpec, ProcessStatus

LEFTOVER_GRACE_S = 5.0
KILLED_BY_PERSON = 128 + signal.SIGINT


class ProcessKeeper:
    """Runs processes on behalf of one data dir; used as in the module's example.

    Args:
        data_dir: made if missing; one keeper at a time.
        on_event: told of everything that happens, beside the log in ``logs/supervisor.log``.
        handle_signals: take SIGINT, SIGTERM and SIGHUP as requests to stop.
        before: called once the data dir is taken and before anything in it is acted on; what it raises ends the start.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        on_event: Callable[[ProcessEvent], None] | None = None,
        handle_signals: bool = True,
        before: Callable[[], None] | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.exit_code = 0
        self._on_event = on_event
        self._handle_signals = handle_signals
        self._before = before
        self._stages: list[list[KeptProcess]] = []
        self._stop_wanted = asyncio.Event()
        self._kill_wanted = asyncio.Event()
        self._signals: list[signal.Signals] = []
        self._lock: IO[str] | None = None

    async def __aenter__(self) -> Self:
        """Take the data dir, stop what a killed run has left there, and listen for signals.

        Raises:
            DataDirInUseError: another process has it.
        """
        for folder in (self.data_dir, self.logs_dir, self.run_dir):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = take_lock(self.data_dir)
        try:
            if self._before is not None:
                await asyncio.to_thread(self._before)
        except BaseException:
            self._lock.close()
            raise
        await asyncio.to_thread(self._stop_leftovers)
        if self._handle_signals:
            self._signals = [signal.SIGINT, signal.SIGTERM]
            # Under nohup, survive the closing of the terminal.
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
                self._signals.append(signal.SIGHUP)
            for number in self._signals:
                asyncio.get_running_loop().add_signal_handler(number, self.request_stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Stop everything. Swallow a :class:`StopRequested`: stopping is what was asked for."""
        try:
            await self.stop()
        finally:
            for number in self._signals:
                asyncio.get_running_loop().remove_signal_handler(number)
            if self._lock is not None:
                self._lock.close()
        return isinstance(error, StopRequested)

    @property
    def logs_dir(self) -> Path:
        """Where each process has its log."""
        return self.data_dir / LOGS

    @property
    def run_dir(self) -> Path:
        """Where each running process has its record."""
        return self.data_dir / RUN

    def status(self) -> list[ProcessStatus]:
        """Return all processes in the order of their start."""
        return [child.status() for stage in self._stages for child in stage]

    def request_stop(self) -> None:
        """Ask for an orderly end, as a first Ctrl-C does; asked again, everything is killed at once."""
        if self._stop_wanted.is_set():
            self._kill_wanted.set()
        self._stop_wanted.set()

    async def start(self, specs: Sequence[ProcessSpec]) -> None:
        """Start a stage of processes side by side and wait until all are ready; each is restarted when it dies.

        Raises:
            StartError: one died several times before it was ready, or took too long; the message ends with its last
            output.
            StopRequested: a signal came meanwhile.
        """
        taken = {child.spec.name for stage in self._stages for child in stage}
        for spec in specs:
            if spec.name in taken:
                raise ProcessKeeperError(f"a process named {spec.name!r} is kept already; give each its own name")
            if shutil.which(spec.argv[0]) is None:
                raise StartError(f"process {spec.name!r}: the program {spec.argv[0]!r} was not found or cannot be run")
            taken.add(spec.name)
        stage = [KeptProcess(spec, self.data_dir, self.report) for spec in specs]
        self._stages.append(stage)
        for child in stage:
            child.begin()
        waits: list[asyncio.Task[object]] = [asyncio.create_task(child.until_ready()) for child in stage]
        stop: asyncio.Task[object] = asyncio.create_task(self._stop_wanted.wait())
        try:
            while pending := [wait for wait in waits if not wait.done()]:
                await asyncio.wait([*pending, stop], return_when=asyncio.FIRST_COMPLETED)
                if stop.done():
                    raise StopRequested("asked to stop while processes were starting")
                for wait in waits:
                    if wait.done():
                        wait.result()
        finally:
            for wait in [*waits, stop]:
                wait.cancel()
            await asyncio.gather(*waits, stop, return_exceptions=True)

    async def until_stopped(self) -> None:
        """Wait for a signal (or :meth:`request_stop`); processes that die meanwhile are restarted."""
        await self._stop_wanted.wait()

    async def end_all(self) -> None:
        """End all processes, the last stage first. Nothing of them runs then; others may be started."""
        while self._stages:
            await asyncio.gather(*(child.end(self._kill_wanted) for child in reversed(self._stages[-1])))
            self._stages.pop()

    async def stop(self) -> None:
        """Stop all processes for good; safe to call again."""
        self._stop_wanted.set()
        await self.end_all()
        if self._kill_wanted.is_set():
            self.exit_code = KILLED_BY_PERSON

    def report(self, kind: EventKind, name: str, pid: int | None, detail: str = "") -> None:
        """Write down what happened and tell the listener."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        # A full disk must not stop the process keeper.
        with suppress(OSError), (self.logs_dir / "supervisor.log").open("a", encoding="utf-8") as log:
            log.write(f"{stamp} {kind.value:<16} {name} pid={pid or '-'} {detail}".rstrip() + "\n")
        if self._on_event is not None:
            self._on_event(ProcessEvent(kind, name, pid, detail))

    def _stop_leftovers(self) -> None:
        for path in sorted(self.run_dir.glob("*.json")):
            record = ProcessRecord.read(path)
            if record and stop_leftover(record, LEFTOVER_GRACE_S, (MARK_VARIABLE, str(self.data_dir))):
                self.report(EventKind.LEFTOVER_STOPPED, path.stem, record.pid, "left by an earlier run that was killed")
            path.unlink(missing_ok=True)
