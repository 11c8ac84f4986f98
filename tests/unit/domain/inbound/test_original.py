"""A message as it came in: every type is taken apart, nothing is lost or hidden, and the broken is shown as it is."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inbound.original import MAX_PARTS, read_original
from domain.inbound.webhook import ACCEPTED_TYPES

MAIL = "message/rfc822"


def shown(content_type: str, body: bytes) -> dict[str, str]:
    return {part.title: part.text for part in read_original(content_type, body)}


def only(content_type: str, body: bytes) -> str:
    [part] = read_original(content_type, body)
    return part.text


# --- JSON ---


def test_json_is_indented_and_its_numbers_and_double_keys_stay() -> None:
    body = b'{"text":"Hi","amount":20.50,"n":1e400,"amount":9000,"a":[1,{}],"e":[],"x":null,"b":true}'
    assert only("application/json; charset=utf-8", body).splitlines() == [
        "{",
        '  "text": "Hi",',
        '  "amount": 20.50,',
        '  "n": 1e400,',
        '  "amount": 9000,',
        '  "a": [',
        "    1,",
        "    {}",
        "  ],",
        '  "e": [],',
        '  "x": null,',
        '  "b": true',
        "}",
    ]


def test_a_text_in_json_cannot_pass_for_a_field_and_hides_nothing() -> None:
    body = json.dumps({"text": 'Hi\n"customer": {"id": "C-1"}\x1b[2J \u202e', "id": "C-2"}).encode()
    lines = only("application/vnd.shop+json", body).splitlines()
    assert lines[1:4] == [
        '  "text": "Hi\\n',
        '    \\"customer\\": {\\"id\\": \\"C-1\\"}\\u001b[2J \\u202e",',
        '  "id": "C-2"',
    ]


def test_only_a_line_break_breaks_a_line() -> None:
    assert only("application/json", rb'["C:\\new", "a\nb\n"]') == '[\n  "C:\\\\new",\n  "a\\n\n    b\\n\n    "\n]'


@pytest.mark.parametrize("body", [b'{"text": ', b"[" * 50_000, b'{"a":' * 60 + b"1" + b"}" * 60, b'{"a": "\xff"}', b""])
def test_what_is_no_json_is_shown_as_it_is(body: bytes) -> None:
    [part] = read_original("application/json", body)
    assert "cannot be taken apart" in part.title
    assert part.text == body.decode("cp1252")


# --- text and forms ---


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "für 10 €".encode(), "für 10 €"),
        ("text/plain; charset=iso-8859-1", b"f\xfcr 10 \x80", "für 10 €"),
        ("text/plain; charset=iso-8859-1", "für 10 €".encode(), "für 10 €"),
        ('text/plain; charset="UTF-16"', "für".encode("utf-16"), "für"),
        ("text/plain; charset=shift_jis", "返金".encode("shift_jis"), "返金"),
        ("text/plain; charset=koi8-r", "возврат".encode("koi8-r"), "возврат"),
        ("text/plain; charset=x-unknown", b"plain", "plain"),
        ("text/plain; charset=unicode_escape", b"\\x41", "\\x41"),
        ("text/plain; charset=punycode", b"egbpdaj6bu4bxfgehfvwxn", "egbpdaj6bu4bxfgehfvwxn"),
        ("text/plain", b"\xef\xbb\xbfwith a mark", "with a mark"),
        ("text/plain", b"\xff\x81\x8d", "\\xff\\x81\\x8d"),
        ("text/html", b"<b onclick=x>\x1b[2J</b>", "<b onclick=x>\\x1b[2J</b>"),
        ("", b"no type", "no type"),
        ("application/pdf", b"%PDF-1.7", "%PDF-1.7"),
    ],
)
def test_bytes_become_text_as_they_were_meant(content_type: str, body: bytes, text: str) -> None:
    assert only(content_type, body) == text


def test_a_form_is_shown_field_by_field() -> None:
    assert shown("application/x-www-form-urlencoded", b"text=a+b%0A%1B&customer%5Bid%5D=C-1") == {
        "field 'text'": "a b\n\\x1b",
        "field 'customer[id]'": "C-1",
    }
    body = (
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n<i>\r\n'
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="a\x1b.pdf"\r\nContent-Type: application/pdf\r\n'
        b"\r\n%PDF\r\n--b--\r\n"
    )
    parts = shown("multipart/form-data; boundary=b", body)
    assert parts["field 'text'"] == "<i>"
    assert [title for title in parts if "a\\x1b.pdf" in title and "not shown" in title]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
def test_a_broken_form_is_shown_as_it_is(kind: str) -> None:
    [part] = read_original(kind, b"--b %zz&\xc3\xa9")
    assert "cannot be taken apart (FormError)" in part.title
    assert part.text == "--b %zz&é"


# --- mail ---


def test_a_mail_is_shown_with_all_its_headers_and_texts_decoded() -> None:
    raw = (
        b"Received: from a\r\n by b\r\nFrom: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\n"
        b"Subject: =?iso-8859-1?b?Zvxy?= =?bogus?q?x?= \xe9\r\nX-A: \x1b]0;a\x07\r\n"
        b'Content-Type: multipart/mixed; boundary="o"\r\n\r\nbefore all\r\n'
        b'--o\r\nContent-Type: multipart/alternative; boundary="i"\r\n\r\n'
        b"--i\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nZsO8cg==\r\n"
        b"--i\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<b>f=FCr</b>=1B[2J\r\n"
        b"--i--\r\n--o\r\nContent-Type: application/pdf; name*=utf-8''Rechnung%E2%80%AE.pdf\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n"
        b"--o\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n--o--\r\n"
    )
    assert shown(MAIL, raw) == {
        "headers": (
            "Received: from a by b\nFrom: Jörg <j@example.org>\nSubject: fürx \\xe9\n"
            'X-A: \\x1b]0;a\\x07\nContent-Type: multipart/mixed; boundary="o"'
        ),
        "before the first part: mail programs do not show it": "before all",
        "part 1: text/plain": "für",
        "part 2: text/html": "<b>für</b>\\x1b[2J",
        "part 3: application/pdf, named 'Rechnung\\u202e.pdf', 5 bytes, not shown": "",
        "part 4: message/rfc822": "Subject: inner",
        "part 5: text/plain": "inner text",
    }


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"no headers at all", "no headers at all"),
        (b"\x00\x01\x02\xff", "\\x00\\x01\\x02ÿ"),
        (b"A: b\n" + b"Content-Type: multipart/mixed; boundary=x\n" * 40, "A: b"),
        (b"Content-Type: message/rfc822\n\n" * 5_000, "Content-Type: message/rfc822"),
    ],
)
def test_a_mail_that_cannot_be_taken_apart_is_shown_as_it_is(raw: bytes, text: str) -> None:
    [part] = read_original(MAIL, raw)
    assert "cannot be taken apart" in part.title
    assert part.text.startswith(text)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Content-Type: multipart/mixed; boundary=x\n\n--y\nlost?", "--y\nlost?"),
        (b"Content-Type: multipart/mixed\n\nno boundary", "no boundary"),
        (b"Content-Transfer-Encoding: base64\n\n!!! no base64", "!!! no base64"),
        (b"Content-Transfer-Encoding: x-own\n\nas it is", "as it is"),
        (b"Content-Type: text/plain; charset=idna\n\nas it is", "as it is"),
        (b"Content-Type: \xff\xff/;;;\n\nas it is", "as it is"),
    ],
)
def test_a_broken_mail_loses_no_text(raw: bytes, text: str) -> None:
    assert list(shown(MAIL, raw).values())[-1] == text


def test_a_mail_of_many_parts_says_where_it_stops() -> None:
    parts = read_original(MAIL, b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\na\n" * 300 + b"--x--\n")
    assert len(parts) == MAX_PARTS + 2
    assert "raw message only" in parts[-1].title


# --- whatever comes ---


@given(
    st.sampled_from([*ACCEPTED_TYPES, "multipart/form-data; boundary=x", "x/y; charset=utf-16"]),
    st.binary(max_size=300),
)
def test_whatever_comes_it_is_shown_and_drives_no_terminal(content_type: str, body: bytes) -> None:
    parts = read_original(content_type, body)
    assert parts
    for part in parts:
        assert "\n" not in part.title
        assert not {c for c in part.title + part.text if ord(c) < 32 or 127 <= ord(c) < 160} - {"\n", "\t"}
        (part.title + part.text).encode()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MAIL, b"A: b\n" * 200_000),
        (MAIL, b"A: " + b"=?utf-8?q?a?= " * 70_000),
        (MAIL, b"Content-Type: text/plain; " + b"a=b;" * 250_000 + b"\n\nx"),
        (MAIL, b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\n" * 200_000),
        (MAIL, b"A: b\nContent-Transfer-Encoding: quoted-printable\n\n" + b"=" * 1_000_000),
        ("application/json", b"[" + b"1," * 500_000 + b"1]"),
        ("application/json", b'{"a": "' + b"\\n" * 500_000 + b'"}'),
        ("text/plain; charset=" + "a" * 100_000, b"x"),
        ("text/plain", "漢\u202e".encode() * 170_000),
        ("application/x-www-form-urlencoded", b"a=%41" * 200_000),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:20],
)
def test_hostile_bodies_take_no_longer_than_others(content_type: str, body: bytes) -> None:
    began = time.process_time()
    read_original(content_type, body)
    assert time.process_time() - began < 10
