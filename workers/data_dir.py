"""Order in a data dir: one owner at a time, and logs that do not grow for ever."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from client.which import UP_LOCK
from domain.errors import DataDirInUseError, UsageError

_OURS = (
    "*.db",
    "*.db-wal",
    "*.db-shm",
    "*.db-journal",
    "*s.json",
    "session.key",
    "ended-sessions",
    "logs",
    "run",
    "*.lock",
    ".*.lock",
)
LOG_ROTATE_BYTES = 10 * 1024 * 1024
LOGS_KEPT = 3
LOCK_TRIES = 3
LOCK_PAUSE_S = 0.1


def keep_private() -> None:
    """Let this process, and those that it starts, make files and folders for their owner alone."""
    os.umask(0o077)


def make_data_dir(path: Path) -> None:
    """Create the data dir, readable by its owner alone: it holds personal data and secrets. What an earlier version
    left readable for others is made private.

    Raises:
        UsageError: it cannot be made or written.
    """
    keep_private()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (path / ".written").touch()
        (path / ".written").unlink()
        _make_private(path)
    except OSError as error:
        raise UsageError(
            f"the data dir {str(path)!r} cannot be used ({error.strerror}): choose another with --data-dir or "
            "HEADGATE_DATA_DIR"
        ) from error


def _make_private(data_dir: Path) -> None:
    ours = [found for name in _OURS for found in data_dir.glob(name)]
    if not ours and any(data_dir.iterdir()):  # somebody's folder, in which we begin
        return
    inside = [found for folder in ours if folder.is_dir() for found in folder.rglob("*")]
    for path in (data_dir, *ours, *inside):
        with suppress(FileNotFoundError):  # gone meanwhile
            if not path.is_symlink() and path.stat().st_uid == os.geteuid() and path.stat().st_mode & 0o077:
                path.chmod(path.stat().st_mode & 0o700)


def take_lock(data_dir: Path) -> IO[str]:
    """Lock the data dir until the returned file is closed or this process ends, however it ends.

    Raises:
        DataDirInUseError: another process has it; the message names it.
    """
    lock = (data_dir / UP_LOCK).open("a+", encoding="ascii")
    for attempt in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            if attempt + 1 < LOCK_TRIES:
                time.sleep(LOCK_PAUSE_S)  # a command that asks whether it is held holds it for a moment
                continue
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise DataDirInUseError(
                f"the data dir {str(data_dir)!r} is in use by another `headgate up` (pid {holder}); "
                "stop that one or choose another --data-dir"
            ) from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def rotate_log(path: Path, most_bytes: int = LOG_ROTATE_BYTES, kept: int = LOGS_KEPT) -> None:
    """Move a log aside that has grown past ``most_bytes`` (``.1`` is the newest). Called when its process first
    starts.
    """
    if not path.exists() or path.stat().st_size <= most_bytes:
        return
    for number in range(kept - 1, 0, -1):
        older = Path(f"{path}.{number}")
        if older.exists():
            older.replace(f"{path}.{number + 1}")
    path.replace(f"{path}.1")
