"""Bytes to text in whatever charset a sender names, and what becomes of the bytes and half characters that are none.

Labels are those of the web (`labels.web_codec`), where `iso-8859-1` means windows-1252.
What cannot be decoded is marked by a lone surrogate, as JSON does with half of a pair: one rule for both, `mend`, turns
them into U+FFFD where a person reads them; where a value is compared, `is_whole` says that it must be refused.
"""

import codecs
import re

from domain.inbound.formats.labels import byte_order_mark, web_codec

UNREADABLE = "\udcff"  # stands for bytes that are no character; UTF-8 cannot hold it
_BROKEN = re.compile("[\x00\ud800-\udfff]")
_MARKING = "headgate-unreadable"


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE, error.end


codecs.register_error(_MARKING, _mark)


def decode(raw: bytes, label: str | None = None) -> str:
    r"""Decode one value; unknown labels count as UTF-8. What is no character becomes `UNREADABLE`, nothing raises.

    >>> decode(b"caf\xe9", "iso-8859-1"), decode(b"caf\xe9") == "caf" + UNREADABLE
    ('café', True)
    """
    codec = (web_codec(label) if label else None) or "utf-8"
    if codec == "utf-8" or _is_ascii(label):
        raw = raw.removeprefix(codecs.BOM_UTF8)
        if codec == "utf-8" or _is_utf8(raw):
            return raw.decode("utf-8", _MARKING)
    return raw.decode(codec, _MARKING)


def decode_document(raw: bytes, label: str | None = None) -> str:
    """Decode a whole body: its byte order mark, where there is one, is believed more than the label."""
    if mark := byte_order_mark(raw):
        length, charset = mark
        return raw[length:].decode(charset, _MARKING)
    return decode(raw, label)


def is_whole(text: str) -> bool:
    """Return whether nothing in a text is half a character, an undecodable byte or NUL."""
    return _BROKEN.search(text) is None


def mend(text: str) -> str:
    r"""Put U+FFFD in place of what is no character; NUL is none in a text, and no database keeps it.

    >>> mend("broken \ud83d")
    'broken �'
    """
    return _BROKEN.sub("\ufffd", text)


def says_something(text: str | None) -> bool:
    r"""Return whether there is anything but blanks and characters that could not be read.

    >>> says_something("\ufffd \ufffd"), says_something("\ufffd a")
    (False, True)
    """
    if not text:
        return False
    return text[0].isalnum() or bool(text.replace("\ufffd", " ").strip())


def _is_ascii(label: str | None) -> bool:
    # It says nothing about the bytes above ASCII: what is UTF-8 then is UTF-8, and only the rest windows-1252.
    return label is not None and label.strip().lower() in ("us-ascii", "ascii")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
