"""The parts of a message: what a reader sees is read, in order; files and attached mails are named."""

import base64
import time

import pytest

from adapters.cleaning.cleaner import CleanEmail, DocumentCleaner
from domain.inbound.cleaned import CleanFlag
from tests.fakes.blueprint import WORDS

CLEANER = DocumentCleaner(WORDS.mail)
MILLION = 1_000_000
PDF = "Content-Type: application/pdf; name=bill.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0="
OLD_MAIL = "From: Pat Lane <pat@else.example>\nSubject: Last year\n\nRefund 900 USD at once."


def text(words: str, *, kind: str = "text/plain", more: str = "") -> str:
    return f"Content-Type: {kind}; charset=utf-8{more}\n\n{words}"


def html(words: str) -> str:
    return text(words, kind="text/html")


def multi(kind: str, *parts: str, mark: str = "b1") -> str:
    inside = "".join(f"--{mark}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{mark}"\n\n{inside}--{mark}--\n'


def read(root: str, subject: str = "Hello") -> CleanEmail:
    return CLEANER.clean_email(f"From: Ann Bell <ann@mail.example>\nSubject: {subject}\n{root}".encode())


MESSAGE = f"Content-Type: message/rfc822\n\n{OLD_MAIL}"


@pytest.mark.parametrize(
    ("root", "seen", "files"),
    [
        (multi("mixed", html("<p>one</p>"), PDF, html("<p>two</p>")), "one\n\ntwo", ("bill.pdf",)),
        (multi("mixed", text("one"), PDF, html("two"), text("three")), "one\n\ntwo\n\nthree", ("bill.pdf",)),
        (multi("related", html("one"), "Content-Type: image/png\n\nx"), "one", ("image/png",)),
        (multi("alternative", text("plain"), html("rich")), "plain", ()),
        (multi("alternative", text(" \n"), html("rich")), "rich", ()),
        (multi("alternative", text("This mail is in HTML format."), html("rich")), "rich", ()),
        (multi("alternative", text("Ihr Programm zeigt kein HTML an."), html("Kaputt.")), "Kaputt.", ()),
        (multi("alternative", text("このメールはHTML形式です"), html("壊れた")), "壊れた", ()),
        (multi("alternative", text("My HTML page broke"), html("My HTML page broke")), "My HTML page broke", ()),
        (
            multi("alternative", text(""), multi("mixed", html("one"), PDF, html("two"), mark="b2")),
            "one\n\ntwo",
            ("bill.pdf",),
        ),
        (multi("alternative", text(""), multi("related", html("in"), PDF, mark="b2")), "in", ("bill.pdf",)),
        (multi("alternative", text("plain"), html("")), "plain", ()),
        (multi("signed", text("said"), "Content-Type: application/pgp-signature\n\nabc"), "said", ()),
        (multi("report", text("failed"), "Content-Type: message/delivery-status\n\nx: y", MESSAGE), "failed",
         ("message/delivery-status", "Last year")),
        (multi("digest", f"\n{OLD_MAIL}", f"\n{OLD_MAIL}"), "", ("Last year", "Last year")),
        (multi("mixed", text("mine"), MESSAGE, text("mine too")), "mine\n\nmine too", ("Last year",)),
        (multi("x-new", text("one"), text("two")), "one\n\ntwo", ()),
        (multi("mixed", text("body", more="; name=body.txt"), PDF), "body", ("bill.pdf",)),
        (text("body", more="; name=message.txt"), "body", ()),
        (multi("mixed", text("one"), text("log", more="\nContent-Disposition: attachment; filename=log.txt")), "one",
         ("log.txt",)),
        (multi("mixed", text("one"), text("a;b", kind="text/csv"), text("BEGIN", kind="text/calendar")), "one",
         ("text/csv", "text/calendar")),
        (text("# said", kind="text/markdown"), "# said", ()),
        (multi("mixed", text("one"), mark="b1").replace("--b1--\n", ""), "one", ()),
        (multi("mixed", text("one"), text("two")).replace('boundary="b1"', "x=y"), "one\n\ntwo", ()),
        (multi("mixed", multi("mixed", text("in"), mark="b1x"), text("out")), "in\n\nout", ()),
    ],
)  # fmt: skip
def test_what_a_reader_sees_is_read_and_the_rest_is_named(root: str, seen: str, files: tuple[str, ...]) -> None:
    mail = read(root)
    assert (mail.document.text, mail.attachments) == (seen, files)


@pytest.mark.parametrize(
    "root",
    [
        multi("mixed", text("\n"), "Content-Type: application/ms-tnef; name=winmail.dat\n\nx"),
        multi("mixed", text("Sent from my iPhone"), PDF),
        multi("mixed", html('<img src="cid:1">'), "Content-Type: image/jpeg\n\nx"),
        html('<img src="https://x.example/letter.png">'),
        html("<p><s>Please refund me</s></p>"),
        "Content-Type: application/pkcs7-mime; name=smime.p7m\n\nx",
        MESSAGE,
        multi("encrypted", "Content-Type: application/pgp-encrypted\n\nx", "Content-Type: application/x\n\nx"),
        text("-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----"),
        text("begin 644 a.txt\n$86)C\n`\nend"),
        multi("mixed", *(text(f"part {number}") for number in range(200))),
        'Content-Type: multipart/mixed; boundary="gone"\n\nwhat is this',
    ],
)
def test_what_was_not_read_is_said(root: str) -> None:
    assert CleanFlag.BODY_UNREAD in read(root, "Refund for order ORD-1").document.flags


def test_pictures_and_subjects_alone_are_no_unread_text() -> None:
    spied = html('<p>Where is it?</p><img src="x" width="1"><img src="logo">')
    assert CleanFlag.BODY_UNREAD not in read(spied).document.flags
    assert CleanFlag.BODY_UNREAD not in read(text("")).document.flags


@pytest.mark.parametrize(
    ("more", "body", "seen"),
    [
        ("; format=flowed", "Please refund \n30.00 USD.\n\nThank you", "Please refund 30.00 USD.\n\nThank you"),
        ("; format=flowed; delsp=yes", "Order ORD-30 \n054 arrived  \nbroken", "Order ORD-30054 arrived broken"),
        ("; format=flowed", " >From here\n From there", "›From here\nFrom there"),
        ("; format=flowed", "yes \n-- \nAnn", "yes"),
        ("; format=flowed", "> old \n> older\nnew ", "new"),
        ("", "not \nflowed", "not\nflowed"),
    ],
)
def test_flowed_lines_are_joined(more: str, body: str, seen: str) -> None:
    assert read(text(body, more=more)).document.text == seen


@pytest.mark.parametrize(
    ("encoding", "body", "seen"),
    [
        ("quoted-printable", "30.=\n50 USD =E2=82=\n=AC", "30.50 USD €"),
        ("quoted-printable", "soft = \nbreak =zz =4", "soft break =zz =4"),
        ("Quoted_Printable", "a=C3=A9", "aé"),
        ("base64", base64.b64encode("größer".encode()).decode()[:-1], "größer"),
        ("base64", "aGVs!bG8=\n", "hello"),
        ("base64", "aGVsbG8=\naGVsbG8=", "hellohello"),
        (
            "base64",
            "V2hlcmUgaXMgbXkgcmVmdW5kPw==\n\n___\nmy list\nusers@l.example\nhttps://l.example",
            "Where is my refund?",
        ),
        ("base64", "This was never base64, you see.", "This was never base64, you see."),
        ("x-none", "as it is", "as it is"),
    ],
)
def test_broken_transfer_encodings_are_read(encoding: str, body: str, seen: str) -> None:
    found = read(f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{body}")
    assert found.document.text == seen


@pytest.mark.parametrize(
    ("body", "seen", "files"),
    [
        ("a\nbegin 644 x y.txt\n#86)C\n`\nend\nb", "a\nb", ("x y.txt",)),
        ("a\n=ybegin line=128 size=3 name=x.bin\n\x8b\x8c\n=yend size=3\nb", "a\nb", ("x.bin",)),
        ("begin 100 things\nand go on\nend", "begin 100 things\nand go on\nend", ()),
        ("begin 644 never.txt\n#86)C\n", "begin 644 never.txt\n#86)C", ()),
        (
            (
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nsaid\n- -- dash\n-----BEGIN PGP SIGNATURE-----\n"
                "\nx\n-----END PGP SIGNATURE-----\nafter"
            ),
            "said\n-- dash\nafter",
            (),
        ),
    ],
)
def test_files_and_armour_inside_the_text_go(body: str, seen: str, files: tuple[str, ...]) -> None:
    mail = read(text(body))
    assert (mail.document.text, mail.attachments) == (seen, files)


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("<p>Please refund <del>200</del> <ins>30</ins> USD</p>", "Please refund 30 USD"),
        ("a <s>b</s><strike>c</strike> d", "a d"),
        ('a <span style="TEXT-DECORATION: underline line-through">b <b>c</b></span> d', "a d"),
        ('<style>.x{text-decoration-line:line-through}</style>a <i class="x">b</i> d', "a d"),
        ("a b\u0336c\u0336d\u0336 e", "a e"),
    ],
)
def test_struck_out_words_go_and_are_told(body: str, seen: str) -> None:
    plain = text("Please refund 200 30 USD or a b c d", kind="text/plain")
    for document in (read(html(body)).document, read(multi("alternative", plain, html(body))).document):
        if "\u0336" not in body or document.text == seen:
            assert document.text == seen
            assert CleanFlag.STRUCK_OUT in document.flags


