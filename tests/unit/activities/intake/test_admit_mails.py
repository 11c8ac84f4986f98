"""Mails that nothing may be decided on: what they say was not read, or nobody can tell who said it."""

import pytest

from activities.intake.reading import BODY_UNREAD, MOSTLY_LOST, WHOSE_WORDS, _unreadable
from adapters.cleaning.cleaner import DocumentCleaner
from tests.fakes.blueprint import WORDS

CLEANER = DocumentCleaner(WORDS.mail)


def mail(body: bytes, content_type: bytes = b"text/plain") -> bytes:
    head = b"From: Ann <ann@example.com>\r\nSubject: Refund for order ORD-1 which arrived broken\r\nContent-Type: "
    return head + content_type + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (mail(b"TNEF", b"application/ms-tnef; name=winmail.dat"), BODY_UNREAD),
        (mail(b'<img src="https://x.example/a.png">', b"text/html"), BODY_UNREAD),
        (mail(b"Subject: old\r\n\r\nRefund it at once.", b"message/rfc822"), BODY_UNREAD),
        (mail(b"On Mon, 23 Nov 2026 at 09:05 Shop <care@shop.example> wrote:\r\n\r\nWe refund it."), WHOSE_WORDS),
        (mail(b"> We refund it."), WHOSE_WORDS),
        (mail("Лампа пришла разбитой".encode("koi8-r")), MOSTLY_LOST),
        (mail(b""), None),
        (mail(b"It arrived broken.\r\n\r\n> We sent it."), None),
        (mail(b"It arrived broken, I paid 20 \x81", b"text/plain; charset=windows-1252"), None),
    ],
)
def test_nothing_is_decided_on_a_subject_or_on_words_of_others(raw: bytes, why: str | None) -> None:
    assert _unreadable(CLEANER.clean_email(raw).document) == why
