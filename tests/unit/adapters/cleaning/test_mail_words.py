"""The generated mails: no word of a sender is lost, and none of another's is taken for it.

`headgate bench mails` makes a thousand of them; here are fewer, of the same kinds.
"""

import email
import email.policy
import importlib.util
from collections import Counter

import pytest

from bench.mails import measure
from bench.mails.envelope import Letter
from bench.mails.generate import CLIENTS, SEED, letters
from bench.mails.measure import Score, bench_mails, ours, score
from bench.mails.vocabulary import TONGUES

COUNT = 6 * len(CLIENTS)


@pytest.fixture(scope="module")
def mails() -> list[Letter]:
    return list(letters(COUNT))


def test_the_same_seed_makes_the_same_mails_and_another_others(mails: list[Letter]) -> None:
    assert [letter.raw for letter in letters(40)] == [letter.raw for letter in mails[:40]]
    assert next(letters(1, SEED + 1)).raw != mails[0].raw


def test_there_are_many_kinds_and_charsets(mails: list[Letter]) -> None:
    kinds, charsets = Counter(letter.kind for letter in mails), {letter.charset for letter in mails}
    assert set(kinds.values()) == {COUNT // len(CLIENTS)}
    assert len(charsets) >= 15
    assert charsets <= {tongue.label for tongue in TONGUES}


def test_whose_words_they_are_is_never_in_doubt(mails: list[Letter]) -> None:
    for letter in mails:
        assert letter.own
        assert not letter.own & letter.foreign


def test_what_is_counted_stands_in_the_mail(mails: list[Letter]) -> None:
    """The standard library finds each word in some part, where it reads the charset as the mail was written."""
    for letter in (one for one in mails if one.charset == "utf-8"):
        parts = email.message_from_bytes(letter.raw, policy=email.policy.default).walk()
        texts = [part.get_content() for part in parts if part.get_content_maintype() == "text"]
        there = " ".join(texts).casefold().replace(" \n", "").replace(" \r\n", "")
        assert [word for word in letter.own if word.casefold() not in there] == []


def test_no_word_of_a_sender_is_lost_and_none_of_others_is_decided_on(mails: list[Letter]) -> None:
    total = score(ours(), mails)
    assert (total.lost, total.failed) == (0, 0), total.troubles
    assert total.wrong_unasked == 0, total.troubles
    assert total.wrong / total.foreign < 0.1


def test_a_person_is_asked_only_where_nothing_tells_whose_words_are_whose(mails: list[Letter]) -> None:
    read = ours()
    assert {letter.kind for letter in mails if read(letter.raw)[1]} == {"answers_in_red", "back_without_marks"}


def test_a_reader_that_keeps_everything_or_nothing_is_found_out(mails: list[Letter]) -> None:
    everything = {letter.raw: " ".join(letter.own | letter.foreign) for letter in mails}
    kept = score(lambda raw: (everything[raw], False), mails)
    assert (kept.lost, kept.wrong, kept.wrong_unasked) == (0, kept.foreign, kept.foreign)
    nothing = score(lambda raw: ("", True), mails)
    assert (nothing.lost, nothing.wrong, nothing.asked) == (nothing.own, 0, len(mails))

    def broken(raw: bytes) -> tuple[str, bool]:
        raise LookupError(raw[:5])

    assert score(broken, mails).failed == len(mails)


def test_readers_that_are_not_installed_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "READERS", {"nobody": ("no_such_module", ours), "Headgate": ("adapters", ours)})
    found = bench_mails(count=len(CLIENTS))
    assert "no module no_such_module" in str(found["nobody"])
    assert isinstance(found["Headgate"], dict)
    assert found["Headgate"]["words of the sender lost"] == 0


@pytest.mark.parametrize("name", [name for name in measure.READERS if name != "Headgate"])
def test_other_readers_lose_more(name: str, mails: list[Letter]) -> None:
    module, make = measure.READERS[name]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{name} is not installed")
    assert score(make(), mails).lost > 0


def test_figures_are_shares_of_what_was_there() -> None:
    total = Score()
    total.add(Letter("x", "utf-8", b"", frozenset({"one", "two"}), frozenset({"three", "four"})), "One three", False)
    figures = total.figures()
    assert (figures["words of the sender kept"], figures["share of others' words kept"]) == (0.5, 0.5)
    assert total.troubles == {"x": 1}