def test_number_and_currency_in_neighbouring_cells_stay_together() -> None:
    assert read(html("<table><tr><td>Refund<td>30<td>USD</table>")).document.text == "Refund | 30 | USD"


def test_of_two_forms_the_one_that_says_more_is_read() -> None:
    long = " ".join(f"word{'x' * number}" for number in range(60))
    assert read(multi("alternative", text("Hello,"), html(f"<p>Hello,</p><p>{long}</p>"))).document.text.endswith("x")
    said = CLEANER.clean(subject="", text="Hello,", html=f"<p>Hello, {long}</p>", lang=None)
    assert said.text.endswith("x")


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("=?utf-8?q?Bell=2C_Ann?= <ann@x.example>", "Bell, Ann", "ann@x.example"),
        ("Bell, Ann <ann@x.example>", "Bell, Ann", "ann@x.example"),
        ("ann@x.example", "", "ann@x.example"),
        ("a@x.example, b@x.example", "", ""),
    ],
)
def test_the_sender_is_whom_the_door_took_for_it(sender: str, name: str, address: str) -> None:
    mail = CLEANER.clean_email(f"From: {sender}\nSubject: x\n\nhi".encode())
    assert (mail.sender_name, mail.sender_address) == (name, address)


def test_a_subject_in_raw_bytes_is_read() -> None:
    assert CLEANER.clean_email("From: a@b.co\nSubject: Größe €\n\nhi".encode()).subject == "Größe €"
    assert CLEANER.clean_email("From: a@b.co\nSubject: Größe\n\nhi".encode("cp1252")).subject == "Größe"


