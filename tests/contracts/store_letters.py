"""What every store promises of letters: not too many to one address, none sent to nobody, and people are told; and of
dead letters: each is found, an edit is kept beside what came in, and people are told of all of them.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.store import Store
from adapters.store.tables import replies
from domain.case import CaseOutcome, CaseState
from domain.dead_letters.choosing import Cursor, LetterFilter
from domain.dead_letters.editing import LetterEdit
from domain.deadletter import DeadLetter
from domain.errors import FailureKind, ImpossibleError, TransientError
from ports.store import Renewed, Reply
from tests.contracts.store_samples import NOW, case_input, outcome, stored_case

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


def died(
    name: str, *, kind: FailureKind = FailureKind.TRANSIENT, step: str = "route", at: datetime = NOW, number: int = 1
) -> DeadLetter:
    case_id = f"case/shop/{name}"
    return DeadLetter(
        dead_letter_id=f"{case_id}/dead/{number}", case_id=case_id, source="shop", step=step, kind=kind,
        last_error="away", payload_ref=f"store:cases/{case_id}", blueprint_version="x", at=at,
    )  # fmt: skip


def buried(store: Store, name: str, **fields: Any) -> str:
    store.cases.admit([stored_case(name)])
    store.cases.close(outcome(name, state=CaseState.DEAD_LETTERED), None)
    letter = died(name, **fields)
    store.dead_letters.bury(letter)
    return letter.dead_letter_id


def edit(number: int, by: str = "dana", name: str = "e1") -> LetterEdit:
    return LetterEdit(
        case_id=f"case/shop/{name}", number=number, dead_letter_id=f"case/shop/{name}/dead/1",
        content_type="text/plain", body=b"\x00\xff better", by=by, reason="typo", at=NOW,
    )  # fmt: skip


class DeadLettersForOperatorsContract:
    """How dead letters are chosen, edited and told of."""

    def test_letters_are_chosen_by_each_of_their_fields(self, store: Store) -> None:
        store.cases.admit([stored_case("e9", case=case_input("e9").model_copy(update={"tenant": "acme"}))])
        store.dead_letters.bury(died("e9", at=NOW - timedelta(hours=5)))
        buried(store, "e1", kind=FailureKind.BUG, step="close")
        buried(store, "e2", at=NOW + timedelta(seconds=1))

        def found(**chosen: object) -> list[str]:
            rows = store.dead_letters.list_letters(LetterFilter.model_validate(chosen))
            return [row.letter.case_id.rsplit("/", 1)[1] for row in rows]

        assert found() == ["e9", "e1", "e2"]
        assert found(kinds=["bug"]) == ["e1"]
        assert found(kinds=["transient", "told_to_wait"]) == ["e9", "e2"]
        assert found(tenants=["acme"]) == ["e9"]
        assert found(steps=["close"], sources=["shop"]) == ["e1"]
        assert found(sources=["mail"]) == []
        assert found(since=NOW) == ["e1", "e2"]
        assert found(since=NOW, until=NOW + timedelta(seconds=1)) == ["e1"]
        assert found(case_id="case/shop/e2") == ["e2"]
        assert found(ids=["case/shop/e2/dead/1", "none"]) == ["e2"]
        assert found(statuses=["discarded"]) == []
        assert store.dead_letters.count(LetterFilter()) == [("bug", "shop", 1), ("transient", "shop", 2)]
        assert store.reports.counts().open_letters == {"bug": 1, "transient": 2}

    def test_pages_miss_nothing_and_repeat_nothing_where_all_died_at_once(self, store: Store) -> None:
        ids = sorted(buried(store, f"e{number}") for number in range(7))
        seen, after = [], None
        while rows := store.dead_letters.list_letters(after=after, limit=3):
            seen += [row.letter.dead_letter_id for row in rows]
            store.dead_letters.mark_replayed(rows[0].letter.dead_letter_id, "dana", NOW, "replay/r1")
            after = Cursor(at=rows[-1].letter.at, dead_letter_id=rows[-1].letter.dead_letter_id)
        assert seen == ids

    def test_an_edit_is_kept_beside_what_came_in(self, store: Store) -> None:
        buried(store, "e1")
        before = store.cases.load("case/shop/e1")
        store.dead_letters.edit(edit(1))
        assert store.dead_letters.edits("case/shop/e1") == [edit(1)]
        assert store.dead_letters.edits("case/shop/e2") == []
        assert store.cases.load("case/shop/e1") == before

    def test_of_two_edits_at_once_the_second_is_told(self, store: Store) -> None:
        buried(store, "e1")

        def save(by: str) -> str:
            try:
                store.dead_letters.edit(edit(1, by))
            except ImpossibleError as error:
                return str(error)
            return ""

        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(save, ["ann", "ben", "cid", "dee"]))
        assert said.count("") == 1
        [kept] = store.dead_letters.edits("case/shop/e1")
        assert all(f"{kept.by} edited it at" in why for why in said if why)

    def test_only_what_is_open_and_not_begun_is_edited(self, store: Store) -> None:
        for name in ("e1", "e2"):
            buried(store, name)
        store.cases.set_replay("case/shop/e1", 1)
        store.dead_letters.discard("case/shop/e2/dead/1", reason="spam", by="tom", now=NOW)
        with pytest.raises(ImpossibleError, match="was replayed"):
            store.dead_letters.edit(edit(1))
        with pytest.raises(ImpossibleError, match="is discarded: only open ones"):
            store.dead_letters.edit(edit(1, name="e2"))
        with pytest.raises(KeyError):
            store.dead_letters.edit(edit(1, name="e3"))

    def test_an_edit_and_a_replay_at_once_never_pass_each_other(self, store: Store) -> None:
        for number in range(10):
            buried(store, f"p{number}")

        def both(number: int) -> tuple[bool, bool]:
            def edits() -> bool:
                try:
                    store.dead_letters.edit(edit(1, name=f"p{number}"))
                except ImpossibleError:
                    return False
                return True

            def replays() -> bool:
                try:
                    store.cases.set_replay(f"case/shop/p{number}", 1, Renewed(edits=0))
                except TransientError:
                    return False
                return True

            with ThreadPoolExecutor(2) as pair:
                one, other = pair.submit(edits), pair.submit(replays)
                return one.result(), other.result()

        assert {both(number) for number in range(10)} <= {(True, False), (False, True)}

    def test_letters_buried_at_once_are_all_counted_in_one_word(self, store: Store) -> None:
        store.cases.admit([stored_case(f"p{number}") for number in range(12)])
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda number: store.dead_letters.bury(died(f"p{number}")), range(12)))
        [word] = store.words.untold(10, NOW)
        assert word.data["count"] == "12"

    @pytest.mark.parametrize("told_before", [False, True])
    def test_what_comes_while_a_word_is_sent_and_the_hour_turns_is_told(self, store: Store, told_before: bool) -> None:
        """The word of the next hour is there already, or people were told of that one, too."""
        turn = NOW.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        buried(store, "e1", at=turn - timedelta(seconds=10))
        [first] = store.words.untold(10, turn)
        buried(store, "e2", at=turn - timedelta(seconds=4))
        buried(store, "e3", at=turn + timedelta(seconds=2))
        told, after = 1, turn + timedelta(seconds=5)
        if told_before:
            [second] = [word for word in store.words.untold(10, after) if word.word_id != first.word_id]
            store.words.told([second.word_id], after, {second.word_id: 1})
            told, after = 2, turn + timedelta(hours=1)
        for _ in range(2):  # the answer to the first was lost
            store.words.told([first.word_id], after, {first.word_id: 1})
        [rest] = store.words.untold(10, after)
        assert told + int(rest.data["count"]) == 3
        assert rest.data["since"] == (turn - timedelta(seconds=10)).isoformat()

    def test_what_comes_after_its_word_was_told_waits_for_the_next_hour(self, store: Store) -> None:
        buried(store, "e1")
        [word] = store.words.untold(10, NOW)
        store.words.told([word.word_id], NOW, {word.word_id: 1})
        for name in ("e2", "e3"):
            buried(store, name, at=NOW + timedelta(minutes=1))
        buried(store, "e4", kind=FailureKind.BUG, at=NOW + timedelta(minutes=1))
        soon = store.words.untold(10, NOW + timedelta(minutes=2))
        assert [(w.data["kind"], w.data["count"]) for w in soon] == [("bug", "1")], "a kind that is new is told at once"
        later = store.words.untold(10, NOW + timedelta(hours=1))
        assert {(w.data["kind"], w.data["count"]) for w in later} == {("bug", "1"), ("transient", "2")}
