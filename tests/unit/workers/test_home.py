"""A copied data dir is not the installation: nothing is started from it, no command uses it, it stops nothing."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from client.which import ENDPOINTS_FILE
from domain.errors import OtherInstallationError
from domain.installation.home import Home
from tests.fakes.situations import UP
from tests.unit.commands.command_line import run
from tests.unit.workers.machine.keepers import SLEEPER, keeping, lives, pids, python
from tests.unit.workers.test_installation import blueprint, data_dir, parts_of  # noqa: F401 - fixtures
from workers import home
from workers.config.settings import Settings
from workers.home import home_of
from workers.installation import find_home, require_own_store, take_stock, take_stock_if_here
from workers.machine import stack as stack_module
from workers.machine.stack import Stack


@pytest.fixture
def first(data_dir: Path, blueprint: Path) -> Path:  # noqa: F811 - fixtures
    """The data dir of an installation that `headgate up` has founded."""
    found(data_dir, blueprint)
    return data_dir


@pytest.fixture
def copy(first: Path) -> Path:
    return Path(shutil.copytree(first, first.parent / "copy"))


def found(data_dir: Path, blueprint: Path, *, moved: bool = False, **settings: Any) -> str:  # noqa: F811 - arguments
    parts = parts_of(data_dir, blueprint, **settings)
    try:
        return take_stock(parts, founding=True, moved=moved).installation
    finally:
        parts.close()


def test_no_process_and_no_command_works_from_a_copy(first: Path, copy: Path, blueprint: Path) -> None:  # noqa: F811
    for start in (take_stock, take_stock_if_here, require_own_store):
        start(parts_of(first, blueprint))
        with pytest.raises(OtherInstallationError, match=f"lives in {str(first)!r}, not in the data dir {str(copy)!r}"):
            start(parts_of(copy, blueprint))
    with pytest.raises(OtherInstallationError, match=f"`headgate up --data-dir {copy} --moved`, once"):
        found(copy, blueprint)
    with pytest.raises(OtherInstallationError):
        find_home(parts_of(copy, blueprint).settings)


def test_a_rescue_from_a_copy_is_refused_in_one_line(first: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would go where the copied `endpoints.json` says: to the Temporal of the first."""
    for folder in (first, copy):
        (folder / ENDPOINTS_FILE).write_text(UP.model_dump_json())
    for words in (("ledger", "export"), ("effects", "stop", "--reason", "x"), ("dlq", "list")):
        code, _, stderr = run(*words, "--data-dir", str(copy))
        assert (code, stderr.count("\n"), "--moved" in stderr) == (3, 1, True), words
    assert run("ledger", "export", "--data-dir", str(first))[0] == 0


async def test_an_up_on_a_copy_starts_nothing_and_stops_nothing_of_the_first(
    first: Path,
    blueprint: Path,  # noqa: F811 - fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The copied `run/` names the processes of the first, which still run."""
    monkeypatch.setattr(stack_module, "find_temporal", lambda: "temporal")

    async def start_on(*_: object) -> None:
        raise AssertionError("nothing may be started")

    async with keeping(first) as keeper:
        await keeper.start([python("worker-intake", SLEEPER)])
        [pid] = pids(keeper)
        copied = Path(shutil.copytree(first, first.parent / "copied"))
        assert list((copied / "run").glob("*.json"))
        stack = Stack(Settings(data_dir=copied, blueprint=blueprint), port_base=23700, handle_signals=False)
        monkeypatch.setattr(stack, "_start_on", start_on)
        for _ in range(2):  # it lets go of the folder, too
            with pytest.raises(OtherInstallationError, match="lives in"):
                await stack.__aenter__()
        assert lives(pid)


def test_a_second_data_dir_on_one_store_is_refused(tmp_path: Path, blueprint: Path) -> None:  # noqa: F811 - fixture
    """Two `headgate up` on one PostgreSQL: each would have a Temporal and a holding pen of its own."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    shared = {"store_url": f"sqlite:///{tmp_path}/shared.db"}
    instance = found(tmp_path / "one", blueprint, **shared)
    with pytest.raises(OtherInstallationError, match=f"installation {instance} lives in '{tmp_path}/one'"):
        found(tmp_path / "two", blueprint, **shared)
    for host in ("two", "three"):  # workers of a Temporal of your own share it from any host
        (tmp_path / host).mkdir(exist_ok=True)
        assert take_stock(parts_of(tmp_path / host, blueprint, **shared)).installation == instance
        require_own_store(parts_of(tmp_path / host, blueprint, **shared))
    (tmp_path / "two" / ENDPOINTS_FILE).write_text(UP.model_dump_json())
    with pytest.raises(OtherInstallationError, match="lives in"):
        require_own_store(parts_of(tmp_path / "two", blueprint, **shared))


def test_a_copy_is_not_said_to_have_moved_while_the_first_is_there(
    first: Path,
    copy: Path,
    blueprint: Path,  # noqa: F811 - fixture
) -> None:
    with pytest.raises(OtherInstallationError, match=f"its data dir {str(first)!r} is still there"):
        found(copy, blueprint, moved=True)


def test_a_backup_put_back_after_the_first_was_lost_goes_on_with_one_word(
    first: Path,
    copy: Path,
    blueprint: Path,  # noqa: F811 - fixture
) -> None:
    instance = found(first, blueprint)
    shutil.rmtree(first)
    with pytest.raises(OtherInstallationError, match="--moved"):
        found(copy, blueprint)
    assert found(copy, blueprint, moved=True) == instance
    assert found(copy, blueprint) == instance, "said once"
    require_own_store(parts_of(copy, blueprint))


def test_a_copy_at_the_place_of_the_first_is_known(first: Path, copy: Path, blueprint: Path) -> None:  # noqa: F811
    """Somebody moves the first aside and works with a copy at its path: they must not both be it."""
    first.rename(first.parent / "aside")
    copy.rename(first)
    with pytest.raises(OtherInstallationError, match="lives in the folder that was here before"):
        found(first, blueprint)
    assert found(first.parent / "aside", blueprint)


def test_a_data_dir_that_was_moved_is_itself_and_its_new_path_is_told(first: Path, blueprint: Path) -> None:  # noqa: F811
    moved = first.parent / "moved"
    first.rename(moved)
    require_own_store(parts_of(moved, blueprint))
    found(moved, blueprint)
    recorded = parts_of(moved, blueprint).installation.home()
    assert recorded == home_of(moved)
    (first.parent / "link").symlink_to(moved)
    assert home_of(first.parent / "link") == recorded


def test_only_the_store_of_a_backup_in_a_fresh_folder_is_a_copy_too(
    first: Path,
    tmp_path: Path,
    blueprint: Path,  # noqa: F811 - fixture
) -> None:
    (tmp_path / "fresh").mkdir()
    shutil.copy(first / "store.db", tmp_path / "fresh")
    with pytest.raises(OtherInstallationError, match="--moved"):
        found(tmp_path / "fresh", blueprint)
    first.rename(tmp_path / "lost")
    assert found(tmp_path / "fresh", blueprint, moved=True)


def test_the_same_number_on_another_file_system_is_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Volumes begin with the same numbers: the first is there under its own path, and is not this one."""
    recorded, here = Home(path=str(tmp_path / "a"), inode=2), Home(path=str(tmp_path / "b"), inode=2)
    monkeypatch.setattr(home, "_number_at", lambda _: 2)
    monkeypatch.setattr(home.Path, "samefile", lambda *_: False)
    assert not home._is_there(recorded, here)
    monkeypatch.setattr(home.Path, "samefile", lambda *_: True)  # mounted twice
    assert home._is_there(recorded, here)
