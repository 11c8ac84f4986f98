"""Files of models are placed whole and right, or not at all; a wrong one is never loaded."""

import errno
import threading
import time
from pathlib import Path

import pytest

from adapters.weights.manifest import LocalModel
from adapters.weights.shelf import Fetch, Shelf
from domain.errors import ConfigurationError, WeightsError
from tests.unit.adapters.weights.boxes import CONTENT, model_of

MODEL = model_of()


def fetch(_: LocalModel, into: Path) -> None:
    for name, data in CONTENT.items():
        (into / name).write_bytes(data)


def fetch_half(_: LocalModel, into: Path) -> None:
    (into / "weights.bin").write_bytes(CONTENT["weights.bin"][:100])


def fetch_others(_: LocalModel, into: Path) -> None:
    for name in CONTENT:
        (into / name).write_bytes(b"something else")


def fetch_onto_a_full_disk(_: LocalModel, into: Path) -> None:
    (into / "weights.bin").write_bytes(b"we")
    raise OSError(errno.ENOSPC, "No space left on device", str(into / "weights.bin"))


def fetch_interrupted(_: LocalModel, into: Path) -> None:
    (into / "weights.bin").write_bytes(b"we")
    raise KeyboardInterrupt


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


@pytest.mark.parametrize(
    ("failing", "raised", "said"),
    [
        (fetch_half, WeightsError, r"weights\.bin has sha256 .*tokenizer\.json is missing.*nothing was installed"),
        (fetch_others, WeightsError, "expected .*nothing was installed"),
        (fetch_onto_a_full_disk, WeightsError, "No space left on device; free some space, or set HEADGATE_CACHE_DIR"),
        (fetch_interrupted, KeyboardInterrupt, "^$"),
    ],
)
def test_what_fails_places_nothing(tmp_path: Path, failing: Fetch, raised: type[BaseException], said: str) -> None:
    shelf = Shelf(tmp_path)
    with pytest.raises(raised, match=said):
        shelf.install(MODEL, failing)
    assert left_in(tmp_path) == set()
    assert not shelf.look(MODEL).there


@pytest.mark.parametrize("failing", [fetch_half, fetch_onto_a_full_disk])
def test_what_fails_leaves_what_was_there(tmp_path: Path, failing: Fetch) -> None:
    shelf = Shelf(tmp_path)
    shelf.install(MODEL, fetch)
    (shelf.place_of(MODEL) / "weights.bin").write_bytes(b"spoilt")
    with pytest.raises(WeightsError):
        shelf.install(MODEL, failing)
    assert (shelf.place_of(MODEL) / "weights.bin").read_bytes() == b"spoilt"
    assert left_in(tmp_path) == {"tiny-1.0"}


def test_a_file_that_differs_is_never_loaded_and_is_mended_by_an_install(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    assert shelf.install(MODEL, fetch)
    assert shelf.read(MODEL, "weights.bin") == CONTENT["weights.bin"]
    path = shelf.place_of(MODEL) / "weights.bin"
    path.write_bytes(CONTENT["weights.bin"][:-1] + b"?")
    with pytest.raises(ConfigurationError, match=r"is not loaded: sha256 .* run `headgate models install tiny`"):
        shelf.read(MODEL, "weights.bin")
    assert not shelf.look(MODEL).whole
    assert shelf.install(MODEL, fetch)
    assert shelf.read(MODEL, "weights.bin") == CONTENT["weights.bin"]
    assert left_in(tmp_path) == {"tiny-1.0"}


def test_a_longer_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.install(MODEL, fetch)
    (shelf.place_of(MODEL) / "tokenizer.json").write_bytes(b"{}" + b" " * 10_000)
    with pytest.raises(ConfigurationError, match="is not loaded"):
        shelf.read(MODEL, "tokenizer.json")


def test_what_is_not_there_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no file .*run `headgate models install tiny`"):
        Shelf(tmp_path / "nowhere").read(MODEL, "weights.bin")


def test_two_installs_at_once_fetch_once(tmp_path: Path) -> None:
    fetched: list[str] = []
    placed: list[bool] = []

    def slowly(model: LocalModel, into: Path) -> None:
        fetched.append(into.name)
        time.sleep(0.2)
        fetch(model, into)

    installs = [threading.Thread(target=lambda: placed.append(Shelf(tmp_path).install(MODEL, slowly))) for _ in "ab"]
    for one in installs:
        one.start()
    for one in installs:
        one.join()
    assert (len(fetched), sorted(placed)) == (1, [False, True])
    assert Shelf(tmp_path).look(MODEL).whole


def test_what_a_killed_install_left_is_swept(tmp_path: Path) -> None:
    left = tmp_path / ".staging-killed" / "new"
    left.mkdir(parents=True)
    (left / "weights.bin").write_bytes(b"half")
    assert not Shelf(tmp_path).look(MODEL).there
    Shelf(tmp_path).install(MODEL, fetch)
    assert left_in(tmp_path) == {"tiny-1.0"}


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match=r"nothing was installed: .*set HEADGATE_CACHE_DIR"):
        Shelf(tmp_path / "cache").install(MODEL, fetch)


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    precious, models = tmp_path / "precious", tmp_path / "models"
    precious.write_text("mine")
    models.mkdir()
    for target in (precious, tmp_path / "made"):
        (models / ".lock").symlink_to(target)
        with pytest.raises(WeightsError, match=r"\.lock' is a symbolic link; remove it"):
            Shelf(models).install(MODEL, fetch)
        (models / ".lock").unlink()
    assert (precious.read_text(), (tmp_path / "made").exists()) == ("mine", False)


def test_what_stands_in_the_lock_stays(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("mine")
    assert Shelf(tmp_path).install(MODEL, fetch)
    assert (tmp_path / ".lock").read_text() == "mine"
