"""A small supervisor: starts the processes of `headgate up`, restarts those that die, and leaves nothing running.

    async with Supervisor(data_dir) as supervisor:
        await supervisor.start([temporal])            # each `start` is a stage: all of it is ready when this returns
        await supervisor.start([gateway, worker])
        await supervisor.until_stopped()              # SIGINT, SIGTERM or SIGHUP; a second one kills at once
    return supervisor.exit_code                       # the stages were stopped in reverse order

Below the data dir: ``supervisor.lock`` (one supervisor a folder), ``logs/NAME.log``, ``run/NAME.json`` (who runs, for
the next run).
"""

import asyncio
import inspect
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from domain.errors import ProcessKeeperError, StartError, StopRequested
from workers.data_dir import rotate_log, take_lock
from workers.machine.process_identity import ProcessRecord, signal_group, stop_leftover

BACKOFF_FIRST_S = 0.2
BACKOFF_MOST_S = 5.0
HEALTHY_AFTER_S = 30.0
READY_POLL_S = 0.05
DEATHS_BEFORE_READY = 3
LEFTOVER_GRACE_S = 5.0
KILLED_BY_PERSON = 128 + signal.SIGINT
MARK_VARIABLE = "HEADGATE_SUPERVISED_IN"

# Runs between fork and the program: ties the program's life to the supervisor's (1 is PR_SET_PDEATHSIG), also when
# the supervisor died before it could ask. A program of its own, since code run by `preexec_fn` can deadlock in a
# process that has threads.
_LAUNCHER = """\
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the supervisor is gone")
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"cannot run {sys.argv[2]!r}: {error}")
"""

ReadyProbe = Callable[[], bool | Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to run.

    Attributes:
        name: unique; names the log and the pid file.
        argv: the program and its arguments.
        env: set on top of the supervisor's own environment; None takes a variable away.
        ready: called until it returns true, plain or awaited; an exception means "not yet". ``None``: ready once
        started.
        stop_grace_s: between SIGTERM and SIGKILL.
        ready_timeout_s: given to ``ready`` before the start counts as failed.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str | None] = field(default_factory=dict)
    ready: ReadyProbe | None = None
    stop_grace_s: float = 10.0
    ready_timeout_s: float = 60.0


