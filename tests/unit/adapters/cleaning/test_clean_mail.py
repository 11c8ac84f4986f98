"""Raw messages: taken apart whatever they are."""

import pytest

from adapters.cleaning.cleaner import DocumentCleaner
from domain.inbound.cleaned import CleanFlag
from tests.fakes.blueprint import WORDS

CLEANER = DocumentCleaner(WORDS.mail)
ALTERNATIVE = (
    b"From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@x.example>\r\nSubject: "
    b"=?iso-8859-1?q?R=FCckzahlung?=\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="a"\r\n\r\n'
    b'--a\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>rich</p>\r\n--b--\r\n"
    b"--a\r\nContent-Type: application/pdf\r\n"
    b'Content-Disposition: attachment; filename="bill.pdf"\r\n\r\nJVBERi0=\r\n--a--\r\n'
)


def test_sender_subject_text_and_attachments() -> None:
    mail = CLEANER.clean_email(ALTERNATIVE % "Hallo, hier Jörg Müller, joerg@x.example".encode())
    assert (mail.sender_name, mail.sender_address, mail.subject) == ("Jörg Müller", "joerg@x.example", "Rückzahlung")
    assert mail.document.text == "Hallo, hier [NAME_1], [EMAIL_1]"
    assert mail.attachments == ("bill.pdf",)


def test_an_encoded_word_that_is_none_stays_as_it_stands() -> None:
    mail = CLEANER.clean_email(b"Subject: =?utf-8?B?A?=\nFrom: =?utf-8?B?A?= <a@b.co>\n\nWhere is my parcel?")
    assert (mail.subject, mail.sender_address) == ("=?utf-8?B?A?=", "a@b.co")
    assert mail.document.text == "Where is my parcel?"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("last", "kept"),
    [
        ("Sent from Mail<https://go.microsoft.com/fwlink/?LinkId=550986> for Windows 10", False),
        ("Sent from my iPhone", False),
        ("Sent from my iPhone?", True),
        ("Sent from my iPhone, order #12", True),
        ("-- \nWhere is it?", True),
    ],
)
def test_a_last_line_that_looks_like_both_a_signature_and_a_question_ends(last: str, kept: bool) -> None:
    text = CLEANER.clean(subject="", text=f"My order is late.\n\n{last}", html=None, lang="en").text
    assert text.startswith("My order is late.")
    assert (last.splitlines()[-1] in text) is kept


def test_an_empty_plain_part_gives_way_to_the_html() -> None:
    assert CLEANER.clean_email(ALTERNATIVE % b" ").document.text == "rich"


@pytest.mark.parametrize("charset", ["utf-8", "no-such-charset", "us-ascii"])
def test_a_wrong_charset_is_read_anyway_and_told(charset: str) -> None:
    raw = f"From: a@b.co\nContent-Type: text/plain; charset={charset}\n\n".encode() + "Grüße".encode("cp1252")
    document = CLEANER.clean_email(raw).document
    assert document.text == "Grüße"
    assert CleanFlag.MIXED_ENCODING in document.flags


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe" * 1000,
        b"Subject: " + b"(" * 1_000_000 + b"\n\nhi",
        b"From: " + b'"<' * 500_000 + b"\n\nhi",
        b"Subject: " + b"=?utf-8?q?" * 100_000 + b"\n\nhi",
        b'Content-Type: multipart/mixed; boundary="a"\n\n'
        + b'--a\nContent-Type: multipart/mixed; boundary="a"\n\n' * 20_000,
        b"".join(
            b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (number, number) for number in range(5_000)
        ),
        b"Content-Transfer-Encoding: base64\n\n" + b"!" * 1_000_000,
        b"A: b\n" * 200_000,
        b'Content-Type: text/plain;x="' + b';\\"' * 300_000 + b"\n\nhi",
        b'Content-Disposition: attachment;x="' + b';\\"' * 300_000 + b"\n\nhi",
    ],
)
@pytest.mark.timeout(20)
def test_broken_messages_end_as_some_text(raw: bytes) -> None:
    assert len(CLEANER.clean_email(raw).document.text) <= 16_000
