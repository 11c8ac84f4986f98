"""What a model found is replaced as other personal data is; the model itself where it is installed."""

from pathlib import Path

import pytest

from adapters.cleaning.cleaner import DocumentCleaner
from adapters.cleaning.names.model import MAX_HEAD, NAMES, NameModel
from adapters.weights.manifest import local_model
from adapters.weights.shelf import Shelf
from domain.errors import ConfigurationError
from domain.inbound.cleaned import CleanDocument, restore
from ports.cleaner import NameFinder
from tests.fakes.blueprint import WORDS
from tests.unit.adapters.weights.installed import shelf_with


class FoundNames:
    """Finds the names that it was told, and keeps what it was shown."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.shown = ""

    def names_in(self, text: str) -> list[str]:
        self.shown = text
        return self.names


def cleaned(finder: NameFinder | None, text: str, subject: str = "", **known: str) -> CleanDocument:
    return DocumentCleaner(WORDS.mail, finder).clean(subject=subject, text=text, html=None, lang="en", known=known)


def test_a_name_is_one_token_wherever_it_stands_and_comes_back() -> None:
    text = "Sophie Lang was told by Neil that Sophie would call. Write to sophie.lang@example.com, not to Langley."
    document = cleaned(FoundNames("Sophie", "Sophie Lang", "Neil"), text, subject="For Neil")
    assert document.text == (
        "[NAME_2] was told by [NAME_1] that [NAME_3] would call. Write to [EMAIL_1], not to Langley."
    )
    assert document.subject == "For [NAME_1]"
    assert restore(document.text, document.vault) == text


def test_the_finder_sees_the_words_and_not_the_tokens() -> None:
    finder = FoundNames()
    cleaned(finder, "Call Ann on +1 202 555 0143", subject="hello")
    assert finder.shown == "hello\n\nCall Ann on +1 202 555 0143"


def test_what_is_known_already_keeps_its_token() -> None:
    document = cleaned(FoundNames("Ann Lee"), "Ann Lee writes, Ann Lee signs", name="Ann Lee")
    assert set(document.vault) == {"[NAME_1]"}


@pytest.mark.parametrize(
    ("text", "stays"), [("Will you call? Mark it urgent.", True), ("Please call me.\nMark", False)]
)
def test_a_word_that_is_a_name_too_is_one_only_at_the_end(text: str, stays: bool) -> None:
    document = cleaned(FoundNames("Will", "Mark"), text)
    assert (document.text == text) is stays


def test_a_token_of_ours_is_never_taken_apart() -> None:
    document = cleaned(FoundNames("NAME", "EMAIL"), "write to ann@example.com")
    assert document.text == "write to [EMAIL_1]"


def test_a_model_that_differs_is_not_loaded(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    place = shelf.place_of(local_model(NAMES))
    place.mkdir()
    for file in local_model(NAMES).files:
        (place / file.name).write_bytes(b"{}")
    with pytest.raises(ConfigurationError, match=r"is not loaded: sha256 .*headgate models install names"):
        NameModel(shelf)


@pytest.fixture(scope="module")
def model() -> NameModel:
    return NameModel(shelf_with(NAMES))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("I spoke with Fletcher Turcotte yesterday and he promised a refund.", ["Fletcher Turcotte"]),
        ("Kind regards\nSophie Lang", ["Sophie Lang"]),
        ("My router does not work since Tuesday, please help.", []),
        ("", []),
        ("\ud800 \U0001f600 한국어 " * 400, []),
        ("x" * 30_000, []),
    ],
)
def test_the_model_finds_names_and_takes_whatever_comes(model: NameModel, text: str, names: list[str]) -> None:
    assert model.names_in(text) == names


def test_the_end_of_a_long_text_counts(model: NameModel) -> None:
    text = "The parcel was wet and the box was open. " * (2 * MAX_HEAD // 40) + "\nKind regards\nSophie Lang"
    assert model.names_in(text) == ["Sophie Lang"]
