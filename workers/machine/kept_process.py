"""One process of `headgate up`: started, watched, started again when it dies, and stopped with all that it started."""

import asyncio
import inspect
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from domain.errors import OtherInstallationError, PortTakenError, StartError
from workers.config.data_dir import rotate_log
from workers.machine.process_identity import ProcessRecord, signal_group
from workers.machine.process_specs import EventKind, ProcessSpec, ProcessStatus
from workers.running.core_trust import START_ANEW

BACKOFF_FIRST_S = 0.2
BACKOFF_MOST_S = 5.0
HEALTHY_AFTER_S = 30.0
READY_POLL_S = 0.2  # asking costs processor time, which those who are to be ready need
DEATHS_BEFORE_READY = 3
LOGS, RUN = "logs", "run"
MARK_VARIABLE = "HEADGATE_SUPERVISED_IN"
"""By its value, the data dir, a later run knows whose process something is."""

Report = Callable[[EventKind, str, int | None, str], None]

# Runs between fork and the program: ties the program's life to the keeper's (1 is PR_SET_PDEATHSIG), also when the
# keeper died before it could ask. A program of its own, since code run by `preexec_fn` can deadlock in a
# process that has threads.
_LAUNCHER = """\
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process keeper is gone")
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"cannot run {sys.argv[2]!r}: {error}")
"""


class KeptProcess:
    """One process and its restarts, on behalf of a process keeper.

    Args:
        spec: what to run.
        data_dir: whose process it is; logs and records are below it.
        report: told of everything that happens: kind, name, process id, detail.
    """

    def __init__(self, spec: ProcessSpec, data_dir: Path, report: Report) -> None:
        self.spec = spec
        self._data_dir = data_dir
        self._tell_keeper = report
        self._log = data_dir / LOGS / f"{spec.name}.log"
        self._record = data_dir / RUN / f"{spec.name}.json"
        self._process: asyncio.subprocess.Process | None = None
        self._deaths = 0
        self._ending = False
        self._spawning = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    def status(self) -> ProcessStatus:
        """Return its state at this moment."""
        return ProcessStatus(self.spec.name, self._pid(), self._deaths, self._log)

    def begin(self) -> None:
        """Start it, and start it again whenever it dies."""
        rotate_log(self._log)
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.spec.name}")

    async def until_ready(self) -> None:
        """Wait until it is ready.

        Raises:
            StartError: it died several times before, or took too long; the message ends with its last output. Where
                somebody else's server answers for it: PortTakenError.
            OtherInstallationError: what it serves belongs to another installation.
        """
        deadline = time.monotonic() + self.spec.ready_timeout_s
        probe: asyncio.Task[bool] | None = None
        try:
            while True:
                # The probe may take long: deaths and the deadline are checked meanwhile.
                probe = probe or asyncio.create_task(self._is_ready())
                await asyncio.wait([probe], timeout=READY_POLL_S)
                if probe.done():
                    if probe.result():
                        break
                    probe = None
                    await asyncio.sleep(READY_POLL_S)
                self._raise_if_hopeless(deadline)
        finally:
            if probe is not None:
                probe.cancel()
        self._report(EventKind.READY)

    def _raise_if_hopeless(self, deadline: float) -> None:
        if self._deaths >= DEATHS_BEFORE_READY:
            what = f"died {self._deaths} times at its start"
        elif time.monotonic() > deadline:
            what = f"was not ready after {self.spec.ready_timeout_s:g} s"
        else:
            return
        raise StartError(f"process {self.spec.name!r} {what}; {self._end_of_log()}")

    async def end(self, kill_wanted: asyncio.Event) -> None:
        """Stop for good: SIGTERM, grace (cut short by ``kill_wanted``), SIGKILL to whatever is left of the group."""
        async with self._spawning:
            # Let a start under way finish, so that its process is known here; no other start follows.
            self._ending = True
        process = self._process
        if process is None or process.returncode is not None:
            # Between a death and the restart: nothing runs, and nothing must start.
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
                # No memory, no file handles, a full disk: may pass, so it counts as a death.
                self._deaths += 1
                self._report(EventKind.DIED, f"could not be started: {error}")
            else:
                code = await process.wait()
                # A leader that died may have left others of its group; the next one must find its ports and files free.
                signal_group(process.pid, signal.SIGKILL)
                if self._is_ending():
                    self._report(EventKind.STOPPED, _exit_in_words(code), process.pid)
                    return
                self._deaths += 1
                self._report(EventKind.DIED, _exit_in_words(code), process.pid)
            if time.monotonic() - began >= HEALTHY_AFTER_S:
                backoff = BACKOFF_FIRST_S
            await asyncio.sleep(backoff)
            self._report(EventKind.RESTARTING, f"after {backoff:g} s")
            backoff = min(backoff * 2, BACKOFF_MOST_S)

    async def _spawn(self) -> asyncio.subprocess.Process:
        argv = list(self.spec.argv)
        if sys.platform.startswith("linux"):
            argv = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *argv]
        env = {**os.environ, **self.spec.env, MARK_VARIABLE: str(self._data_dir)}
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
        except (PortTakenError, OtherInstallationError):  # waiting does not mend it
            raise
        except Exception:  # noqa: BLE001 - the probe is the caller's; until the deadline any failure means "not yet"
            return False

    def _is_ending(self) -> bool:
        return self._ending

    def _pid(self) -> int | None:
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    def _end_of_log(self) -> str:
        with suppress(OSError):
            lines = self._log.read_text("utf-8", "replace").splitlines()[-10:]
            return f"the end of {str(self._log)!r}:\n" + "\n".join(f"  {line}" for line in lines)
        return f"it has no log at {str(self._log)!r}"

    def _report(self, kind: EventKind, detail: str = "", pid: int | None = None) -> None:
        self._tell_keeper(kind, self.spec.name, pid or self._pid(), detail)


def _exit_in_words(code: int) -> str:
    if code == START_ANEW:
        return f"exit code {code}: asked to be started anew, its log says why"
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
