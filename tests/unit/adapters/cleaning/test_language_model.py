"""Which of two opinions on a message's language counts; the model of the second one where it is installed."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.cleaning.cleaner import DocumentCleaner
from adapters.cleaning.language import MAX_CHARS, guess_language, language_of
from adapters.cleaning.language_codes import surest
from adapters.cleaning.language_model import LANGUAGE, LidModel
from adapters.weights.manifest import local_model
from adapters.weights.shelf import Shelf
from bench.mails.languages import messages
from domain.errors import ConfigurationError
from tests.fakes.blueprint import WORDS
from tests.unit.adapters.weights.installed import shelf_with

ENGLISH = "Where is my refund? I have been charged twice"
CHINESE = "我的退款在哪里"


class Said:
    """Says always the same, and keeps what it was asked."""

    def __init__(self, code: str, sure: float) -> None:
        self.answer = code, sure
        self.asked: list[str] = []

    def judge(self, text: str) -> tuple[str, float]:
        self.asked.append(text)
        return self.answer


@pytest.mark.parametrize(
    ("text", "code", "sure", "told"),
    [
        (ENGLISH, "de", 0.99, "en"),  # the first opinion knows both
        (ENGLISH, "fi", 0.79, "en"),
        (ENGLISH, "fi", 0.81, "fi"),
        (ENGLISH, "und", 0.81, "und"),  # a language that has no code is not English either
        (CHINESE, "fi", 0.99, "zh"),
        ("ok", "fi", 0.59, "und"),
        ("ok", "fi", 0.61, "fi"),
        ("ok", "de", 0.61, "de"),
        ("", "und", 0.0, "und"),
    ],
)
def test_which_opinion_counts(text: str, code: str, sure: float, told: str) -> None:
    assert language_of(text, Said(code, sure)) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("En ole saanut rahojani takaisin, vaikka palautin lampun kolme viikkoa sitten.", "fi"),
        ("A megrendelt lámpa törötten érkezett, és szeretném visszakapni a pénzemet.", "hu"),
        ("Поръчката пристигна счупена и искам да ми върнете парите възможно най-бързо.", "bg"),
        ("Boolescher Wert (True oder False)", "de"),  # Luxembourgish at .89
        ("আমার অর্ডার ভাঙা এসেছে, আমি টাকা ফেরত চাই।" * 60, "bn"),  # none of the 22 has any chance left
        ("我的退款在哪里 En ole saanut rahojani", "zh"),
        ("x" * 4_000, "und"),
        ("", "und"),
    ],
)
def test_another_language_than_the_22_is_told_where_it_is_plain(text: str, told: str) -> None:
    assert guess_language(text) == told


def test_chances_of_one_language_add_up_and_one_without_a_code_is_none() -> None:
    assert surest([("arz", 0.4), ("ary", 0.2), ("fa", 0.4)]) == ("ar", pytest.approx(0.6))
    assert surest([("kab", 0.9), ("fr", 0.1)]) == ("und", 0.9)


def test_without_a_second_opinion_the_first_one_stands() -> None:
    assert [language_of(text) for text in (ENGLISH, CHINESE, "ok")] == ["en", "zh", "und"]


def test_a_language_that_is_given_is_asked_of_nobody() -> None:
    second = Said("fi", 1.0)
    cleaner = DocumentCleaner(WORDS.mail, languages=second)
    assert cleaner.clean(subject="", text="ok", html=None, lang="de-AT").lang == "de"
    assert not second.asked
    assert cleaner.clean(subject="Hi", text="ok " * 9_000, html=None, lang=None).lang == "fi"
    assert [len(text) for text in second.asked] == [MAX_CHARS]


def test_a_file_that_differs_is_not_loaded(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    place = shelf.place_of(local_model(LANGUAGE))
    place.mkdir()
    (place / "lid.176.ftz").write_bytes(b"junk")
    with pytest.raises(ConfigurationError, match=r"is not loaded: sha256 .*headgate models install language"):
        LidModel(shelf)


def test_without_room_for_a_copy_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = shelf_with(LANGUAGE)

    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adapters.cleaning.language_model.tempfile.NamedTemporaryFile", full)
    with pytest.raises(ConfigurationError, match="No space left on device; it needs 1 MB in"):
        LidModel(shelf)


@pytest.fixture(scope="module")
def model() -> LidModel:
    return LidModel(shelf_with(LANGUAGE))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Kde jsou moje peníze? Zaplatil jsem fakturu dvakrát.", "cs"),
        ("Missä rahani ovat? Maksoin laskun kahdesti.", "fi"),
        ("Hol van a pénzem? Kétszer fizettem ki a számlát.", "hu"),
        ("Unde sunt banii mei? Am plătit factura de două ori.", "ro"),
        ("Где мои деньги? Я заплатил дважды.", "ru"),
        ("বিলটি দুবার পরিশোধ করেছি", "bn"),
        ("Tiền của tôi đâu? Tôi đã thanh toán hóa đơn hai lần.", "vi"),
        ("Grüezi, mini Rechnig isch zwöimal abbuecht worde", "de"),  # no code of its own
    ],
)
def test_languages_beyond_the_22_and_dialects_have_codes(model: LidModel, text: str, code: str) -> None:
    assert model.judge(text)[0] == code
    assert language_of(text, model) == code


@pytest.mark.parametrize("text", ["", " \n\t", "4711 / 0815", "…", "😀" * 50])
def test_what_has_no_letters_is_no_language(model: LidModel, text: str) -> None:
    assert model.judge(text) == ("und", 0.0)


@pytest.mark.parametrize(
    "text",
    ["\ud800 half a character", "two\nlines\r\nof\x0bwords", "a\x00b", "x" * 100_000, "</s> __label__fi", "漢" * 4_000],
)
def test_whatever_comes_has_an_answer(model: LidModel, text: str) -> None:
    code, sure = model.judge(text)
    assert len(code) in (2, 3)
    assert 0 <= sure <= 1.01  # it adds up floats


def test_threads_share_it(model: LidModel) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(model.judge, [ENGLISH] * 2_000)) == {model.judge(ENGLISH)}


def test_no_message_that_was_told_right_is_told_wrong(model: LidModel, eval_data: Path) -> None:
    """Real messages, English, German and Arabic: only what was undecided may change, and it changes for the better."""
    rows = [row for group in messages(eval_data).values() for row in group]
    changed: Mapping[str, tuple[str, str, str]] = {
        text: (lang, first, both)
        for lang, text in rows
        if (first := guess_language(text)) != (both := language_of(text, model))
    }
    assert len(changed) >= 15
    assert {text: said for text, said in changed.items() if said[0] != said[2] or said[1] != "und"} == {}
