"""Letting in bodies that could not be read at the door: mended and marked, or seen by a person; never lost."""

import hashlib
from datetime import UTC, datetime

import pytest

from activities.intake.reading import NO_WORDS
from adapters.repair.mending import JsonMender
from domain.authority.on_record import why_a_person
from domain.briefs.request import request_lines
from domain.case import MENDED, REPAIRED, UNREAD, WORDLESS, shown_flags
from domain.inbound.formats.mapping import SourceReading
from domain.repair.bodies import UNMENDED
from domain.repair.kinds import DocumentKind
from ports.incoming.inbox import InboxItem
from ports.store import StoredCase
from tests.unit.activities.intake.test_admit import Intake

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def let_in(
    body: bytes,
    *,
    content_type: str = "application/json",
    tenant: str = "default",
    reading: SourceReading | None = None,
    malformed: bool = True,
    kind: DocumentKind | None = None,
) -> tuple[Intake, StoredCase]:
    intake = Intake(mender=JsonMender())
    if kind is not None:
        reader = intake.activities._messages
        reader._document_of, reader._documents = (lambda _: "form"), {"form": kind}
    reading = (reading or SourceReading()).model_copy(update={"malformed": malformed})
    item = InboxItem(
        case_id="case/shop/1",
        source="shop",
        event_id="1",
        content_type=content_type,
        body=body,
        digest=hashlib.sha256(body).hexdigest(),
        received_at=NOW,
        reading=reading.kept(),
        tenant=tenant,
    )
    await intake.inbox.put(item)
    await intake.run()
    return intake, intake.store.cases[item.case_id]


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "Please refund ORD-1, but do n',  # a "not" may be lost
        b'{"text": "refund A"}{"text": "refund B"}',
        b'{"text": "refund", "text": "do not refund"}',
        b'{"text": "refund", "tenant": "other",}',  # of somebody else
        b'{"text": {"a": 1}}',
        b'{"order_id": "ORD-1",}',  # no words at all
        b"{}",
        b"[1, 2",
        b'{"text": "refund", "order_id": ["ORD-1"]}',
        b'{"text": "' + b"a" * 100_000,
        b"\xff\xfe refund",
    ],
)
async def test_what_cannot_be_told_for_sure_is_for_a_person(body: bytes) -> None:
    intake, stored = await let_in(body)
    assert stored.case.skip_to_human is not None
    assert stored.body == body
    assert MENDED in stored.case.flags
    assert stored.case.tenant == "default"
    assert stored.case.notes
    assert "case/shop/1" in intake.store.started
    assert intake.store.letters == {}


async def test_a_form_that_cannot_be_read_is_for_a_person() -> None:
    _, stored = await let_in(b"order_id=1", content_type="application/x-www-form-urlencoded")
    assert stored.case.skip_to_human == UNMENDED


async def test_without_the_sources_word_it_is_a_dead_letter_as_before() -> None:
    intake, stored = await let_in(b"{'text': 'refund'}", malformed=False)
    assert len(intake.store.letters) == 1
    assert MENDED not in stored.case.flags


async def test_a_mended_message_is_worked_but_moves_no_money_alone() -> None:
    body = b"{'text': 'My kettle is broken.', 'order_id': 'ORD-10001', 'customer': {'id': 'C-1'},}"
    _, stored = await let_in(body)
    case = stored.case
    assert (case.text, case.order_id, case.customer_id) == ("My kettle is broken.", "ORD-10001", "C-1")
    assert case.skip_to_human is None
    assert case.notes == ["it was broken and has been mended (punctuation, quotes)"]
    assert why_a_person(case) == "a message of it came as a broken document"
    assert stored.body == body


async def test_a_field_that_was_cut_is_not_believed() -> None:
    _, stored = await let_in(b'{"text": "My kettle is broken.", "order_id": "ORD-100')
    assert stored.case.order_id is None
    assert stored.case.text == "My kettle is broken."
    assert any("order_id" in note for note in stored.case.notes)


async def test_it_is_read_by_the_sources_names_and_of_its_tenant() -> None:
    reading = SourceReading(fields={"text": ["t.words"]})
    _, stored = await let_in(b"{'t': {'words': 'The kettle leaks.'}}", reading=reading, tenant="acme")
    assert (stored.case.text, stored.case.tenant) == ("The kettle leaks.", "acme")


