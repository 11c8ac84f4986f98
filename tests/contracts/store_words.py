"""What every store promises of words to people: kept once, told or put off, never lost."""

from datetime import timedelta

import pytest

from adapters.store import Store
from domain.words_to_people import WordToPeople
from ports.reports import WordCounts
from tests.contracts.store_samples import NOW


def word(word_id: str = "w1", **changes: object) -> WordToPeople:
    values: dict[str, object] = {
        "word_id": word_id, "kind": "reminder", "case_id": "case/shop/e1", "subject": "s", "text": "t",
        "data": {"digest": "d"}, "at": NOW, **changes,
    }  # fmt: skip
    return WordToPeople.model_validate(values)


class WordContract:
    """The outbox of words to people."""

    def test_a_word_is_kept_once_and_comes_back_as_it_was(self, store: Store) -> None:
        store.words.add(word())
        store.words.add(word(text="second"))
        assert store.words.untold(10, NOW) == [word()]

    def test_a_word_that_was_told_is_not_told_again(self, store: Store) -> None:
        store.words.add(word())
        store.words.told(["w1"], NOW)
        store.words.add(word())
        assert store.words.untold(10, NOW) == []
        assert store.reports.counts().words == WordCounts(told=1)

    def test_the_oldest_come_first_and_those_refused_last(self, store: Store) -> None:
        for n in (2, 0, 1):
            store.words.add(word(f"w{n}", at=NOW + timedelta(seconds=n)))
        store.words.failed(["w0"], "answered 422", again_at=NOW + timedelta(seconds=4))
        assert [w.word_id for w in store.words.untold(10, NOW)] == ["w1", "w2"]
        later = store.words.untold(10, NOW + timedelta(seconds=4))
        assert [(w.word_id, w.refusals) for w in later] == [("w1", 0), ("w2", 0), ("w0", 1)]
        assert [w.word_id for w in store.words.untold(1, NOW)] == ["w1"]

    def test_an_outage_puts_no_word_off_and_says_why(self, store: Store) -> None:
        store.words.add(word())
        store.words.failed(["w1"], "answered 503")
        assert store.words.untold(10, NOW) == [word()]
        assert store.reports.counts().words == WordCounts(waiting=1, oldest_waiting_at=NOW, last_error="answered 503")
        [fact] = store.audit.read([]).untold
        assert (fact.word_id, fact.tries, fact.last_error) == ("w1", 1, "answered 503")

    def test_what_was_told_cannot_fail_afterwards(self, store: Store) -> None:
        store.words.add(word())
        store.words.told(["w1"], NOW)
        store.words.failed(["w1"], "a second worker was slower", again_at=NOW)
        assert store.reports.counts().words == WordCounts(told=1)

    @pytest.mark.parametrize("text", ["\0", "\ud800", "\x1b[31m\r\n", "\u202e", "x" * 100_000, "\U0001f600"])
    def test_hostile_text_is_kept_as_one_line_of_bounded_length(self, store: Store, text: str) -> None:
        store.words.add(word(subject=f"a{text}b", text=text, data={"step": text}))
        [kept] = store.words.untold(10, NOW)
        assert max(map(len, (kept.subject, kept.text, kept.data["step"]))) <= 1000
        assert all(c.isprintable() for value in (kept.subject, kept.text, kept.data["step"]) for c in value)