def deep(levels: int) -> bytes:
    return b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(levels))


HOSTILE = {
    "one boundary again and again": b'Content-Type: multipart/mixed; boundary="a"\n\n' + b"--a\n\n" * 500_000,
    "nested": deep(20_000) + b"text",
    "nested by one boundary": b'Content-Type: multipart/mixed; boundary="a"\n\n--a\n' * 60_000,
    "alternatives": b'Content-Type: multipart/alternative; boundary="a"\n\n'
    + b"--a\nContent-Type: text/html\n\n<p>x</p>\n" * 60_000,
    "attached mails": b'Content-Type: multipart/mixed; boundary="a"\n\n'
    + b"--a\nContent-Type: message/rfc822\n\nSubject: x\n\n" * 60_000,
    "large HTML many times": b'Content-Type: multipart/mixed; boundary="a"\n\n'
    + (b"--a\nContent-Type: text/html\n\n" + b"<b>x" * 20_000 + b"\n") * 40,
    "header lines": b"Subject: x\n" + b"X-A: b\n" * 400_000 + b"\nhi",
    "one folded header": b"Subject: x\n" + b" y\n" * MILLION + b"\nhi",
    "padding": b"Content-Transfer-Encoding: base64\n\n" + b"=" * 3 * MILLION,
    "soft breaks": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"= " * MILLION,
    "files": b"\n" + b"begin 644 a\n#86)C\n" * 100_000,
    "ends": b"\nbegin 644 a\n#86)C\n" + b"end\n" * 300_000,
    "blank lines": b"Content-Type: text/plain" + b"\n \t" * MILLION,
    "flowed": b"Content-Type: text/plain; format=flowed\n\n" + b"> \n" * MILLION,
    "armour": b"\n" + b"-----BEGIN PGP SIGNED MESSAGE-----\n" * 80_000,
    "attributions": b"\n" + b"On 1.1.2024 at 10:00\n" * 150_000,
    "headers of old mails": b"\nhi\n" + b"From: a\nX\n" * 200_000,
    "quotations of HTML": b"Content-Type: text/html\n\n" + b"<blockquote>x</blockquote>" * 40_000,
    "wrappers": b"Content-Type: text/html\n\n" + b"<div class=gmail_quote>x<blockquote type=cite>y" * 30_000,
    "marks": b"Content-Type: text/html; charset=utf-8\n\n" + "\ufdd2\ufdd3 ".encode() * 300_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_end_in_linear_time(name: str) -> None:
    started = time.process_time()
    document = CLEANER.clean_email(HOSTILE[name]).document
    assert time.process_time() - started < 5
    assert len(document.text) <= 16_000
    assert not {"\ufdd2", "\ufdd3", "\ufdd4", "\ufdd5"} & set(document.text)
