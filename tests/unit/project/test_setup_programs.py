"""`make setup`: what it finds, what it says when something is missing, and that half a program never counts as one."""

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from domain.errors import ServerProgramMissingError, ServerProgramUnusableError
from workers.machine.temporal_server import (
    CACHE_VARIABLE,
    TEMPORAL_BIN_VARIABLE,
    TEST_SERVER_BIN_VARIABLE,
    cache_dir,
    find_temporal,
    find_test_server,
)

REPOSITORY = Path(__file__).parents[3]
SCRIPTS = REPOSITORY / "scripts"


@pytest.fixture(scope="module")
def servers() -> Iterator[ModuleType]:
    """The part of setup that gets Temporal's programs, imported as setup does it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield importlib.import_module("setup_servers")


@pytest.fixture
def progress(servers: ModuleType) -> ModuleType:
    return sys.modules["setup_progress"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    for variable in (TEMPORAL_BIN_VARIABLE, TEST_SERVER_BIN_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def make_program(path: Path, text: str = "#!/bin/sh\necho temporal version 9\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def a_program(servers: ModuleType, cache: Path, **changes: Any) -> Any:
    def missing() -> Path:
        raise ServerProgramMissingError("not there")

    fields = {
        "title": "test server",
        "find": missing,
        "try_out": lambda path: f"runs: {path.read_text()}",
        "ready": cache / "bin" / "program",
        "ways": {},
        "remedy": "ask somebody",
    }
    return servers.Program(**{**fields, **changes})


# --- finding ---------------------------------------------------------------------------------------------------------


def test_nothing_found_names_make_setup(tmp_path: Path) -> None:
    nowhere = {"PATH": "", CACHE_VARIABLE: str(tmp_path)}
    for find in (find_temporal, find_test_server):
        with pytest.raises(ServerProgramMissingError, match="make setup"):
            find(nowhere)


@pytest.mark.parametrize(
    ("find", "variable"), [(find_temporal, TEMPORAL_BIN_VARIABLE), (find_test_server, TEST_SERVER_BIN_VARIABLE)]
)
def test_a_variable_that_names_no_program_is_not_passed_over(
    tmp_path: Path, find: Callable[..., Path], variable: str
) -> None:
    make_program(tmp_path / "bin" / "temporal")
    make_program(tmp_path / "bin" / "temporal-test-server")
    with pytest.raises(ServerProgramUnusableError, match=rf"{variable} is '/nowhere'"):
        find({variable: "/nowhere", CACHE_VARIABLE: str(tmp_path), "PATH": str(tmp_path / "bin")})


def test_a_file_that_may_not_be_run_is_no_program(tmp_path: Path) -> None:
    make_program(tmp_path / "bin" / "temporal").chmod(0o644)
    with pytest.raises(ServerProgramMissingError):
        find_temporal({"PATH": "", CACHE_VARIABLE: str(tmp_path)})


def test_the_variable_beats_the_path_and_the_path_beats_the_cache(tmp_path: Path) -> None:
    cached = make_program(tmp_path / "cache" / "bin" / "temporal")
    on_path = make_program(tmp_path / "path" / "temporal")
    named = make_program(tmp_path / "mine")
    env = {CACHE_VARIABLE: str(tmp_path / "cache"), "PATH": ""}
    assert find_temporal(env) == cached
    env["PATH"] = str(tmp_path / "path")
    assert find_temporal(env) == on_path
    env[TEMPORAL_BIN_VARIABLE] = str(named)
    assert find_temporal(env) == named


def test_the_cache_is_where_the_desktop_says() -> None:
    assert cache_dir({"XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/headgate")
    assert cache_dir({"XDG_CACHE_HOME": "/xdg", CACHE_VARIABLE: "/mine"}) == Path("/mine")
    assert cache_dir({}) == Path.home() / ".cache" / "headgate"


# --- getting ---------------------------------------------------------------------------------------------------------


def test_when_no_way_works_each_trouble_and_the_remedy_are_said(
    servers: ModuleType, progress: ModuleType, cache: Path
) -> None:
    def fails(text: str) -> Callable[[Path], Path]:
        def get(folder: Path) -> Path:
            raise progress.SetupError(text)

        return get

    ways = {"a download": fails("no network"), "a build": fails("Go is not installed")}
    with pytest.raises(
        progress.SetupError, match=r"(?s)ask somebody.*a download: no network.*a build: Go is not installed"
    ):
        servers.provide(a_program(servers, cache, ways=ways))


def test_a_download_cut_off_half_way_never_counts(servers: ModuleType, progress: ModuleType, cache: Path) -> None:
    def cut_off(folder: Path) -> Path:
        (folder / "program").write_text("ha")
        raise progress.SetupError("connection lost")

    with pytest.raises(progress.SetupError, match="connection lost"):
        servers.provide(a_program(servers, cache, ways={"a download": cut_off}))
    assert list(cache.iterdir()) == []


def test_a_program_that_does_not_start_never_counts_and_the_next_way_is_tried(
    servers: ModuleType, progress: ModuleType, cache: Path
) -> None:
    def gives(text: str) -> Callable[[Path], Path]:
        return lambda folder: make_program(folder / "program", text)

    def try_out(path: Path) -> str:
        if path.read_text() != "good":
            raise progress.SetupError("does not start")
        return "9"

    program = a_program(servers, cache, try_out=try_out, ways={"first": gives("bad"), "second": gives("good")})
    servers.provide(program)
    assert program.ready.read_text() == "good"
    assert os.access(program.ready, os.X_OK)


def test_what_was_tried_once_is_not_tried_again_until_it_changes(
    servers: ModuleType, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = make_program(cache / "mine")
    trials: list[Path] = []

    def try_out(path: Path) -> str:
        trials.append(path)
        return "9"

    program = a_program(servers, cache, find=lambda: found, try_out=try_out)
    servers.provide(program)
    servers.provide(program)
    assert trials == [found]
    make_program(found, "#!/bin/sh\necho another\n")
    servers.provide(program)
    assert trials == [found, found]
    assert "test server: there" in capsys.readouterr().out


def test_a_persons_own_program_that_does_not_run_is_named_not_replaced(
    servers: ModuleType, progress: ModuleType, cache: Path, tmp_path: Path
) -> None:
    def does_not_run(path: Path) -> str:
        raise progress.SetupError("bad CPU")

    own = make_program(tmp_path / "own")
    program = a_program(servers, cache, find=lambda: own, try_out=does_not_run, ways={"a build": pytest.fail})
    with pytest.raises(progress.SetupError, match=rf"(?s){own}.*mend it.*bad CPU"):
        servers.provide(program)


def test_another_program_called_temporal_is_not_taken_for_it(
    servers: ModuleType, progress: ModuleType, tmp_path: Path
) -> None:
    other = make_program(tmp_path / "temporal", "#!/bin/sh\necho time flies\n")
    with pytest.raises(progress.SetupError, match=r"not Temporal's CLI.*'time flies'"):
        servers._try_temporal(other)


@pytest.mark.parametrize(("way", "needs"), [("_build_temporal", "Go"), ("_fetch_test_server", "Java")])
def test_a_missing_tool_is_named(
    servers: ModuleType, progress: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str, needs: str
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(progress.SetupError, match=f"{needs} is not installed"):
        getattr(servers, way)(tmp_path)


def test_a_go_too_old_to_help_itself_is_named(
    servers: ModuleType, progress: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_program(tmp_path / "go", "#!/bin/sh\necho go1.19.8\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(progress.SetupError, match=r"too old: 'go1.19.8', needed is 1.21 or newer"):
        servers._build_temporal(tmp_path)


def test_what_a_cut_off_setup_left_is_removed(servers: ModuleType, cache: Path) -> None:
    (cache / "unfinished-abc").mkdir()
    (cache / "bin").mkdir()
    servers.remove_unfinished()
    assert [path.name for path in cache.iterdir()] == ["bin"]


# --- running ---------------------------------------------------------------------------------------------------------


def test_a_program_that_fails_shows_the_end_of_what_it_said(progress: ModuleType) -> None:
    with pytest.raises(progress.SetupError, match=r"(?s)trying it: failed \(exit code 3\)\n    why it failed"):
        progress.run(["sh", "-c", "echo why it failed; exit 3"], limit_s=60, what="trying it")


def test_a_program_that_takes_too_long_is_ended_with_its_helpers(progress: ModuleType, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    with pytest.raises(progress.SetupError, match=r"not done after 0.3 s"):
        progress.run(["sh", "-c", f"sleep 600 & echo $! > {noted}; wait"], limit_s=0.3, what="waiting")
    helper = int(noted.read_text())
    deadline = time.monotonic() + 10  # a killed process takes a moment to go
    while _lives(helper):
        assert time.monotonic() < deadline, f"{helper} still runs"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_download_from_which_nothing_comes_is_given_up(
    progress: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(progress, "STALLED_AFTER_S", 0.3)
    with pytest.raises(progress.SetupError, match=r"nothing has come for 0.3 s"):
        progress.run(["sleep", "600"], limit_s=60, what="download", growing=tmp_path)


def test_a_second_setup_waits_for_the_first(
    progress: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(progress, "LOCK_LIMIT_S", 0.3)
    lock = tmp_path / "setup.lock"
    with (
        progress.one_at_a_time(lock),
        pytest.raises(progress.SetupError, match="another setup has held"),
        progress.one_at_a_time(lock),
    ):
        pytest.fail("two setups at once")
    with progress.one_at_a_time(lock):
        pass


def test_a_python_that_is_too_old_is_told_so_in_one_line(tmp_path: Path) -> None:
    # Old Pythons are not at hand: this one is made to believe that it is one, before setup.py looks.
    run_as_old = f"import sys, runpy; sys.version_info = (3, 9, 2); runpy.run_path({str(SCRIPTS / 'setup.py')!r})"
    answer = subprocess.run([sys.executable, "-c", run_as_old], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith("setup: this is Python 3.9 at ")
    assert "Headgate needs 3.11 or newer" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_setup_reads_nothing_but_the_standard_library_before_the_environment_is_made() -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(SCRIPTS)!r}, {str(REPOSITORY)!r}]; import setup_environment, setup_servers; "
        "files = [getattr(module, '__file__', None) or '' for module in sys.modules.values()]; "
        "print([file for file in files if 'site-packages' in file])"
    )
    answer = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
