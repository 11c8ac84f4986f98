"""Bytes to text in whatever charset a sender names, and what becomes of the bytes and half characters that are none.

Labels are those of the web (https://encoding.spec.whatwg.org/#names-and-labels), where `iso-8859-1` means windows-1252.
What cannot be decoded is marked by a lone surrogate, as JSON does with half of a pair: one rule for both, `mend`, turns
them into U+FFFD where a person reads them; where a value is compared, `is_whole` says that it must be refused.
"""

import codecs
import re

import webencodings  # type: ignore[import-untyped]

UNREADABLE = "\udcff"  # stands for bytes that are no character; UTF-8 cannot hold it
_BROKEN = re.compile("[\x00\ud800-\udfff]")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_OTHER_LABELS = {"latin-1": "iso-8859-1", "cp-1252": "windows-1252"}  # not of the web, but sent
_MARKING = "headgate-unreadable"


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE, error.end


codecs.register_error(_MARKING, _mark)


def find_codec(label: str) -> codecs.CodecInfo | None:
    """Return the codec that a label names, None if the web knows none of that name.

    >>> find_codec("Latin1").name, find_codec("utf-7")
    ('cp1252', None)
    """
    label = label.strip().strip("'\"").lower()
    found = webencodings.lookup(_OTHER_LABELS.get(label, label)[:40])
    if found is None or found.name == "replacement":
        return None
    codec: codecs.CodecInfo = found.codec_info
    return codec


def decode(raw: bytes, label: str | None = None) -> str:
    r"""Decode one value; unknown labels count as UTF-8. What is no character becomes `UNREADABLE`, nothing raises.

    >>> decode(b"caf\xe9", "iso-8859-1"), decode(b"caf\xe9") == "caf" + UNREADABLE
    ('café', True)
    """
    codec = find_codec(label) if label else None
    if codec is None or codec.name == "utf-8" or _is_ascii(label):
        raw = raw.removeprefix(codecs.BOM_UTF8)
        if codec is None or codec.name == "utf-8" or _is_utf8(raw):
            return raw.decode("utf-8", _MARKING)
    return str(codec.decode(raw, _MARKING)[0])


def decode_document(raw: bytes, label: str | None = None) -> str:
    """Decode a whole body: its byte order mark, where there is one, is believed more than the label."""
    for mark, charset in _BOMS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(charset, _MARKING)
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
