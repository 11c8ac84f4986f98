"""`headgate models list`, `install` and `verify`, as somebody types them."""

import json
from pathlib import Path

import pytest

from tests.unit.commands.command_line import run


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a pip that reaches no registry."""
    monkeypatch.setenv("HEADGATE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path / "cache"


def test_the_list_says_what_there_is_and_that_nothing_is_installed() -> None:
    code, out, _ = run("models", "list", "--json")
    assert code == 0
    models = {model["name"]: model for model in json.loads(out)["models"]}
    assert models.keys() == {"minilm", "names", "language", "ocr"}
    assert {model["state"] for model in models.values()} == {"not installed"}
    assert models["minilm"]["licence"] == "Apache-2.0"


def test_an_install_offline_fails_in_one_line_and_places_nothing(cache: Path) -> None:
    code, _, err = run("models", "install", "names")
    assert code == 3
    assert "could not be fetched, nothing was installed" in err
    assert [path.name for path in (cache / "models").iterdir()] == [".lock"]


@pytest.mark.parametrize("arguments", [(), ("names", "--all"), ("nix",)])
def test_what_cannot_be_meant_is_usage(arguments: tuple[str, ...], cache: Path) -> None:
    code, _, _ = run("models", "install", *arguments)
    assert code == 2
    assert not cache.exists()


def test_verify_names_the_file_that_differs(cache: Path) -> None:
    assert run("models", "verify")[0] == 0
    assert run("models", "verify", "names")[0] == 1
    place = cache / "models" / "names-1.4.0"
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    code, out, err = run("models", "verify")
    assert code == 1
    assert "config.json has sha256" in out
    assert "headgate models install names" in err
    document = json.loads(run("models", "verify", "--json")[1])
    assert document["good"] is False
