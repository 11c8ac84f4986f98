"""What the store promises of conversations, on any database."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from adapters.store import Store
from adapters.store.tables import replies
from domain.case import CaseState
from domain.conversations.threads import Sign, ThreadSigns, new_message_id
from domain.money.approval import Standing
from domain.money.records import OpenRequest
from domain.words_to_people import WordToPeople
from ports.store import QueuedLetter, Reply, StoredCase
from tests.contracts.store_samples import (
    NOW,
    approval_request,
    approval_result,
    big_action,
    case_input,
    outcome,
    stored_case,
)

ASKED = "case/shop/e1/question/1"


def letter(key: str = ASKED, case_id: str = "case/shop/e1", **fields: object) -> Reply:
    values = {"key": key, "case_id": case_id, "to": "ann@example.com", "subject": "Re", "text": "Which?", **fields}
    return Reply.model_validate({"message_id": new_message_id("shop.example"), **values})


def later(name: str = "e9", tenant: str = "default", **signs: object) -> StoredCase:
    return stored_case(name, case=case_input(name, tenant=tenant), signs=ThreadSigns.model_validate(signs))


def found(store: Store, stored: StoredCase) -> list[tuple[str, Sign]]:
    return [(case.case_id, case.sign) for case in store.cases.earlier_cases(stored)]


class ConversationContract:
    """Letters by their ids, messages by their signs, tokens of several messages."""

    def test_a_message_without_signs_finds_nothing(self, store: Store) -> None:
        store.cases.admit([stored_case(message_id="m1@x.example", thread_id="t1")])
        assert found(store, later()) == []

    def test_every_sign_finds_its_case_and_nothing_else(self, store: Store) -> None:
        store.cases.admit([stored_case(message_id="m1@x.example", thread_id="t1"), stored_case("e2")])
        asked = letter()
        assert store.cases.queue_letter(asked, 0) == QueuedLetter()
        mark = store.cases.load("case/shop/e1").mark
        e1 = "case/shop/e1"
        assert found(store, later(references=["none@x.example", asked.message_id])) == [(e1, Sign.LETTER)]
        assert found(store, later(references=["m1@x.example"])) == [(e1, Sign.OWN_MAIL)]
        assert found(store, later(marks=[mark])) == [(e1, Sign.MARK)]
        assert found(store, later(thread_id="t1")) == [(e1, Sign.THREAD)]
        for nothing in ({"references": ["t1"]}, {"marks": ["HG-ZZZZZZZZZZ"]}, {"thread_id": "m1@x.example"}):
            assert found(store, later(**nothing)) == []

    def test_another_tenant_and_another_source_have_conversations_of_their_own(self, store: Store) -> None:
        store.cases.admit([stored_case(message_id="m1@x.example", thread_id="t1")])
        asked = letter()
        store.cases.queue_letter(asked, 0)
        signs = {"references": [asked.message_id, "m1@x.example"], "thread_id": "t1"}
        assert found(store, later(tenant="other", **signs)) == []
        other = later(thread_id="t1")
        moved = other.model_copy(update={"case": other.case.model_copy(update={"source": "mail"})})
        assert found(store, moved) == []

    def test_who_wrote_an_earlier_case_is_told_and_what_became_of_it(self, store: Store) -> None:
        case = case_input("e1").model_copy(update={"customer_id": "C-1"})
        store.cases.admit([stored_case("e1", case=case, message_id="m1@x.example")])
        store.cases.close(outcome().model_copy(update={"passed_to": "case/shop/root"}), None)
        [earlier] = store.cases.earlier_cases(later(references=["m1@x.example"]))
        assert (earlier.speaker.address, earlier.speaker.customer_id) == ("ann@example.com", "C-1")
        assert (earlier.ended, earlier.passed_to) == (True, "case/shop/root")

    def test_every_case_has_a_mark_of_its_own_that_stays(self, store: Store) -> None:
        store.cases.admit([stored_case(name, mark=None) for name in ("e1", "e2")])
        marks = [store.cases.load(f"case/shop/{name}").mark for name in ("e1", "e2")]
        assert None not in marks
        assert len(set(marks)) == 2
        store.cases.admit([stored_case("e1", mark=None)])
        assert store.cases.load("case/shop/e1").mark == marks[0]

    def test_a_letter_is_queued_once_and_the_last_one_has_an_id_too(self, store: Store) -> None:
        store.cases.admit([stored_case()])
        first, again = letter(in_reply_to="m1@x.example"), letter(text="another text")
        store.cases.queue_letter(first, 0)
        store.cases.queue_letter(again, 0)
        last = letter("case/shop/e1/reply")
        store.cases.close(outcome(), last)
        with store.database.reading() as connection:
            kept = connection.execute(sa.select(replies).order_by(replies.c.key)).all()
        assert [(row.text, row.message_id, row.in_reply_to) for row in kept] == [
            ("Which?", first.message_id, "m1@x.example"),
            ("Which?", last.message_id, None),
        ]

    def test_a_case_that_has_ended_asks_nothing(self, store: Store) -> None:
        store.cases.admit([stored_case()])
        ended = outcome(state=CaseState.DEAD_LETTERED)
        store.cases.close(ended, None)
        assert store.cases.queue_letter(letter(), 0) == QueuedLetter(ended=ended)
        assert store.reports.counts().replies == 0
        assert store.cases.queue_letter(letter(), 1) == QueuedLetter()

    def test_the_letters_of_a_case_are_listed_in_order(self, store: Store) -> None:
        store.cases.admit([stored_case()])
        store.cases.queue_letter(letter(), 0)
        store.cases.close(
            outcome().model_copy(update={"closed_at": NOW + timedelta(days=900)}), letter("case/shop/e1/reply")
        )
        listed = store.reports.letters("case/shop/e1")
        assert [each.key for each in listed] == [ASKED, "case/shop/e1/reply"]
        assert store.reports.letters("case/shop/e2") == []

    # --- tokens and texts ---

    def test_the_vault_takes_the_tokens_of_further_messages(self, store: Store) -> None:
        store.cases.admit([stored_case()])
        names = store.cases.merge_vault("case/shop/e1", {"[NAME_1]": "Zoë \ud83d\udca1", "[NAME_2]": "Ann"})
        assert names == {"[NAME_1]": "[NAME_2]", "[NAME_2]": "[NAME_1]"}
        assert store.cases.load("case/shop/e1").vault == {"[NAME_1]": "Ann", "[NAME_2]": "Zoë 💡"}
        assert store.cases.merge_vault("case/shop/e1", {"[NAME_1]": "Ann"}) == {"[NAME_1]": "[NAME_1]"}
        with pytest.raises(KeyError, match="never admitted"):
            store.cases.merge_vault("case/shop/none", {})

    def test_many_messages_at_once_lose_no_token(self, store: Store) -> None:
        store.cases.admit([stored_case(vault={})])
        together = threading.Barrier(6)

        def merge(number: int) -> str:
            together.wait()
            return store.cases.merge_vault("case/shop/e1", {"[NAME_1]": f"Name {number}"})["[NAME_1]"]

        with ThreadPoolExecutor(6) as pool:
            tokens = list(pool.map(merge, range(6)))
        vault = store.cases.load("case/shop/e1").vault
        assert [vault[token] for token in tokens] == [f"Name {n}" for n in range(6)]

    def test_a_replay_begins_with_what_the_customer_answered(self, store: Store) -> None:
        store.cases.admit([stored_case()])
        talked = case_input().model_copy(update={"answers": ["ORD-1"], "answered_by": ["case/shop/e2"]})
        store.cases.keep_input(talked)
        store.cases.keep_input(talked)
        store.cases.close(outcome(state=CaseState.DEAD_LETTERED), None)
        replay = store.cases.set_replay("case/shop/e1", 1)
        assert (replay.answers, replay.replay) == (["ORD-1"], 1)
        store.cases.keep_input(case_input())  # a late word of the run before
        assert store.cases.load("case/shop/e1").case.answers == ["ORD-1"]

    # --- the same request twice ---

    def test_a_pending_approval_of_another_case_about_the_order_is_seen(self, store: Store) -> None:
        def elsewhere(
            customer: str = "C-1", order: str = "ORD-2", case: str = "case/shop/e2", hours: float = 0
        ) -> str | None:
            account = store.records.find_account(
                tenant="default",
                customer_id=customer,
                sender_email=None,
                order_id=order,
                now=NOW + timedelta(hours=hours),
                case_id=case,
            )
            return account.open_elsewhere

        def waiting(customer: str = "C-1") -> list[OpenRequest]:
            account = store.records.find_account(
                tenant="default",
                customer_id=customer,
                sender_email=None,
                order_id=None,
                now=NOW,
                case_id="case/shop/e2",
            )
            return account.open_requests

        assert elsewhere() is None
        asked = approval_request(big_action()).model_copy(update={"reason": "not_received"})
        store.ledger.announce(asked, NOW)
        assert elsewhere() == "case/shop/e1"
        again = stored_case("e7", sender_email="ann@example.com")
        store.cases.admit([stored_case("e1", sender_email="ann@example.com")])

        def about(stored: StoredCase, text: str = "ord 2 was found") -> list[str]:
            case = stored.case.model_copy(update={"text": text, "customer_id": "C-1"})
            return store.cases.asked_about(stored.model_copy(update={"case": case}))

        assert about(again) == about(again.model_copy(update={"sender_email": None})) == ["case/shop/e1"]
        assert about(again, "ORD-1 was found") == []
        assert about(again.model_copy(update={"sender_email": "eve@x.example"})) == []
        [open_one] = waiting()  # whichever order is named
        assert (open_one.case_id, open_one.order_id, open_one.reason) == ("case/shop/e1", "ORD-2", "not_received")
        assert open_one.money == asked.action.money
        assert waiting("C-2") == []
        assert elsewhere(case="case/shop/e1") is None  # its own
        assert elsewhere(order="ORD-1") is None
        assert elsewhere(hours=2) is None  # its time is up
        store.ledger.record_approval(asked, approval_result(asked, Standing.REJECTED))
        assert elsewhere() is None

    def test_an_older_case_of_the_sender_that_may_take_the_wish_back_is_seen(self, store: Store) -> None:
        def before(order: str = "ORD-1", case: str = "case/shop/new") -> list[str]:
            account = store.records.find_account(
                tenant="default", customer_id="C-1", sender_email=None, order_id=order, now=NOW, case_id=case
            )
            return account.before_people

        def admit(name: str, text: str, minutes: int, sender: str = "ann@example.com") -> None:
            made = stored_case(name, sender_email=sender)
            at = NOW + timedelta(minutes=minutes)
            case = made.case.model_copy(update={"text": text, "received_at": at})
            store.cases.admit([made.model_copy(update={"case": case})])

        def called(case_id: str, why: str) -> None:
            word = WordToPeople(
                word_id=f"{case_id}/lane/0.1/0", kind="arrival", case_id=case_id, subject="s", text=why, at=NOW
            )
            store.words.add(word)

        admit("back", "Please do not refund ORD-1.", 0)
        admit("other", "Please do not refund ORD-3.", 0)
        admit("asks", "Where is ORD-1?", 0)
        admit("eve", "Please do not refund ORD-1.", 0, "eve@x.example")
        admit("new", "Please refund ORD-1.", 1)
        admit("later", "Please do not refund ORD-1.", 2)
        assert before() == []  # nobody was called yet
        for name in ("back", "other", "eve", "later"):
            called(f"case/shop/{name}", "human: not wanted now; becomes a dead letter at …")
        called("case/shop/asks", "no article explains it")
        assert before() == ["case/shop/back"]
        assert before(order="ORD-2") == []
        assert before(case="case/shop/unknown") == []
        store.cases.close(outcome("back"), None)
        assert before() == []

    def test_a_pending_approval_of_another_customer_says_nothing(self, store: Store) -> None:
        """The order went to somebody else since."""
        asked = approval_request(big_action()).model_copy(update={"requester": "C-2"})
        store.ledger.announce(asked, NOW)
        account = store.records.find_account(
            tenant="default", customer_id="C-1", sender_email=None, order_id="ORD-2", now=NOW, case_id="case/shop/e2"
        )
        assert account.order is not None
        assert account.open_elsewhere is None
