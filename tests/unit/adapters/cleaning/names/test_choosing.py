"""Which words of a text are taken for names of people, by what a model thinks of each."""

import re

import pytest

from adapters.cleaning.names import choosing
from adapters.cleaning.names.choosing import MOST_NAMES, JudgedWord, names_among


def judged(text: str) -> tuple[str, list[JudgedWord]]:
    """`Ann/g9 Lee/s8` is Ann, a given name with .9, and Lee, a surname with .8; other words are none."""
    plain, words = "", []
    for piece in re.split(r"([\w'’-]+(?:/[gs]\d+)?)", text):
        word, _, sure = piece.partition("/")
        if sure:
            certainty = float(f".{sure[1:]}")
            given, surname = (certainty, 0.0) if sure[0] == "g" else (0.0, certainty)
            words.append(JudgedWord(len(plain), len(plain) + len(word), given, surname))
        elif re.match(r"\w", word):
            words.append(JudgedWord(len(plain), len(plain) + len(word), 0.01, 0.01))
        plain += word
    return plain, words


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("it was Ann/g9 who called", ["Ann"]),
        ("Ann/g9 Lee/s8 called", ["Ann Lee"]),
        ("Ann/g9 Østrem/s4 called", ["Ann Østrem"]),  # unsure, but right behind a name
        ("ask for N/g8. Farrow/s9", ["N. Farrow"]),
        ("I asked Ann/g9. Bob/g9 answered", ["Ann", "Bob"]),
        ("Ann/g9\nLee/s8 Road", ["Ann"]),  # another line is another thing
        ("Asya/g9 met Asya/g9 Godina/s9", ["Asya", "Asya Godina"]),
        ("hi spencer/g99 help me", ["spencer"]),
        # Not taken:
        ("help with skype/g9 please", []),  # a small word needs more certainty
        ("perhaps Ann/g7 called", []),
        ("a loan of Wells/g8 Bank", []),
        ("Ally/g9 Lending charged me", []),
        ("Ally/g9 Lending charged me. Ally/g9 again", []),
        ("Conn/g9's store sold it", []),
        ("the invoice from June/g9", []),
        ("the Monterey/s9 office", []),  # a surname alone
        ("Klarna/g9 took it. Klarna says no. Klarna is rude", []),  # a name in one place of three
        ("", []),
    ],
)
def test_what_is_taken_for_a_name(said: str, names: list[str]) -> None:
    assert names_among(*judged(said)) == names


def test_a_message_full_of_names_ends_somewhere() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    said = ". ".join(f"N{a}{b}/g9" for a in letters for b in letters)
    assert len(names_among(*judged(said))) == MOST_NAMES


def test_a_name_that_stands_often_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def rare(_: str, name: str, __: object) -> bool:
        looked.append(name)
        return False

    monkeypatch.setattr(choosing, "_is_rare", rare)
    text, words = judged("Al/g9,Bo/g9," * 500)
    assert names_among(text, words) == looked == ["Al", "Bo"]
