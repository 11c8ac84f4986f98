"""Letting in what belongs to a conversation: by its signs, for the same person, never by a machine."""

import base64
import json
import quopri
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.intake import reading
from activities.intake.admit import AdmitActivities, AdmitRequest
from adapters.cleaning.cleaner import DocumentCleaner
from adapters.store import Store, open_store
from domain.blueprint import CasePolicy, ConversationRules
from domain.case import CaseOutcome, CaseState, Machine
from domain.conversations.threads import SOMEBODY_ELSES, ThreadSigns, new_message_id
from domain.errors import TransientError
from domain.inbound.webhook import Inbound, parse_webhook
from domain.money.records import Account
from domain.writers.machine_words import MachineWords
from ports.incoming.inbox import InboxItem
from ports.store import Reply, StoredCase
from tests.contracts.store_samples import NOW
from tests.fakes.blueprint import WORDS
from tests.fakes.inbox import FakeInbox

ANN = {"text": "My lamp broke.", "subject": "Lamp", "customer": {"email": "ann@shop.example"}}


class Door:
    """The intake over a real store; `signs` are put to the message of that event."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.inbox = FakeInbox()
        self.rules: ConversationRules | None = ConversationRules()
        self.signs: dict[str, object] = {}
        read = reading.parse_webhook
        monkeypatch.setattr(
            reading,
            "parse_webhook",
            lambda *given, **named: Inbound.model_copy(read(*given, **named), update=self.signs),
        )
        self.activities = AdmitActivities(
            inbox=self.inbox,
            cases=store.cases,
            cleaner=DocumentCleaner(WORDS.mail),
            machine_words=MachineWords(WORDS.mail),
            starter=self,
            dead_letters=store.dead_letters,
            policy=lambda tenant: CasePolicy(version="v", conversation=self.rules),
            records=self,
        )
        self.known: dict[str, str] = {}
        self.records_are_away = False

    def address_of(self, *, tenant: str, customer_id: str) -> str | None:
        if self.records_are_away:
            raise TransientError("away")
        return self.known.get(f"{tenant}/{customer_id}")

    def find_account(self, **_: object) -> Account:
        raise AssertionError("nobody asks for an account here")

    async def start(self, cases: object) -> None: ...

    async def admit(
        self, name: str, body: object, kind: str = "application/json", source: str = "shop", **signs: object
    ) -> StoredCase:
        self.signs = signs
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        item = InboxItem(
            case_id=f"case/{source}/{name}",
            source=source,
            event_id=name,
            content_type=kind,
            body=raw,
            digest=name,
            received_at=NOW,
        )
        await self.inbox.put(item)
        await ActivityEnvironment().run(self.activities.admit_batch, AdmitRequest(limit=10, wait_s=0))
        return self.store.cases.load(item.case_id)

    def ask(self, case_id: str) -> str:
        """Send a letter of a case; return its Message-ID."""
        message_id = new_message_id("shop.example")
        letter = Reply(
            key=f"{case_id}/question/1", case_id=case_id, to=None, subject="", text="", message_id=message_id
        )
        self.store.cases.queue_letter(letter, 0)
        return message_id


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(open_store(f"sqlite:///{tmp_path}/store.db"), monkeypatch)


def reply(text: str = "It is ORD-1.", email: str = "ann@shop.example", **fields: object) -> dict[str, object]:
    return {"text": text, "subject": "Re: Lamp", "customer": {"email": email}, **fields}


async def test_a_stranger_who_has_the_sign_gets_a_case_of_their_own_with_a_note(door: Door) -> None:
    older = await door.admit("1", ANN)
    message_id = door.ask(older.case.case_id)
    stolen = await door.admit("2", reply(email="eve@x.example"), references=[f"<{message_id}>"])
    assert (stolen.case.continues, stolen.case.notes) == (None, [SOMEBODY_ELSES])
    marked = await door.admit("3", reply(f"[#{older.mark}]", email="eve@x.example"))
    assert (marked.case.continues, marked.case.notes) == (None, [SOMEBODY_ELSES])


@pytest.mark.parametrize("machine", list(Machine))
async def test_a_machine_never_speaks_in_a_conversation(door: Door, machine: Machine) -> None:
    older = await door.admit("1", ANN)
    answered = await door.admit("2", reply(f"> [#{older.mark}]"), references=[door.ask(older.case.case_id)])
    assert answered.case.continues == older.case.case_id
    case = answered.case.model_copy(update={"machine": machine, "continues": None})
    mechanical = answered.model_copy(update={"case": case, "signs": ThreadSigns(marks=[str(older.mark)])})
    assert door.activities._in_conversation(mechanical, []).case.continues is None


async def test_another_tenant_is_another_world(door: Door) -> None:
    older = await door.admit("1", {**ANN, "tenant": "acme"})
    other = await door.admit("2", reply(f"[#{older.mark}]"), references=[door.ask(older.case.case_id)])
    assert (other.case.continues, other.case.notes) == (None, [])


async def test_without_conversations_every_message_is_a_case_of_its_own(door: Door) -> None:
    older = await door.admit("1", ANN)
    message_id = door.ask(older.case.case_id)
    for name, rules in (("2", None), ("3", ConversationRules(wait_s=0))):
        door.rules = rules
        assert (await door.admit(name, reply(), references=[message_id])).case.continues is None
    door.rules = ConversationRules()
    assert (await door.admit("4", reply(), references=[message_id])).case.continues == older.case.case_id


async def test_the_answer_to_our_letter_continues_its_case(door: Door) -> None:
    older = await door.admit("1", ANN, message_id="<x1@shop.example>")
    message_id = door.ask(older.case.case_id)
    answered = await door.admit("2", reply(), references=["none@shop.example", f"<{message_id}>"])
    assert answered.case.continues == older.case.case_id
    assert older.message_id == "x1@shop.example"


async def test_a_second_mail_of_a_thread_of_their_own_continues_it(door: Door) -> None:
    older = await door.admit("1", ANN, message_id="x1@shop.example")
    answered = await door.admit("2", reply("And now?"), references=["x1@shop.example"])
    assert answered.case.continues == older.case.case_id


async def test_the_sending_systems_own_name_for_the_conversation_counts_within_the_source(door: Door) -> None:
    older = await door.admit("1", ANN, thread_id="T-7")
    assert (await door.admit("2", reply(), thread_id="T-7")).case.continues == older.case.case_id
    assert (await door.admit("3", reply(), thread_id="T-8")).case.continues is None
    assert (await door.admit("4", reply(), source="chat", thread_id="T-7")).case.continues is None


async def test_the_senders_cases_that_wait_about_an_order_that_it_names_are_noted(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = await door.admit("1", ANN)
    monkeypatch.setattr(type(door.store.cases), "asked_about", lambda *_: [older.case.case_id])
    assert (await door.admit("2", ANN)).case.open_about == [older.case.case_id]
    answered = await door.admit("3", reply(), references=[door.ask(older.case.case_id)])
    assert (answered.case.continues, answered.case.open_about) == (older.case.case_id, [])  # it goes there anyway


async def test_an_answer_by_the_customers_id_is_of_the_person_whose_address_it_is_on_record(door: Door) -> None:
    older = await door.admit("1", ANN, thread_id="T-7")

    async def answer(name: str) -> StoredCase:
        return await door.admit(name, {"text": "It is ORD-1.", "customer": {"id": f"C-{name}"}}, thread_id="T-7")

    door.known = {"default/C-2": "Ann@shop.example", "default/C-3": "eve@x.example", "default/C-5": "ann@shop.example"}
    assert (await answer("2")).case.continues == older.case.case_id
    assert (await answer("3")).case.notes == [SOMEBODY_ELSES]
    assert (await answer("4")).case.notes == [SOMEBODY_ELSES]  # the records know nobody of that id
    door.records_are_away = True
    assert (await answer("5")).case.continues is None


MAIL = (
    "From: Ann <ann@shop.example>\r\nSubject: no subject\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {coding}\r\n\r\n"
)
QUOTED = "It is ORD-1.\r\n\r\nOn Sat, 28 Nov 2026, Care <care@shop.example> wrote:\r\n> Which order?\r\n> [#{mark}]\r\n"


@pytest.mark.parametrize("coding", ["8bit", "base64", "quoted-printable"])
async def test_the_mark_is_found_in_what_is_quoted_however_it_is_written(door: Door, coding: str) -> None:
    """The cleaner drops what is quoted; programs that drop the headers keep it."""
    older = await door.admit("1", ANN)
    text = QUOTED.format(mark=older.mark).encode()
    body = {"8bit": text, "base64": base64.encodebytes(text), "quoted-printable": quopri.encodestring(text)}[coding]
    raw = MAIL.format(coding=coding).encode() + body
    answered = await door.admit("2", raw, "message/rfc822")
    assert answered.case.continues == older.case.case_id
    assert answered.case.text == "It is ORD-1."


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "Re: Lamp [#{mark}]"},
        {"text": "It is ORD-1. [#{mark}]"},
        {"text": "", "html": "<p>It is ORD-1.</p><blockquote>Which? [#{mark}]</blockquote>"},
    ],
)
async def test_the_mark_is_found_and_taken_out_of_what_models_read(door: Door, fields: dict[str, str]) -> None:
    """It is no order number."""
    older = await door.admit("1", ANN)
    filled = {name: value.replace("{mark}", str(older.mark)) for name, value in fields.items()}
    answered = await door.admit("2", reply(**filled))
    assert answered.case.continues == older.case.case_id
    assert "HG-" not in answered.case.subject + answered.case.text
    assert "ORD-1" in answered.case.text


async def test_a_mail_of_nothing_but_the_mark_is_for_people(door: Door) -> None:
    older = await door.admit("1", ANN)
    answered = await door.admit("2", reply(f"[#{older.mark}]", subject=""))
    assert (answered.case.continues, answered.case.skip_to_human) == (older.case.case_id, reading.NOTHING_READABLE)


async def test_messages_of_one_thread_that_come_in_together_find_each_other(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They waited in the pen; none of them is stored yet."""
    heads = {
        "1": {"message_id": "x1@shop.example"},
        "2": {"message_id": "x2@shop.example", "references": ["x1@shop.example"]},
        "3": {"references": ["<x2@shop.example>"]},
        "4": {"references": ["x1@shop.example"]},
        "5": {"thread_id": "T-1"},
        "6": {"thread_id": "T-1"},
    }
    senders = {"4": "eve@x.example"}
    for name in heads:
        body = json.dumps(reply(f"Message {name}", email=senders.get(name, "ann@shop.example"))).encode()
        await door.inbox.put(
            InboxItem(
                case_id=f"case/shop/{name}",
                source="shop",
                event_id=name,
                content_type="application/json",
                body=body,
                digest=name,
                received_at=NOW,
            )
        )
    monkeypatch.setattr(
        reading,
        "parse_webhook",
        lambda kind, body, *given, **named: parse_webhook(kind, body, *given, **named).model_copy(
            update=heads[json.loads(body)["text"].rpartition(" ")[2]]
        ),
    )
    await ActivityEnvironment().run(door.activities.admit_batch, AdmitRequest(limit=10, wait_s=0))
    found = {name: door.store.cases.load(f"case/shop/{name}").case.continues for name in heads}
    first = "case/shop/1"
    assert found == {"1": None, "2": first, "3": first, "4": None, "5": None, "6": "case/shop/5"}


