"""Bodies in any charset of the web, forms as browsers and services build them, and bytes that are no characters."""

import codecs
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import WebhookRefusedError
from domain.inbound.formats.charsets import decode, decode_document, is_whole, mend
from domain.inbound.formats.labels import web_codec
from domain.inbound.message.inbound import Inbound
from domain.inbound.web_forms import MAX_PARTS
from domain.inbound.webhook import parse_webhook

FORM = "application/x-www-form-urlencoded"
MULTI = "multipart/form-data; boundary=B"
REPLACED = "characters that cannot be read were replaced"


def part(name: str, value: bytes, more: bytes = b"", end: bytes = b"\r\n") -> bytes:
    head = b'Content-Disposition: form-data; name="' + name.encode() + b'"'
    return b"--B" + end + head + (end + more if more else b"") + end + end + value + end


def multi(*pieces: bytes, end: bytes = b"\r\n") -> Inbound:
    return parse_webhook(MULTI, b"".join(pieces) + b"--B--" + end)


# --- bodies of text ---


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("latin1", "cp1252"),
        ("ISO-8859-1", "cp1252"),
        ("windows-1256", "cp1256"),
        ("koi8-r", "koi8-r"),
        ("shift_jis", "cp932"),
        ("gb2312", "gbk"),
        ("euc-kr", "cp949"),
        ("iso-2022-jp", "iso2022_jp"),
        ("utf-16le", "utf-16-le"),
    ],
)
def test_text_in_every_charset_of_the_web(label: str, codec: str) -> None:
    words = {
        "cp1256": "الطلب",
        "koi8-r": "заказ",
        "cp932": "注文",
        "gbk": "订单",
        "cp949": "주문",
        "iso2022_jp": "注文",
    }
    text = words.get(codec, "café €" if codec == "cp1252" else "café")
    found = parse_webhook(f'text/plain; charset="{label}"', text.encode(codec))
    assert (found.text, found.notes, found.undecodable) == (text, [], False)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_byte_order_mark_is_believed_more_than_a_label(mark: bytes) -> None:
    codec = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le"}.get(mark, "utf-16-be")
    assert parse_webhook("text/html; charset=latin1", mark + "<p>é</p>".encode(codec)).html == "<p>é</p>"


def test_a_byte_order_mark_before_every_other_type() -> None:
    mark = codecs.BOM_UTF8
    assert parse_webhook(FORM, mark + b"text=x").text == "x"
    assert parse_webhook(MULTI, mark + part("text", b"x") + b"--B--").text == "x"
    assert parse_webhook("application/json", mark + b'{"text": "x"}').text == "x"
    mail = parse_webhook("message/rfc822", mark + b"From: a@example.org\r\nSubject: s\r\n\r\nx")
    assert (mail.customer_email, mail.mail) == ("a@example.org", b"From: a@example.org\r\nSubject: s\r\n\r\nx")


def test_what_calls_itself_ascii_may_be_utf_8() -> None:
    assert parse_webhook("text/plain; charset=us-ascii", "é".encode()).text == "é"
    assert parse_webhook("text/plain; charset=us-ascii", b"\xe9t\xe9").text == "été"


def test_bytes_that_are_no_characters_are_replaced_and_the_message_is_not_trusted_with_money() -> None:
    found = parse_webhook("text/plain", "Grüße, bitte zurückzahlen".encode("latin-1"))
    assert found.text == "Gr\ufffd\ufffde, bitte zur\ufffdckzahlen"
    assert found.notes == [f"body: {REPLACED}"]
    assert found.undecodable


@pytest.mark.parametrize("label", ["utf-7", "idna", "hz-gb-2312", "replacement", "x-user-defined", "rot13", "x" * 300])
def test_labels_that_no_browser_knows(label: str) -> None:
    assert web_codec(label) is None
    with pytest.raises(WebhookRefusedError, match="bad_charset"):
        parse_webhook(f"text/plain; charset={label}", b"a")


@settings(max_examples=200, deadline=None)
@given(
    raw=st.binary(max_size=60),
    label=st.sampled_from(["utf-8", "gbk", "big5", "euc-jp", "iso-2022-jp", "utf-16", "x-user-defined", "nope"]),
)
def test_no_bytes_make_decoding_fail(raw: bytes, label: str) -> None:
    for text in (decode(raw, label), decode_document(raw, label), decode(raw)):
        assert is_whole(mend(text))


