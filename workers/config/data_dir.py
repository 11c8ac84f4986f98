"""Order in a data dir: whose it is, one owner at a time, and logs that do not grow for ever."""

import fcntl
import os
import re
import secrets
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import IO

from client.which import UP_LOCK
from domain.errors import DataDirInUseError, OtherInstallationError, UsageError

INSTANCE_FILE = "instance-id"
_INSTANCE_ID = re.compile(r"[0-9a-f]{16}")
_OURS = (
    "*.db",
    "*.db-wal",
    "*.db-shm",
    "*.db-journal",
    "*s.json",
    "session.key",
    "ended-sessions",
    "instance-id",
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


def fold_in_journals(data_dir: Path) -> None:
    """Write what SQLite keeps beside its files (`-wal`) into them, once nothing runs any more.

    A backup that is copied over `store.db` would else be mixed with the newer journal that lies beside it.
    """
    for name in ("store.db", "inbox.db", "rail.db"):
        if (data_dir / f"{name}-wal").exists() and (data_dir / name).exists():
            with suppress(sqlite3.Error), closing(sqlite3.connect(data_dir / name, timeout=2)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def new_instance_id() -> str:
    """Return an id that no other installation has."""
    return secrets.token_hex(8)


def instance_of(data_dir: Path) -> str | None:
    """Return the id of the installation that a data dir belongs to; None where it has none yet.

    Raises:
        OtherInstallationError: the file holds something else.
    """
    path = data_dir / INSTANCE_FILE
    try:
        found = path.read_text("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OtherInstallationError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    if not _INSTANCE_ID.fullmatch(found):
        raise OtherInstallationError(
            f"{str(path)!r} holds {found[:40]!r}: expected the 16 hex digits of an installation; put back the file of "
            "the data dir's backup, or remove it to have it made again from the store"
        )
    return found


def keep_instance(data_dir: Path, instance: str) -> str:
    """Write the id into a data dir that has none, whole or not at all; return the one that it has then.

    Of several who write at once the first counts. A data dir that is not there or cannot be written is left alone.
    """
    if (known := instance_of(data_dir)) is not None or not data_dir.is_dir():
        return known or instance
    unfinished = data_dir / f".{INSTANCE_FILE}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        unfinished.write_text(f"{instance}\n", "ascii")
        with suppress(FileExistsError):
            os.link(unfinished, data_dir / INSTANCE_FILE)  # fails where it is there, so nobody's is overwritten
    except OSError:
        return instance
    finally:
        unfinished.unlink(missing_ok=True)
    return instance_of(data_dir) or instance


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
