"""Bytes to text: what labels mean, and what bytes show whatever the label says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS  # type: ignore[import-untyped]

from adapters.cleaning.cleaner import DocumentCleaner
from adapters.cleaning.mail.charsets import decode
from domain.inbound.cleaned import CleanDocument, CleanFlag
from domain.inbound.formats.labels import mail_codec, web_codec
from tests.fakes.blueprint import WORDS

CLEANER = DocumentCleaner(WORDS.mail)


@pytest.mark.parametrize(
    ("labels", "codec"),
    [
        (
            "iso-8859-1 latin1 l1 us-ascii ascii ISO_8859-1 cp819 ansi_x3.4-1968 x-cp1252 windows-1252 iso88591",
            "cp1252",
        ),
        ("iso-8859-9 latin5 windows-1254 csisolatin5", "cp1254"),
        ("iso-8859-2 latin2 l2 csisolatin2 iso88592", "iso8859-2"),
        ("iso-8859-11 tis-620 windows-874 dos-874", "cp874"),
        ("gb2312 gbk gb_2312-80 chinese x-gbk cp936 gb18030", "gb18030"),
        ("big5 cn-big5 big5-hkscs csbig5", "big5hkscs"),
        ("shift_jis sjis x-sjis windows-31j ms_kanji", "cp932"),
        ("euc-kr ks_c_5601-1987 korean windows-949 ksc5601", "cp949"),
        ("koi8-r koi koi8 cskoi8r", "koi8-r"),
        ("utf8 utf-8 unicode-1-1-utf-8 UTF_8 utf8mb4", "utf-8"),
        ("iso-8859-8-i logical visual", "iso8859-8"),
        ("x-mac-roman macintosh mac", "mac-roman"),
        ("unicode ucs-2 utf-16", "utf-16"),
        ("windows-1258 x-cp1258 'windows-1258'", "cp1258"),
        ("iso-2022-jp csiso2022jp", "iso2022_jp_ext"),
    ],
)
def test_labels_mean_what_browsers_take_them_for(labels: str, codec: str) -> None:
    assert {label: mail_codec(label) for label in labels.split()} == dict.fromkeys(labels.split(), codec)


@pytest.mark.parametrize("label", sorted(LABELS))
def test_every_label_of_the_web_means_the_same_in_mail(label: str) -> None:
    """But for those that say nothing of the order of two bytes."""
    web, mail = web_codec(label), mail_codec(label)
    assert web is None or mail == web or (web.startswith("utf-16") and mail == "utf-16")


@pytest.mark.parametrize(
    "label", ["", "none", "rot13", "base64", "idna", "punycode", "unicode_escape", "zlib", "undefined", "x" * 500, "¿?"]
)
def test_what_is_no_charset_is_none(label: str) -> None:
    assert mail_codec(label) is None


@pytest.mark.parametrize(
    ("said", "codec", "label", "told"),
    [
        ("20 € – it’s “fine”", "cp1252", "iso-8859-1", False),
        ("20 € ž", "cp1252", "us-ascii", True),
        ("Größe 20 €", "utf-8", "iso-8859-1", True),
        ("Größe 20 €", "utf-8", "us-ascii", True),
        ("Größe 20 €", "utf-8", None, False),
        ("Größe", "cp1252", None, True),
        ("Größe", "cp1252", "utf-8", True),
        ("Größe 20 €", "cp1252", "iso-8859-15", True),
        ("Ťava Žena šála", "cp1250", "iso-8859-2", True),
        ("Привет, лампа", "koi8-r", "koi8-r", False),
        ("Привет, лампа", "cp1251", "windows-1251", False),
        ("Привет, лампа", "utf-8", "koi8-r", True),
        ("Καλημέρα ‘20’", "cp1253", "iso-8859-7", True),
        ("日本語①㈱", "cp932", "shift_jis", False),
        ("日本語", "euc_jp", "euc-jp", False),
        ("日本語 and more", "iso2022_jp", "iso-2022-jp", False),
        ("日本語 and more", "iso2022_jp", None, False),
        ("镕基 你好", "gb18030", "gb2312", False),
        ("您好", "big5", "big5", False),
        ("똠방각하", "cp949", "euc-kr", False),
        ("Tiê\u0301ng Viê\u0323t".replace("ê", "ê"), "cp1258", "windows-1258", False),
        ("20 € öä", "utf-16", "utf-16", False),
        ("20 € öä", "utf-16-le", "utf-16", False),
        ("Refund twenty", "utf-16-be", "utf-16", False),
        ("Refund twenty", "utf-16-le", None, False),
        ("with a mark", "utf-8-sig", "iso-8859-1", False),
        ("Hi Mom -1 € ", "utf-7", "utf-7", False),
    ],
)
def test_bytes_are_read_as_they_were_written(said: str, codec: str, label: str | None, told: bool) -> None:
    text, flags = decode(said.encode(codec), label)
    assert text == said
    assert (CleanFlag.MIXED_ENCODING in flags) is told
    assert CleanFlag.UNDECODABLE not in flags


def test_two_programs_in_one_text_are_both_read() -> None:
    assert decode("für ".encode() + "Größe 20 €".encode("cp1252"), "utf-8")[0] == "für Größe 20 €"


def clean(body: bytes, label: str) -> CleanDocument:
    charset = f"; charset={label}" if label else ""
    head = f"From: a@b.co\nSubject: Refund\nContent-Type: text/plain{charset}\n\n"
    return CLEANER.clean_email(head.encode() + body).document


@pytest.mark.parametrize("label", ["", "iso-8859-1", "us-ascii", "utf-8", "no-such"])
@pytest.mark.parametrize("codec", ["koi8-r", "cp1251", "iso8859-7", "cp1255", "cp932", "gb18030"])
def test_another_script_without_its_label_is_lost_and_said(codec: str, label: str) -> None:
    said = {"iso8859-7": "Καλημέρα σπασμένη λάμπα", "cp1255": "שלום המנורה שבורה", "cp932": "壊れて届きました返金",
            "gb18030": "台灯到货时已经损坏请退款"}.get(codec, "Лампа пришла разбитой")  # fmt: skip
    document = clean(said.encode(codec), label)
    assert CleanFlag.UNDECODABLE in document.flags
    assert document.mostly_lost


def test_a_few_lost_signs_are_said_and_the_text_is_read() -> None:
    document = clean(b"Order ORD-1 arrived broken, please refund \x81 20 USD", "windows-1252")
    assert "please refund \ufffd 20 USD" in document.text
    assert CleanFlag.UNDECODABLE in document.flags
    assert not document.mostly_lost


def test_the_charset_of_html_may_stand_in_it() -> None:
    page = b'<html><meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><p>' + "Лампа".encode("koi8-r")
    assert CLEANER.clean_email(b"From: a@b.co\nContent-Type: text/html\n\n" + page).document.text == "Лампа"


@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "gb2312", "koi8-r", "utf-7", "utf-16", "iso-2022-jp"]))
def test_no_bytes_raise(body: bytes, label: str | None) -> None:
    text, flags = decode(body, label)
    assert ("\ufffd" in text) <= (CleanFlag.UNDECODABLE in flags)
    text.encode()
