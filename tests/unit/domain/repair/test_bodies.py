"""What a broken body may be used for: where its words are doubted a person reads them."""

import pytest

from domain.inbound.formats.mapping import SourceReading
from domain.repair.bodies import body_of
from domain.repair.document import NOTHING_READ, Damage, MendedDocument


def mended(value: object, *doubted: str, damage: Damage = Damage.QUOTES) -> MendedDocument:
    return MendedDocument(value=value, doubted=frozenset(doubted), damage=frozenset({damage}))


@pytest.mark.parametrize(
    "document",
    [
        NOTHING_READ,
        mended(["text"]),
        mended("text"),
        mended({"text": "a"}, damage=Damage.SEVERAL),
        mended({"text": "a"}, "text"),
        mended({"html": "a"}, "html"),
        mended({"text": "a", "subject": "b"}, "subject"),
        mended({"text": "a", "tenant": "x"}, "tenant"),
        mended({"type": "t", "data": {"text": "a"}}, "data"),
        mended({"TextBody": "a"}, "TextBody"),  # Postmark's name for it
        mended({"text": "a"}, damage=Damage.WORDS),  # "do not do this" behind it
        mended({"text": "a"}, damage=Damage.COMMENTS),
        mended({"order_id": "ORD-1", "subject": "Refund please"}, damage=Damage.TRUNCATED),
    ],
)
def test_words_that_are_doubted_are_for_a_person(document: MendedDocument) -> None:
    body = body_of(document, None)
    assert body.fields is None
    assert body.notes


def test_the_words_stand_where_the_source_says() -> None:
    reading = SourceReading(fields={"text": ["ticket.comment"]})
    assert body_of(mended({"ticket": {"comment": "a"}}, "ticket"), reading).fields is None
    assert body_of(mended({"ticket": {"comment": "a"}, "extra": "b"}, "extra"), reading).fields is not None


def test_another_field_that_is_doubted_is_left_out() -> None:
    body = body_of(mended({"text": "a", "amount": "12", "order_id": "ORD-1"}, "amount"), None)
    assert body.fields == {"text": "a", "order_id": "ORD-1"}
    assert "amount" in body.notes[0]


def test_what_may_be_somebodys_words_is_not_told() -> None:
    body = body_of(
        mended({"text": "a", "I am Ann Example": "b", "order_id": "1"}, "I am Ann Example", "order_id"), None
    )
    assert body.notes == ["it was broken and has been mended (quotes; doubted: order_id, others)"]


def test_what_was_mended_is_told() -> None:
    body = body_of(mended({"text": "a"}), None)
    assert (body.fields, body.notes) == ({"text": "a"}, ["it was broken and has been mended (quotes)"])


@pytest.mark.parametrize("fields", [{"text": "a", "subject": "b"}, {"TextBody": "a"}, {"type": "t", "data": {}}])
def test_a_body_that_was_cut_off_behind_its_words_goes_on(fields: dict[str, object]) -> None:
    assert body_of(mended(fields, damage=Damage.TRUNCATED), None).fields == fields
