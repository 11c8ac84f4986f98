"""Bytes to text: by the label as browsers read it, and by what the bytes themselves show.

Labels mean what `domain.inbound.formats.labels` says, since that is how mail programs write and read them. A label that
the bytes contradict does not count. Which charset unlabelled bytes of another script are in is not guessed: they are
lost, and it is said.
"""

import codecs
import re

from domain.inbound.cleaned import CleanFlag
from domain.inbound.formats.labels import byte_order_mark, mail_codec, python_codec

_C1 = re.compile("[\x80-\x9f]")
_HIGH = re.compile(rb"[\x80-\xff]")
_LETTER = re.compile(rb"[A-Za-z]")
_FEW = 6  # signs such as € in a message of figures say nothing of its script
_SEVERAL_BYTES = frozenset({"cp932", "cp949"})  # a character, of those charsets that are named like single bytes
# Where the controls of an ISO charset turn up, the sender's program meant the Windows charset of that region.
_WINDOWS = {"iso8859-2": "cp1250", "iso8859-7": "cp1253", "iso8859-8": "cp1255", "iso8859-13": "cp1257"}


def decode(body: bytes, charset: str | None) -> tuple[str, set[CleanFlag]]:
    """Return the text of a body, whatever its declared charset says; never raises.

    `MIXED_ENCODING` tells that the declared charset did not hold, or that characters came out which no text has.
    `UNDECODABLE` tells that bytes fit nothing: they stand as U+FFFD.

    >>> decode("20 €".encode("cp1252"), "iso-8859-1")
    ('20 €', set())
    """
    if mark := byte_order_mark(body):
        length, name = mark
        return _told(body[length:].decode(name, "replace"), set())
    codec = mail_codec(charset) if charset else None
    flags = {CleanFlag.MIXED_ENCODING} if charset and codec is None else set()
    if body.isascii():
        return _read_ascii(body, codec, flags)
    if charset and python_codec(charset.strip().lower()) == "ascii":
        flags = {CleanFlag.MIXED_ENCODING}
    if codec is not None and not _is_single(codec):
        return _several(body, _order_of(body) if codec == "utf-16" else codec, flags)
    if (text := _strictly(body, "utf-8")) is not None:
        return _told(text, flags | ({CleanFlag.MIXED_ENCODING} if charset else set()))
    if codec is None or (codec == "cp1252" and not _mostly_latin(body)):
        return _unlabelled(body, flags)
    return _single(body, codec, flags)


def _is_single(codec: str) -> bool:
    """Tell whether each byte is a character."""
    return codec.startswith(("cp", "iso8859", "koi8", "mac", "kz")) and codec not in _SEVERAL_BYTES


def _strictly(body: bytes, codec: str) -> str | None:
    try:
        return body.decode(codec)
    except (ValueError, LookupError):
        return None


def _read_ascii(body: bytes, codec: str | None, flags: set[CleanFlag]) -> tuple[str, set[CleanFlag]]:
    """Read what may yet be more than ASCII: charsets that switch by escapes, or two bytes for each letter."""
    if b"\x1b$" in body or b"\x1b(" in body:
        name = codec if codec and codec.startswith("iso2022") else "iso2022_jp_ext"
    elif body[:2000].count(0) * 4 > len(body[:2000]):
        name = codec if codec and codec.startswith("utf-") and "16-" in codec else _order_of(body)
    elif codec and not codec.startswith("utf-16") and not codec.startswith("utf-32"):
        name = codec
    else:
        name = "ascii"
    return _told(body.decode(name, "replace"), flags)


def _order_of(body: bytes) -> str:
    """Return which byte of two is the high one: in most texts that is the one which is more often zero."""
    head = body[:4000]
    return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"


def _mostly_latin(body: bytes) -> bool:
    """Tell whether letters of ASCII carry the text, so that it is in Latin script."""
    head = body[:20_000]
    high = len(_HIGH.findall(head))
    return high < _FEW or len(_LETTER.findall(head)) >= high


def _unlabelled(body: bytes, flags: set[CleanFlag]) -> tuple[str, set[CleanFlag]]:
    """Read bytes of no charset as windows-1252 if they are of Latin script; of others all that is lost is said."""
    flags = flags | {CleanFlag.MIXED_ENCODING}
    if _mostly_latin(body):
        return _single(body, "cp1252", flags)
    return _told(body.decode("ascii", "replace"), flags)


def _several(body: bytes, codec: str, flags: set[CleanFlag]) -> tuple[str, set[CleanFlag]]:
    """Read a charset of several bytes a character, or what the body is in if it is not that."""
    if (text := _strictly(body, codec)) is not None:
        return _told(text, flags)
    flags = flags | {CleanFlag.MIXED_ENCODING}
    if codec != "utf-8":
        text = _strictly(body, "utf-8")
        return _told(body.decode(codec, "replace") if text is None else text, flags)
    strange = len(body) - len(body.decode("utf-8", "ignore").encode())
    few = strange <= len(_LETTER.findall(body))
    return _told(body.decode("utf-8", "headgate-mixed"), flags) if few else _unlabelled(body, flags)


def _single(body: bytes, codec: str, flags: set[CleanFlag]) -> tuple[str, set[CleanFlag]]:
    text = body.decode(codec, "replace")
    if not codec.startswith("cp") and _C1.search(text):
        flags = flags | {CleanFlag.MIXED_ENCODING}
        other = _strictly(body, _WINDOWS[codec]) if codec in _WINDOWS else None
        text = other or _C1.sub(lambda match: _windows_sign(ord(match.group())), text)
    return _told(text, flags)


def _windows_sign(code: int) -> str:
    return bytes((code,)).decode("cp1252", "replace")


def _told(text: str, flags: set[CleanFlag]) -> tuple[str, set[CleanFlag]]:
    flags = set(flags)
    if "\ufffd" in text:
        flags.add(CleanFlag.UNDECODABLE)
    if _C1.search(text.replace("\x85", "")):
        flags.add(CleanFlag.MIXED_ENCODING)
    return text, flags


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    """Read the bytes that are no UTF-8 as windows-1252, and go on: two programs wrote into one mail."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("headgate-mixed", _as_windows)
