"""The identity of a process. Process ids are reused, so nothing is stopped by its id alone.

A process is known by its id, the moment it started and its command. On Linux these are read from ``/proc``, elsewhere
(macOS) from ``ps``.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

KILL_TAKES_EFFECT_S = 5.0

_ON_LINUX = sys.platform.startswith("linux")
_STAT_STATE, _STAT_GROUP, _STAT_THREADS, _STAT_START = (
    0,
    2,
    17,
    19,
)  # positions after the command's closing bracket, proc(5)


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A started process as its file in ``run/`` describes it to a later run."""

    pid: int
    started: str
    command: tuple[str, ...]

    @classmethod
    def of(cls, pid: int, command: Sequence[str]) -> Self | None:
        """Describe the running process ``pid``, started with ``command``; ``None`` if it is gone."""
        started = start_of(pid)
        return None if started is None else cls(pid, started, tuple(command))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a record; ``None`` if the file is missing or is not one (a run cut off while writing, another
        program's file).
        """
        try:
            raw = json.loads(path.read_text("utf-8"))
            return cls(int(raw["pid"]), str(raw["started"]), tuple(str(part) for part in raw["command"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write the record whole or not at all."""
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(asdict(self)), "utf-8")
        unfinished.replace(path)

    def is_running(self) -> bool:
        """Tell whether this very process still runs: same id, same start, same command."""
        if start_of(self.pid) != self.started:
            return False
        current = command_of(self.pid)
        # One that is ending has lost its command line already, not its ports and files.
        return not current or _same_command(self.command, current)


def start_of(pid: int) -> str | None:
    """Return a text that is unique to this run of this process, ``None`` if it does not run. A zombie does not, once
    the last of its threads has let go of ports and files.
    """
    if not _ON_LINUX:
        return _ask_ps(pid, "lstart") or None
    fields = _read_stat(pid)
    if fields is None or not _is_alive(fields):
        return None
    return f"{_boot_id()}:{fields[_STAT_START]}"


def command_of(pid: int) -> tuple[str, ...]:
    """Return the command line of a process; empty if it is gone. Outside Linux split at blanks, for comparison only."""
    if not _ON_LINUX:
        return tuple(_ask_ps(pid, "command").split())
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(part.decode("utf-8", "surrogateescape") for part in raw.split(b"\0")[:-1])


def group_members(group: int) -> list[int]:
    """Return the ids of the living processes of a process group (Linux; empty elsewhere, where the group is
    signalled unseen).
    """
    if not _ON_LINUX:
        return []
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        fields = _read_stat(int(entry.name))
        if fields is not None and int(fields[_STAT_GROUP]) == group and _is_alive(fields):
            members.append(int(entry.name))
    return members


def carries_mark(pid: int, name: str, value: str) -> bool:
    """Tell whether a process was started with the environment variable ``name`` set to ``value`` (Linux; elsewhere
    never).
    """
    try:
        return f"{name}={value}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group that may have ended."""
    # PermissionError: macOS says so of a group of which only zombies are left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def stop_leftover(record: ProcessRecord, grace_s: float, mark: tuple[str, str]) -> bool:
    """Stop what a killed run has left: the process, if it is still the same one, and what it started in its group.

    Members of the group whose leader is gone are stopped only if they carry the ``mark`` (environment variable and
    value).

    Returns:
        Whether anything had to be stopped.
    """
    if record.is_running():
        signal_group(record.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while record.is_running() and time.monotonic() < deadline:
            time.sleep(0.02)
        signal_group(record.pid, signal.SIGKILL)
        _await_end(record.is_running)
        return True
    orphans = [pid for pid in group_members(record.pid) if pid != record.pid and carries_mark(pid, *mark)]
    for pid in orphans:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _await_end(lambda: any(start_of(pid) is not None for pid in orphans))
    return bool(orphans)


def _await_end(runs: Callable[[], bool]) -> None:
    # A killed process is gone only once the kernel has let go of it. One stuck in the kernel must not hold up
    # everything.
    deadline = time.monotonic() + KILL_TAKES_EFFECT_S
    while runs() and time.monotonic() < deadline:
        time.sleep(0.02)


def _same_command(recorded: Sequence[str], current: Sequence[str]) -> bool:
    if not _ON_LINUX:
        return " ".join(current).endswith(" ".join(" ".join(recorded[1:]).split()))
    # A script runs as `interpreter script arguments…`, and a launcher as `python … program arguments…`.
    if not current:
        return False
    arguments = tuple(recorded[1:])
    if arguments:
        return tuple(current[-len(arguments) :]) == arguments
    return Path(current[-1]).name == Path(recorded[0]).name


def _read_stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The command in brackets may itself hold blanks and brackets.
    return text.rpartition(")")[2].split()


def _is_alive(fields: list[str]) -> bool:
    return fields[_STAT_STATE] not in "ZX" or int(fields[_STAT_THREADS]) > 1


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def _ask_ps(pid: int, column: str) -> str:
    answer = subprocess.run(
        ["/bin/ps", "-o", f"{column}=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C"},
    )
    return answer.stdout.strip()
