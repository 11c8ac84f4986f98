"""What the process keeper is asked for and what it tells: specifications, events, status."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

ReadyProbe = Callable[[], bool | Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to run.

    Attributes:
        name: unique; names the log and the pid file.
        argv: the program and its arguments.
        env: set on top of the keeper's own environment; None takes a variable away.
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
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """One line of the keeper's own log."""

    kind: EventKind
    name: str
    pid: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A kept process at this moment; ``pid`` is ``None`` while it waits for its restart."""

    name: str
    pid: int | None
    restarts: int
    log: Path