class EventKind(StrEnum):
    """What happened to a process."""

    STARTED = "started"
    READY = "ready"
    DIED = "died"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    KILLED = "killed"
    LEFTOVER_STOPPED = "leftover_stopped"


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """One line of the supervisor's own log."""

    kind: EventKind
    name: str
    pid: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A supervised process at this moment; ``pid`` is ``None`` while it waits for its restart."""

    name: str
    pid: int | None
    restarts: int
    log: Path


class Supervisor:
    """Runs processes on behalf of one data dir; used as in the module's example.

    Args:
        data_dir: made if missing; one supervisor at a time.
        on_event: told of everything that happens, beside the log in ``logs/supervisor.log``.
        handle_signals: take SIGINT, SIGTERM and SIGHUP as requests to stop.
    """

    def __init__(
        self, data_dir: Path, *, on_event: Callable[[ProcessEvent], None] | None = None, handle_signals: bool = True
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.exit_code = 0
        self._on_event = on_event
        self._handle_signals = handle_signals
        self._stages: list[list[_Supervised]] = []
        self._stop_wanted = asyncio.Event()
        self._kill_wanted = asyncio.Event()
        self._signals: list[signal.Signals] = []
        self._lock: IO[str] | None = None

    async def __aenter__(self) -> Self:
        """Take the data dir, stop what a killed run has left there, and listen for signals.

        Raises:
            DataDirInUseError: another supervisor has it.
        """
        for folder in (self.data_dir, self.logs_dir, self.run_dir):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = take_lock(self.data_dir)
        await asyncio.to_thread(self._stop_leftovers)
        if self._handle_signals:
            self._signals = [signal.SIGINT, signal.SIGTERM]
            # Under nohup a closing terminal is to be survived.
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
                self._signals.append(signal.SIGHUP)
            for number in self._signals:
                asyncio.get_running_loop().add_signal_handler(number, self.request_stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Stop everything. A :class:`StopRequested` ends here: that is what was wanted."""
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
        return self.data_dir / "logs"

    @property
    def run_dir(self) -> Path:
        """Where each running process has its record."""
        return self.data_dir / "run"

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
                raise ProcessKeeperError(f"a process named {spec.name!r} is supervised already; give each its own name")
            if shutil.which(spec.argv[0]) is None:
                raise StartError(f"process {spec.name!r}: the program {spec.argv[0]!r} was not found or cannot be run")
            taken.add(spec.name)
        stage = [_Supervised(self, spec) for spec in specs]
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

    async def stop(self) -> None:
        """Stop all processes, the last stage first; safe to call again. Nothing of them runs when this returns."""
        self._stop_wanted.set()
        while self._stages:
            await asyncio.gather(*(child.end(self._kill_wanted) for child in reversed(self._stages[-1])))
            self._stages.pop()
        if self._kill_wanted.is_set():
            self.exit_code = KILLED_BY_PERSON

    def report(self, kind: EventKind, name: str, pid: int | None, detail: str = "") -> None:
        """Write down what happened and tell the listener."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        # A full disk must not end the supervision.
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


class _Supervised:
    """One process and its restarts."""

    def __init__(self, owner: Supervisor, spec: ProcessSpec) -> None:
        self.spec = spec
        self._owner = owner
        self._log = owner.logs_dir / f"{spec.name}.log"
        self._record = owner.run_dir / f"{spec.name}.json"
        self._process: asyncio.subprocess.Process | None = None
        self._deaths = 0
        self._ending = False
        self._spawning = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    def status(self) -> ProcessStatus:
        return ProcessStatus(self.spec.name, self._pid(), self._deaths, self._log)

    def begin(self) -> None:
        rotate_log(self._log)
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.spec.name}")

    async def until_ready(self) -> None:
        deadline = time.monotonic() + self.spec.ready_timeout_s
        probe: asyncio.Task[bool] | None = None
        try:
            while True:
                # The probe may take its time: deaths and the deadline are looked at meanwhile.
                probe = probe or asyncio.create_task(self._is_ready())
                await asyncio.wait([probe], timeout=READY_POLL_S)
                if probe.done():
                    if probe.result():
                        break
                    probe = None
                    await asyncio.sleep(READY_POLL_S)
                self._refuse_hopeless(deadline)
        finally:
            if probe is not None:
                probe.cancel()
        self._report(EventKind.READY)

    def _refuse_hopeless(self, deadline: float) -> None:
        if self._deaths >= DEATHS_BEFORE_READY:
            what = f"died {self._deaths} times at its start"
        elif time.monotonic() > deadline:
            what = f"was not ready after {self.spec.ready_timeout_s:g} s"
        else:
            return
        raise StartError(f"process {self.spec.name!r} {what}; {self._last_words()}")

    async def end(self, kill_wanted: asyncio.Event) -> None:
        """Stop for good: SIGTERM, grace (cut short by ``kill_wanted``), SIGKILL to whatever is left of the group."""
        async with self._spawning:
            # A start under way ends first, so that its process is known here; no other follows.
            self._ending = True
        process = self._process
        if process is None or process.returncode is not None:
            # Between a death and its restart: nothing runs, and nothing shall.
            if self._keeper is not None:
                self._keeper.cancel()
        elif not kill_wanted.is_set():
            self._report(EventKind.STOPPING)
            signal_group(process.pid, signal.SIGTERM)
            killed = asyncio.ensure_future(kill_wanted.wait())
            exited = asyncio.ensure_future(process.wait())
            await asyncio.wait([exited, killed], timeout=self.spec.stop_grace_s, return_when=asyncio.FIRST_COMPLETED)
            for wait in (killed, exited):
                wait.cancel()
        if process is not None:
            if process.returncode is None:
                why = "at once, as asked" if kill_wanted.is_set() else f"after {self.spec.stop_grace_s:g} s"
                self._report(EventKind.KILLED, why)
            signal_group(process.pid, signal.SIGKILL)
        if self._keeper is not None:
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._record.unlink(missing_ok=True)

    async def _keep(self) -> None:
        backoff = BACKOFF_FIRST_S
        while not self._is_ending():
            began = time.monotonic()
            try:
                async with self._spawning:
                    if self._is_ending():
                        return
                    process = await self._spawn()
            except OSError as error:
                # No memory, no file handles, a full disk: may pass, so it counts as one more death.
                self._deaths += 1
                self._report(EventKind.DIED, f"could not be started: {error}")
            else:
                code = await process.wait()
                # A leader that died may have left others of its group; the next one must find its ports and files free.
                signal_group(process.pid, signal.SIGKILL)
                if self._is_ending():
                    self._report(EventKind.STOPPED, _exit_words(code), process.pid)
                    return
                self._deaths += 1
                self._report(EventKind.DIED, _exit_words(code), process.pid)
            if time.monotonic() - began >= HEALTHY_AFTER_S:
                backoff = BACKOFF_FIRST_S
            await asyncio.sleep(backoff)
            self._report(EventKind.RESTARTING, f"after {backoff:g} s")
            backoff = min(backoff * 2, BACKOFF_MOST_S)

    async def _spawn(self) -> asyncio.subprocess.Process:
        argv = list(self.spec.argv)
        if sys.platform.startswith("linux"):
            argv = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *argv]
        env = {**os.environ, **self.spec.env, MARK_VARIABLE: str(self._owner.data_dir)}
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={name: value for name, value in env.items() if value is not None},
                start_new_session=True,
            )
        self._process = process
        if record := ProcessRecord.of(process.pid, self.spec.argv):
            record.write(self._record)
        self._report(EventKind.STARTED)
        return process

    async def _is_ready(self) -> bool:
        if self._pid() is None:
            return False
        if self.spec.ready is None:
            return True
        try:
            answer = self.spec.ready()
            return await answer if inspect.isawaitable(answer) else bool(answer)
        except Exception:  # noqa: BLE001 - the probe is the caller's; until the deadline any failure means "not yet"
            return False

    def _is_ending(self) -> bool:
        return self._ending

    def _pid(self) -> int | None:
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = self._log.read_text("utf-8", "replace").splitlines()[-10:]
            return f"the end of {str(self._log)!r}:\n" + "\n".join(f"  {line}" for line in lines)
        return f"it has no log at {str(self._log)!r}"

    def _report(self, kind: EventKind, detail: str = "", pid: int | None = None) -> None:
        self._owner.report(kind, self.spec.name, pid or self._pid(), detail)


def _exit_words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
