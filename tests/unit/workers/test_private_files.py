"""What stands in a data dir is for its owner alone."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.bootstrap import Parts
from workers.config.data_dir import make_data_dir, take_lock
from workers.config.settings import load_settings


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """Whoever starts us lets others read their files, as most accounts do."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    return [str(p) for p in (folder, *folder.rglob("*")) if p.lstat().st_mode & 0o077]


async def test_what_a_process_makes_there_is_private(tmp_path: Path) -> None:
    data_dir = tmp_path / "made" / "here"
    parts = Parts(load_settings(data_dir=data_dir))
    make_data_dir(data_dir)
    lock = take_lock(data_dir)
    await parts.inbox.depth()
    assert parts.store.cases is not None
    (data_dir / "logs").mkdir()
    (data_dir / "logs" / "supervisor.log").touch()
    assert {"inbox.db", "store.db"} <= {path.name for path in data_dir.iterdir()}
    assert open_to_others(data_dir) == []
    lock.close()
    await parts.inbox.close()
    parts.close()


def test_what_an_earlier_version_left_readable_is_made_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name in ("store.db", "store.db-wal", "logs/gateway.log", "run/worker.json", "sources.json", "supervisor.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    connection = sqlite3.connect(tmp_path / "temporal.db")
    connection.close()
    assert open_to_others(tmp_path)
    make_data_dir(tmp_path)
    assert open_to_others(tmp_path) == []


def test_a_folder_of_somebody_else_keeps_its_modes(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "notes.txt").touch()
    make_data_dir(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "notes.txt").stat().st_mode & 0o777 == 0o644