async def test_an_answer_to_an_answer_goes_to_the_case_that_took_that_one(door: Door) -> None:
    root = await door.admit("1", ANN)
    middle = await door.admit("2", reply(f"[#{root.mark}]"), message_id="x2@shop.example")
    ending = CaseOutcome(case_id=middle.case.case_id, source="shop", tenant="default", state=CaseState.DONE)
    door.store.cases.close(ending.model_copy(update={"passed_to": root.case.case_id}), None)
    last = await door.admit("3", reply("And?"), references=["x2@shop.example"])
    assert last.case.continues == root.case.case_id


async def test_while_the_store_is_away_nothing_is_let_in_and_nothing_is_lost(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(stored: StoredCase) -> list[object]:
        raise TransientError("away")

    look = door.store.cases.earlier_cases
    monkeypatch.setattr(door.store.cases, "earlier_cases", away)
    with pytest.raises(ApplicationError):
        await door.admit("1", reply(), thread_id="T-1")
    assert (await door.inbox.depth()).ready == 1
    with pytest.raises(KeyError):
        door.store.cases.load("case/shop/1")
    monkeypatch.setattr(door.store.cases, "earlier_cases", look)


async def test_a_mail_under_the_subject_of_our_one_question_to_its_sender_answers_it(door: Door) -> None:
    """Some programs name the mail that they answer by another id, and drop our mark."""
    asked = await door.admit("q1", ANN)
    letter = Reply(
        key=f"{asked.case.case_id}/question/1",
        case_id=asked.case.case_id,
        to="ann@shop.example",
        subject=f"Re: Lamp [#{asked.mark}]",
        text="Which order?",
    )
    door.store.cases.queue_letter(letter, 0)
    strange = {"references": ["other@mail.example"]}
    answered = await door.admit("q2", {**ANN, "subject": "AW: Re: Lamp"}, **strange)
    assert answered.case.continues == asked.case.case_id
    other_subject = await door.admit("q3", {**ANN, "subject": "Re: Chair"}, **strange)
    new_mail = await door.admit("q4", {**ANN, "subject": "Re: Lamp"})
    stranger = await door.admit("q5", {**ANN, "customer": {"email": "eve@x.example"}, "subject": "Re: Lamp"}, **strange)
    assert [each.case.continues for each in (other_subject, new_mail, stranger)] == [None, None, None]
    second = await door.admit("q6", ANN)
    door.store.cases.queue_letter(
        letter.model_copy(update={"key": "case/shop/q6/question/1", "case_id": second.case.case_id, "text": "And?"}), 0
    )
    either = await door.admit("q7", {**ANN, "subject": "Re: Lamp"}, **strange)
    assert either.case.continues is None
