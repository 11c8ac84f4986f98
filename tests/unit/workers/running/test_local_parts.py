"""Which models on this machine a process uses is what its settings say."""

from pathlib import Path

import pytest

from adapters.cleaning.names.model import NAMES
from adapters.embedding.hashed import HashedEmbedder
from adapters.embedding.minilm import MINILM, MiniLMEmbedder
from domain.errors import ConfigurationError
from tests.unit.adapters.weights.installed import shelf_with
from workers.bootstrap import Parts
from workers.config.settings import Settings

LETTER = "I spoke with Fletcher Turcotte yesterday."


def parts_with(data_dir: Path, **settings: str) -> Parts:
    return Parts(Settings.model_validate({"data_dir": data_dir, **settings}))


def cleaned(parts: Parts) -> str:
    return parts.cleaner.clean(subject="", text=LETTER, html=None, lang="en").text


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.usefixtures("nothing_installed")
def test_without_models_there_is_an_embedder_and_names_stay(tmp_path: Path) -> None:
    parts = parts_with(tmp_path, embedder="auto", names="auto")
    assert isinstance(parts.embedder, HashedEmbedder)
    assert cleaned(parts) == LETTER


@pytest.mark.usefixtures("nothing_installed")
def test_what_is_required_and_not_there_is_an_error_that_names_the_remedy(tmp_path: Path) -> None:
    parts = parts_with(tmp_path, embedder="minilm", names="required")
    with pytest.raises(ConfigurationError, match="headgate models install minilm"):
        _ = parts.embedder
    with pytest.raises(ConfigurationError, match="headgate models install names"):
        _ = parts.cleaner


def test_what_is_installed_is_used_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    for name in (MINILM, NAMES):
        shelf_with(name)
    parts = parts_with(tmp_path, embedder="auto", names="auto")
    assert isinstance(parts.embedder, MiniLMEmbedder)
    assert cleaned(parts) == "I spoke with [NAME_1] yesterday."
    without = parts_with(tmp_path, embedder="hashed", names="off")
    assert isinstance(without.embedder, HashedEmbedder)
    assert cleaned(without) == LETTER
