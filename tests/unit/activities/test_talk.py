"""Asking customers and passing on what they write, over the real store."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.actions.close import CloseActivities, CloseRequest
from activities.actions.talk import AskRequest, KeepRequest, PassOnRequest, PassOnResult, TalkActivities, UnreadRequest
from adapters.store import Store
from adapters.store.tables import replies
from domain.blueprint import CasePolicy, ConversationRules
from domain.case import MENDED, WORDLESS, CaseInput
from domain.conversations.threads import marks_in
from domain.conversations.words import WORD_HEAD, CustomerWord, WordTaken
from domain.errors import ToldToWaitError, TransientError
from domain.letters import DetailsAsked, PersonAnswer
from tests.contracts.store_samples import NOW, case_input, outcome, stored_case
from tests.fakes.blueprint import LETTERS
from tests.unit.activities.store_parts import Clock

OLDER, NEWER = "case/shop/a1", "case/shop/a2"
ASK = DetailsAsked(missing=["order_id"], candidate_orders=["ORD-1"])


def talking(name: str, **fields: Any) -> CaseInput:
    policy = CasePolicy(version="v", conversation=ConversationRules())
    return case_input(name).model_copy(update={"policy": policy, "subject": "My lamp", "text": "broken", **fields})


def answer(**fields: Any) -> CaseInput:
    return talking("a2", **{"subject": "Re: My lamp", "text": "It is ORD-1, [NAME_1]", **fields})


@pytest.fixture
def talk(store: Store, clock: Clock) -> TalkActivities:
    store.cases.admit(
        [
            stored_case("a1", case=talking("a1"), message_id="x1@shop.example"),
            stored_case("a2", case=answer(), vault={"[NAME_1]": "Robin"}, message_id="x2@shop.example"),
        ]
    )
    return TalkActivities(store.cases, LETTERS, store.records, store.words, clock)


class Temporal:
    """A client whose cases answer as they are told; `heard` is what they were given."""

    def __init__(self, **answers: WordTaken | Exception) -> None:
        self.answers = answers
        self.heard: list[tuple[str, str, CustomerWord]] = []

    def get_workflow_handle(self, case_id: str) -> "Handle":
        return Handle(self, case_id)


class Handle:
    def __init__(self, temporal: Temporal, case_id: str) -> None:
        self.temporal, self.id = temporal, case_id

    async def execute_update(self, name: str, word: CustomerWord, *, id: str, **_: object) -> WordTaken:  # noqa: A002 - as the SDK has it
        assert name == "customer_wrote"
        self.temporal.heard.append((self.id, id, word))
        told = self.temporal.answers[self.id.rpartition("/")[2]]
        if isinstance(told, Exception):
            raise told
        return told

    async def query(self, name: str, **_: object) -> object:
        raise RPCError("no worker", RPCStatusCode.DEADLINE_EXCEEDED, b"")


async def passed(talk: TalkActivities, temporal: Temporal, **fields: Any) -> PassOnResult:
    request = PassOnRequest(**{"case": answer(), "to": OLDER, **fields})
    environment = ActivityEnvironment(client=temporal)  # type: ignore[arg-type]  # as much of a client as it needs
    return await environment.run(talk.pass_on, request)


def letters(store: Store) -> list[Any]:
    with store.database.reading() as connection:
        return list(connection.execute(sa.select(replies).order_by(replies.c.queued_at, replies.c.key)))


class TestPassingOn:
    @pytest.mark.parametrize("status", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED])
    async def test_while_temporal_is_away_it_is_tried_again(self, talk: TalkActivities, status: RPCStatusCode) -> None:
        with pytest.raises(TransientError):
            await passed(talk, Temporal(a1=RPCError("away", status, b"")))

    async def test_a_case_without_a_workflow_takes_nothing(self, talk: TalkActivities, clock: Clock) -> None:
        clock.now = NOW + timedelta(hours=1)
        result = await passed(talk, Temporal(a1=RPCError("done", RPCStatusCode.NOT_FOUND, b"")))
        assert (result.taken, result.why) == (False, "it has ended")

    async def test_a_case_that_is_just_being_let_in_is_waited_for(self, talk: TalkActivities, store: Store) -> None:
        """Both messages may have waited in the pen, and come in together."""
        unknown = Temporal(a1=RPCError("never started", RPCStatusCode.NOT_FOUND, b""))
        with pytest.raises(ToldToWaitError):
            await passed(talk, unknown)
        store.cases.close(outcome("a1"), None)
        assert not (await passed(talk, unknown)).taken

    async def test_a_case_that_was_never_admitted_is_not_asked(self, talk: TalkActivities) -> None:
        temporal = Temporal()
        result = await passed(talk, temporal, to="case/shop/none")
        assert (result.taken, temporal.heard) == (False, [])

    async def test_that_a_document_came_alone_says_nothing_of_the_case_that_it_answers(
        self, talk: TalkActivities
    ) -> None:
        temporal = Temporal(a1=WordTaken(taken=True))
        await passed(talk, temporal, case=answer(flags=[MENDED, WORDLESS]))
        [(_, _, word)] = temporal.heard
        assert word.flags == [MENDED]

    async def test_a_refusal_says_why(self, talk: TalkActivities) -> None:
        why = ApplicationError("late", WordTaken(taken=False, why="late"), type="NotTaken")
        assert (await passed(talk, Temporal(a1=WorkflowUpdateFailedError(why)))).why == "late"
        bug = WorkflowUpdateFailedError(ApplicationError("unknown update", type="Bug"))
        assert not (await passed(talk, Temporal(a1=bug))).taken

    async def test_cases_that_name_each_other_are_not_asked_for_ever(self, talk: TalkActivities) -> None:
        temporal = Temporal(a1=WordTaken(taken=False, see=OLDER))
        assert not (await passed(talk, temporal)).taken
        assert len(temporal.heard) == 3

    async def test_it_goes_on_to_the_case_that_takes_both(self, talk: TalkActivities, store: Store) -> None:
        store.cases.admit([stored_case("root", case=talking("root"), vault={"[NAME_1]": "Zoe"})])
        temporal = Temporal(a1=WordTaken(taken=False, see="case/shop/root"), root=WordTaken(taken=True))
        assert (await passed(talk, temporal)).by == "case/shop/root"
        assert store.cases.load("case/shop/root").vault == {"[NAME_1]": "Zoe", "[NAME_2]": "Robin"}

    async def test_who_edited_a_message_is_told_to_the_case_that_takes_it(self, talk: TalkActivities) -> None:
        """Otherwise that case would pay by itself, and its editor could approve."""
        temporal = Temporal(a1=WordTaken(taken=True))
        await passed(talk, temporal, case=answer(edited_by=["dana"], flags=["edited"]))
        [(_, _, word)] = temporal.heard
        assert (word.edited_by, word.flags) == (["dana"], ["edited"])

    async def test_the_words_arrive_under_the_answers_id_with_the_tokens_of_the_older_case(
        self, talk: TalkActivities, store: Store
    ) -> None:
        temporal = Temporal(a1=WordTaken(taken=True))
        for _ in range(2):  # its worker died the first time
            assert (await passed(talk, temporal)).taken
        assert [(case_id, update_id) for case_id, update_id, _ in temporal.heard] == [(OLDER, NEWER)] * 2
        assert {word.text for _, _, word in temporal.heard} == {"It is ORD-1, [NAME_2]"}
        assert store.cases.load(OLDER).vault == {"[NAME_1]": "Ann", "[NAME_2]": "Robin"}

    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"subject": "AW: RE: my LAMP"}, "It is ORD-1, [NAME_2]"),
            ({"subject": "Forget it"}, "Forget it\n\nIt is ORD-1, [NAME_2]"),
            ({"subject": ""}, "\n\nIt is ORD-1, [NAME_2]".strip()),
        ],
    )
    async def test_a_subject_of_its_own_is_part_of_what_was_said(
        self, talk: TalkActivities, fields: dict[str, str], text: str
    ) -> None:
        temporal = Temporal(a1=WordTaken(taken=True))
        await passed(talk, temporal, case=answer(**fields))
        assert temporal.heard[0][2].text == text

    async def test_a_long_message_is_cut_and_an_empty_one_is_for_people(self, talk: TalkActivities) -> None:
        temporal = Temporal(a1=WordTaken(taken=True))
        await passed(talk, temporal, case=answer(text="A" * 50_000 + "forget it"))
        await passed(talk, temporal, case=answer(text=" "))
        long, empty = (word for _, _, word in temporal.heard)
        assert len(long.text) < 2 * WORD_HEAD
        assert long.text.endswith("forget it")
        assert (empty.text, empty.unreadable) == ("", "there is nothing readable in it")

    async def test_people_who_wait_are_told_once(self, talk: TalkActivities, store: Store) -> None:
        temporal = Temporal(a1=WordTaken(taken=True, tell="waiting_human-1"))
        for _ in range(3):
            await passed(talk, temporal)
        [word] = store.words.untold(10, NOW)
        assert (word.kind, word.case_id, word.word_id) == ("answer", OLDER, f"{OLDER}/wrote/waiting_human-1")
        assert "Robin" not in word.text + word.subject

    async def test_a_case_that_does_not_answer_whether_it_has_news_is_asked_again(self, talk: TalkActivities) -> None:
        environment = ActivityEnvironment(client=Temporal())  # type: ignore[arg-type]
        with pytest.raises(TransientError):
            await environment.run(talk.unread_words, UnreadRequest(case_id=OLDER))


class TestAsking:
    def ask(self, talk: TalkActivities, **fields: Any) -> Any:
        return talk.ask_customer(
            AskRequest(**{"case_id": OLDER, "number": 1, "letter": ASK, "lang": "en", "subject": "My lamp", **fields})
        )

    def test_a_case_that_has_ended_asks_nothing(self, talk: TalkActivities, store: Store) -> None:
        ended = outcome("a1")
        store.cases.close(ended, None)
        assert self.ask(talk).ended == ended
        assert letters(store) == []

    def test_the_question_goes_out_once_to_the_address_of_the_store(self, talk: TalkActivities, store: Store) -> None:
        for _ in range(2):
            assert self.ask(talk).ended is None
        # The same text again within the hour would be held back: no two programs shall ask each other for ever.
        self.ask(talk, number=2, answers_to=NEWER, letter=DetailsAsked(missing=["order_id"], not_found=True))
        self.ask(talk, replay=1, letter=DetailsAsked(missing=["customer"]))
        assert "held back" in self.ask(talk, number=3).unsent
        sent = letters(store)
        assert [letter.key.removeprefix(f"{OLDER}/question/") for letter in sent] == ["1", "2", "r1.1"]
        assert {letter.recipient for letter in sent} == {"ann@example.com"}
        assert [letter.in_reply_to for letter in sent] == ["x1@shop.example", "x2@shop.example", "x1@shop.example"]
        assert len({letter.message_id for letter in sent}) == 3
        assert "ORD-1" in sent[0].text

    def test_every_letter_holds_the_mark_of_its_case_once(self, talk: TalkActivities, store: Store) -> None:
        mark = store.cases.load(OLDER).mark
        self.ask(talk, subject=f"Re: My lamp [#{mark}]")
        close = CloseActivities(store.cases, store.ledger, LETTERS, store.records)
        told = CloseRequest(
            outcome=outcome("a1"), letter=PersonAnswer(text="Done."), subject="My lamp", answers_to=NEWER
        )
        close.close_case(told)
        assert [letter.subject.count(str(mark)) for letter in letters(store)] == [1, 1]
        assert all(marks_in(letter.subject) == [mark] for letter in letters(store))
        assert {letter.in_reply_to for letter in letters(store)} == {"x1@shop.example", "x2@shop.example"}
        assert all(letter.message_id.endswith("@headgate.invalid") for letter in letters(store))

    def test_a_case_of_older_rules_sends_its_letters_as_before(self, store: Store) -> None:
        CloseActivities(store.cases, store.ledger, LETTERS, store.records).close_case(
            CloseRequest(outcome=outcome("e1"), letter=PersonAnswer(text="Done."), subject="My lamp")
        )
        [letter] = letters(store)
        assert letter.subject == "Re: My lamp"

    def test_what_was_taken_is_kept_for_a_replay(self, talk: TalkActivities, store: Store) -> None:
        kept = talking("a1", answers=["ORD-1"], answered_by=[NEWER])
        talk.keep_conversation(KeepRequest(case=kept))
        assert store.cases.load(OLDER).case == kept
