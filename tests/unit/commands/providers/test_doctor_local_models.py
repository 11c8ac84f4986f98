"""`headgate doctor` names what turns texts into vectors, and what is amiss without the models for messages."""

from pathlib import Path

import pytest

from commands.doctor.local_models import check_embedder, check_language, check_names, check_ocr
from domain.errors import ConfigurationError
from workers.config.settings import Settings
from workers.local_models.installed import open_language_teller, open_name_finder, open_picture_reader


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADGATE_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("HEADGATE_EMBEDDER", "OPENAI_API_KEY", "OPENAI_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


async def test_without_a_model_it_says_how_weak_the_embedder_is() -> None:
    found = await check_embedder(Settings())
    assert found.ok is None
    assert "hashed-ngrams" in found.found
    assert "compares spelling, not meaning" in found.found
    assert "headgate models install minilm" in found.remedy


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"embedder": "minilm"}, "run `headgate models install minilm`"),
        ({"embedder": "openai"}, "set HEADGATE_EMBEDDER_KEY or OPENAI_API_KEY"),
        ({"embedder": "openai", "embedder_url": "http://127.0.0.1:9/v1"}, "APIConnectionError"),
        ({"embedder": "openai", "embedder_url": "localhost:11434"}, "HEADGATE_EMBEDDER_URL is no address"),
        ({"embedder": "openai", "embedder_url": "http://["}, "HEADGATE_EMBEDDER_URL is no address"),
    ],
)
async def test_an_embedder_that_cannot_be_used_is_a_fault(settings: dict[str, str], said: str) -> None:
    found = await check_embedder(Settings.model_validate(settings))
    assert found.ok is False
    assert said in found.found


async def test_a_damaged_model_is_a_fault_and_is_not_used_instead(cache: Path) -> None:
    for place in ("minilm-0.1.0", "names-1.4.0"):
        (cache / "models" / place).mkdir(parents=True)
        (cache / "models" / place / "tokenizer.json").write_text("{}")
    embedder, names = await check_embedder(Settings()), check_names()
    assert (embedder.ok, names.ok) == (False, False)
    assert "headgate models install minilm" in embedder.found
    assert "tokenizer.json has sha256" in names.found


def test_where_names_are_required_their_model_must_be_there() -> None:
    assert check_names("required").ok is False
    with pytest.raises(ConfigurationError, match=r"headgate models install names"):
        open_name_finder("required")
    assert check_names("off").ok is None
    assert open_name_finder("off") is None
    assert open_name_finder("auto") is None


def test_without_the_model_of_names_it_says_what_is_not_found() -> None:
    found = check_names()
    assert found.ok is None
    assert "only names that a record, the sender or a phrase gives" in found.found


def test_where_the_second_opinion_is_required_its_model_must_be_there() -> None:
    assert check_language("required").ok is False
    with pytest.raises(ConfigurationError, match=r"headgate models install language"):
        open_language_teller("required")
    assert check_language("off").found.startswith("HEADGATE_LANGUAGE is off: ")
    assert open_language_teller("off") is None
    assert open_language_teller("auto") is None


def test_without_the_second_opinion_it_says_what_may_be_taken_for_what(cache: Path) -> None:
    found = check_language()
    assert found.ok is None
    assert "told by 22 languages only" in found.found
    assert "headgate models install language" in found.remedy
    (cache / "models" / "language-1.1.0").mkdir(parents=True)
    assert check_language().ok is False
    with pytest.raises(ConfigurationError, match=r"has no file .*headgate models install language"):
        open_language_teller()


def test_without_the_model_of_pictures_it_says_that_they_stay_shut(cache: Path) -> None:
    found = check_ocr()
    assert found.ok is None
    assert "stay shut" in found.found
    assert "headgate models install ocr" in found.remedy
    assert open_picture_reader("auto") is None
    assert open_picture_reader("off") is None
    assert check_ocr("off").found.startswith("HEADGATE_OCR is off: ")
    with pytest.raises(ConfigurationError, match=r"headgate models install ocr"):
        open_picture_reader("required")
    (cache / "models" / "ocr-3.10.0").mkdir(parents=True)
    assert check_ocr().ok is False
    with pytest.raises(ConfigurationError, match=r"det.onnx is missing"):
        open_picture_reader()


def test_a_required_model_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.local_models.installed._missing", list)
    with pytest.raises(ConfigurationError, match=r"HEADGATE_LANGUAGE='required' needs fasttext: .*local-models"):
        open_language_teller("required")
    assert open_language_teller("auto") is None