# --- forms ---


def test_a_form_says_its_charset_in_a_field() -> None:
    value = quote_from_bytes("заказ".encode("cp1251"))
    assert parse_webhook(FORM, f"_charset_=windows-1251&text={value}".encode()).text == "заказ"
    assert parse_webhook(FORM, f"_charset_=utf-7&text=ORD-1+{value}".encode()).undecodable
    assert parse_webhook(f"{FORM}; charset=windows-1251", f"text={value}".encode()).text == "заказ"
    assert multi(part("_charset_", b"koi8-r"), part("text", "заказ".encode("koi8-r"))).text == "заказ"


def test_the_charset_of_a_part_wins_over_the_forms() -> None:
    typed = part("text", b"caf\xe9", b"Content-Type: text/plain; charset=iso-8859-1")
    assert multi(part("_charset_", b"utf-8"), typed, part("subject", "é".encode())).text == "café"


def test_bytes_that_are_no_characters_refuse_only_in_ids_and_amounts() -> None:
    found = parse_webhook(FORM, b"text=ok+%ff&subject=%fe&customer.name=%fd&mood=%fc")
    assert (found.text, found.subject, found.customer_name) == ("ok \ufffd", "\ufffd", "\ufffd")
    assert found.undecodable
    for name in ("order_id", "customer_id", "amount", "currency", "tenant"):
        with pytest.raises(WebhookRefusedError, match="bad_field"):
            parse_webhook(FORM, f"text=ok&{name}=1%ff".encode())


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_lines_of_a_multipart_form_may_end_either_way(end: bytes) -> None:
    body = multi(part("text", b"one" + end + b"two", end=end), part("customer[id]", b"C-1", end=end), end=end)
    assert (body.text, body.customer_id) == ("one" + end.decode() + "two", "C-1")


def test_line_ends_are_those_of_the_first_delimiter_so_that_a_body_has_one_reading() -> None:
    inside = b"hello\n--B\nContent-Disposition: form-data; name=order_id\n\nORD-9\n--B--"
    found = multi(part("text", inside))
    assert (found.text, found.order_id) == (inside.decode(), None)


def test_what_stands_before_and_after_the_parts_counts_for_nothing() -> None:
    body = b"This is a form.\r\n--Bx\r\n" + part("text", b"x") + b"--B--\r\n" + part("order_id", b"ORD-1")
    found = parse_webhook(MULTI, body)
    assert (found.text, found.order_id) == ("x", None)


def test_files_of_every_kind_are_named() -> None:
    file = b'--B\r\nContent-Disposition: form-data; name="f"; filename="%b"\r\nContent-Type: image/png\r\n\r\n%b\r\n'
    nested = (
        b'--B\r\nContent-Disposition: form-data; name="more"\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n'
        b'--C\r\nContent-Disposition: file; filename="two.txt"\r\n\r\nx\r\n'
        b"--C\r\nContent-Disposition: file; filename*=utf-8''dr%C3%ADtte.txt\r\n\r\n\xff\r\n--C--\r\n"
    )
    found = multi(part("text", b"x"), file % (b"one.png", b"\x89"), file % (b"", b""), nested + b"\r\n")
    assert [a.name for a in found.attachments] == ["one.png", "two.txt", "drítte.txt"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "body",
    [
        (b"--B" + b" " * 500_000) + b"x",
        b"\n--B" * 200_000,
        b"\r\n--B \t" * 100_000,
        part("text", b"x") + b"\r\n" * 400_000,
        b"--B\r\n" + b"a: b\r\n " * 100_000,
        (b'--B\r\nContent-Disposition: form-data; name="x"' + b';a="' * 1900 + b"\\\r\n\r\nv\r\n") * 120 + b"--B--",
    ],
)
def test_hostile_forms_end_at_once(body: bytes) -> None:
    with pytest.raises(WebhookRefusedError):
        parse_webhook(MULTI, body)


def test_too_many_parts() -> None:
    with pytest.raises(WebhookRefusedError, match="more than"):
        multi(*[part(f"f{n}", b"x") for n in range(MAX_PARTS + 1)])
    with pytest.raises(WebhookRefusedError, match="more than"):
        parse_webhook(FORM, b"&".join(b"f%d=1" % n for n in range(MAX_PARTS + 1)))
