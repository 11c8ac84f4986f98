"""What every store promises of letters: not too many to one address, none sent to nobody, and people are told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from adapters.store import Store
from adapters.store.tables import replies
from domain.case import CaseOutcome
from ports.store import Reply
from tests.contracts.store_samples import NOW, outcome, stored_case

LIMIT = 3


def close(store: Store, name: str, *, at: datetime = NOW, **changes: object) -> CaseOutcome:
    """Close a case with a letter that has a limit; return the ending that stands."""
    store.cases.admit([stored_case(name)])
    values: dict[str, object] = {
        "key": f"case/shop/{name}/reply", "case_id": f"case/shop/{name}", "to": "ann@example.com", "subject": "Re",
        "text": f"Dear Ann, {name}", "kind": "refund_denied", "limit": LIMIT, **changes,
    }  # fmt: skip
    ending = outcome(name).model_copy(update={"closed_at": at, "finding": "deny: not late"})
    return store.cases.close(ending, Reply.model_validate(values))


def queued(store: Store) -> list[str]:
    with store.database.reading() as connection:
        return sorted(key.split("/")[2] for key in connection.execute(sa.select(replies.c.key)).scalars())


def told(store: Store) -> list[str]:
    return [word.subject for word in store.words.untold(10, NOW + timedelta(days=9)) if word.kind == "letter"]


class LetterContract:
    """How many letters an address gets."""

    def test_a_letter_too_many_is_held_back_and_the_ending_says_so(self, store: Store) -> None:
        for number in range(LIMIT):
            assert close(store, f"e{number}").finding == "deny: not late"
        held = close(store, "e9")
        assert queued(store) == ["e0", "e1", "e2"]
        assert held.finding == (
            "deny: not late; its letter (refund_denied) was held back: the address had its letters of a day (3)"
        )
        assert store.cases.ending("case/shop/e9", 0) == held
        assert store.reports.case("case/shop/e9").finding == held.finding
        assert close(store, "e9") == held, "closing again says the same, and queues nothing either"
        assert queued(store) == ["e0", "e1", "e2"]

    def test_people_are_told_once_not_for_every_letter(self, store: Store) -> None:
        for number in range(LIMIT + 4):
            close(store, f"e{number}")
        assert told(store) == ["letters to one address stopped: the address had its letters of a day (3)"]
        [word] = [word for word in store.words.untold(10, NOW) if word.kind == "letter"]
        assert "ann@example.com" not in word.model_dump_json()
        assert word.case_id == "case/shop/e3"

    def test_an_address_is_the_same_however_it_is_written(self, store: Store) -> None:
        for number, to in enumerate(("ANN@example.com", "ann@Example.com", "Ann@Example.Com")):
            close(store, f"e{number}", to=to)
        assert "held back" in close(store, "e9").finding
        assert "held back" not in close(store, "e8", to="bob@example.com").finding

    @pytest.mark.parametrize(("hours", "goes"), [(23.9, False), (24, True)])
    def test_the_next_day_letters_go_again(self, store: Store, hours: float, goes: bool) -> None:
        for number in range(LIMIT):
            close(store, f"e{number}")
        later = close(store, "e9", at=NOW + timedelta(hours=hours))
        assert ("held back" not in later.finding) is goes

    def test_the_same_text_goes_once_in_an_hour(self, store: Store) -> None:
        close(store, "e0", text="Dear Ann")
        assert "the same text" in close(store, "e1", text="Dear Ann", at=NOW + timedelta(minutes=59)).finding
        close(store, "e2", text="Dear Ann", at=NOW + timedelta(minutes=60))
        assert queued(store) == ["e0", "e2"]

    def test_a_case_that_began_again_does_not_repeat_its_question_within_the_hour(self, store: Store) -> None:
        store.cases.admit([stored_case("e1")])

        def ask(key: str, replay: int, text: str = "Which order?") -> str:
            values = {"key": f"case/shop/e1/question/{key}", "case_id": "case/shop/e1", "to": "ann@example.com"}
            letter = Reply.model_validate(
                {**values, "subject": "Re", "text": text, "kind": "details_asked", "limit": LIMIT}
            )
            return store.cases.queue_letter(letter, replay).unsent

        assert ask("1", 0) == ""
        assert "the same text" in ask("2", 0), "in the run that asked it, it was answered in vain"
        assert (ask("r1.1", 1), queued(store)) == ("", ["e1"]), "the customer has it"
        assert (ask("r1.3", 1, "Which colour?"), len(queued(store))) == ("", 2)

    def test_news_of_money_and_decisions_go_whatever_went_before(self, store: Store) -> None:
        for number in range(LIMIT + 2):
            assert "held" not in close(store, f"e{number}", limit=None, kind="refund_paid", text="same").finding
        assert len(queued(store)) == LIMIT + 2
        assert "held back" in close(store, "e9").finding, "they count all the same"

    def test_a_letter_to_nobody_is_kept_and_counts_as_no_reply(self, store: Store) -> None:
        for number in range(LIMIT + 1):
            kept = close(store, f"e{number}", to=None, text="same")
            assert (
                kept.finding
                == f"deny: not late; no address to write to: its letter is kept as case/shop/e{number}/reply"
            )
        assert len(queued(store)) == LIMIT + 1
        assert store.reports.counts().replies == 0
        assert told(store) == ["a letter to a sender of shop has no address to go to"], "once a day for a source"
        close(store, "e9", to=None, at=NOW + timedelta(days=1))
        assert len(told(store)) == 2

    def test_a_person_is_told_each_time_that_nobody_can_be_sent_their_words(self, store: Store) -> None:
        for name in ("e0", "e1"):
            assert "no address to write to" in close(store, name, to=None, kind="person_answer", limit=None).finding
        assert len(told(store)) == 2

    def test_endings_at_the_same_time_do_not_all_believe_that_they_are_the_first(self, store: Store) -> None:
        names = [f"p{number}" for number in range(12)]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda name: close(store, name), names))
        assert len(queued(store)) == LIMIT