FORM = DocumentKind.model_validate(
    {
        "sources": ["shop"],
        "root": "form",
        "fields": {"order": {}, "why": {}},
        "claim": {"field": "why", "reasons": {"defect": "damaged"}},
    }
)


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        (b'{"form": {"order": "ORD-1", "why": "defect"}, "customer": {"email": "ann@example.com"}}', False),
        (b"{'form': {'order': 'ORD-1', 'why': 'defect'}, 'customer': {'email': 'ann@example.com'},}", True),
    ],
)
async def test_a_document_that_asks_by_its_fields_needs_no_words(body: bytes, *, broken: bool) -> None:
    _, stored = await let_in(body, kind=FORM)
    case = stored.case
    assert (case.skip_to_human, case.document) == (None, "form")
    assert {MENDED, WORDLESS} <= set(case.flags)
    assert NO_WORDS in case.notes
    assert any("has been mended" in note for note in case.notes) is broken
    assert stored.sender_email == "ann@example.com"
    assert '"order": "ORD-1"' in case.text, "people see it"
    assert "ann@example.com" not in case.text


async def test_what_is_called_like_personal_data_in_it_is_shown_as_tokens() -> None:
    digits = "9" * 5000  # more than an integer is read from
    body = f'{{"form": {{"order": "ORD-1", "payee": "Jo Miller", "card": 123456789, "n": {digits}}}}}'
    _, stored = await let_in(body.encode(), kind=FORM)
    assert "Miller" not in stored.case.text
    assert "123456789" not in stored.case.text
    assert '"order": "ORD-1"' in stored.case.text


async def test_with_words_it_is_a_message_like_others() -> None:
    _, stored = await let_in(b"{'text': 'It broke.', 'form': {'order': 'ORD-1'}}", kind=FORM)
    assert stored.case.text == "It broke."
    assert REPAIRED in stored.case.flags
    assert WORDLESS not in stored.case.flags


@pytest.mark.parametrize(
    "body",
    [
        b'{"other": {"order": "ORD-1"}}',
        b'{"form": "ORD-1"}',
        b'{"form": {"order": "ORD-1"}, "tenant": "other"}',
        b'{"form": {"order": "ORD-1"}}{"form": {"order": "ORD-2"}}',
    ],
)
async def test_what_is_no_such_document_is_for_a_person(body: bytes) -> None:
    _, stored = await let_in(body, kind=FORM)
    assert stored.case.skip_to_human == UNMENDED
    assert WORDLESS not in stored.case.flags


async def test_a_kind_that_asks_for_nothing_by_its_fields_needs_words() -> None:
    _, stored = await let_in(b'{"form": {"order": "ORD-1"}}', kind=FORM.model_copy(update={"claim": None}))
    assert stored.case.skip_to_human == UNMENDED


@pytest.mark.parametrize("body", [b"hello, my order is broken", b'{"text": "refund A"}{"text": "refund B"}'])
async def test_what_could_not_be_mended_is_not_said_to_be(body: bytes) -> None:
    _, stored = await let_in(body)
    assert shown_flags(stored.case.flags) == [UNREAD]
    assert any("could not be mended" in note for note in stored.case.notes)
    assert why_a_person(stored.case) is not None


async def test_what_was_mended_is_said_to_be() -> None:
    _, stored = await let_in(b"{'text': 'My kettle is broken.'}")
    assert shown_flags(stored.case.flags) == [REPAIRED]


async def test_of_another_encoding_it_is_said_what_it_was() -> None:
    _, stored = await let_in('{"text": "My kettle is broken."}'.encode("utf-16"))
    assert stored.case.text == "My kettle is broken."
    assert stored.case.notes == ["it was written in utf-16-le and has been decoded"]


async def test_a_lost_character_is_shown_as_one_and_ends_no_sentence() -> None:
    _, stored = await let_in('{"text": "Le café est cassé, je veux un remboursement."}'.encode("latin-1"))
    assert stored.case.text == "Le caf\ufffd est cass\ufffd, je veux un remboursement."
    assert request_lines(stored.case.text)[0] == f"“{stored.case.text}”"
