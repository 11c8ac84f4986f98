"""Bytes to text: by the label as browsers read it, and by what the bytes themselves show.

Labels mean what the WHATWG Encoding Standard says (iso-8859-1, latin1 and us-ascii are windows-1252, gb2312 is gb18030,
shift_jis is windows-31j), since that is how mail programs write and read them. A label that the bytes contradict does
not count. Which charset unlabelled bytes of another script are in is not guessed: they are lost, and it is said.
"""

import codecs
import re
from functools import lru_cache

from domain.inbound.cleaned import CleanFlag

_C1 = re.compile("[\x80-\x9f]")
_HIGH = re.compile(rb"[\x80-\xff]")
_LETTER = re.compile(rb"[A-Za-z]")
_FEW = 6  # signs such as € in a message of figures say nothing of its script
_NOT_ALNUM = re.compile("[^a-z0-9]")
_NUMBERED = re.compile(r"(?:cs)?x?(?:windows|cp|win)(125[0-8]|874)")
_ISO = re.compile(r"(?:cs)?iso8859(1[0-6]|[1-9])[ei]?")

# What Python calls a charset, and which wider one the standard reads under that name.
_WIDER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932", "euc_kr": "cp949",
    "iso2022_jp": "iso2022_jp_ext", "utf-8-sig": "utf-8",
}  # fmt: skip
# Labels without punctuation that Python does not know.
_LABELS = {
    "unicode11utf8": "utf-8", "unicode20utf8": "utf-8", "xunicode20utf8": "utf-8", "utf8mb4": "utf-8",
    "suneugreek": "iso8859-7", "visual": "iso8859-8", "logical": "iso8859-8", "csisolatin9": "iso8859-15",
    "koi": "koi8-r", "koi8": "koi8-r", "koi8ru": "koi8-u",
    "mac": "mac-roman", "csmacintosh": "mac-roman", "xmacroman": "mac-roman", "xmaccyrillic": "mac-cyrillic",
    "xmacukrainian": "mac-cyrillic", "dos874": "cp874",
    "gb231280": "gb18030", "csgb2312": "gb18030", "xgbk": "gb18030", "cp936": "gb18030", "ms936": "gb18030",
    "cnbig5": "big5hkscs", "xxbig5": "big5hkscs", "ms950": "big5hkscs", "cp950": "big5hkscs",
    "xeucjp": "euc_jp", "cseucpkdfmtjapanese": "euc_jp", "xsjis": "cp932", "windows31j": "cp932",
    "cseuckr": "cp949", "csksc56011987": "cp949", "isoir149": "cp949", "ksc56011989": "cp949", "ksc5601": "cp949",
    "windows949": "cp949",
    "unicodefffe": "utf-16-be", "csunicode": "utf-16", "iso10646ucs2": "utf-16", "ucs2": "utf-16", "unicode": "utf-16",
    "unicodefeff": "utf-16",
}  # fmt: skip
# Python also has codecs that are no charsets, and some that take time which grows with the square of the text.
_KNOWN = frozenset({
    *(f"cp{number}" for number in (437, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874, 932)),
    *(f"cp{number}" for number in range(1250, 1259)),
    *(f"iso8859-{number}" for number in range(1, 17)),
    "koi8-r", "koi8-u", "koi8-t", "kz1048", "mac-roman", "mac-cyrillic", "mac-greek", "mac-latin2", "mac-turkish",
    "utf-8", "utf-7", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be",
    "gb18030", "hz", "big5hkscs", "euc_jp", "euc_jis_2004", "shift_jis_2004", "cp949", "johab",
    "iso2022_jp_ext", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004", "iso2022_kr",
})  # fmt: skip
_BY_BYTES = frozenset(name for name in _KNOWN if name.startswith(("cp", "iso8859", "koi8", "mac", "kz")))
_SINGLE = _BY_BYTES - {"cp932", "cp949"}
# Where the controls of an ISO charset turn up, the sender's program meant the Windows charset of that region.
_WINDOWS = {"iso8859-2": "cp1250", "iso8859-7": "cp1253", "iso8859-8": "cp1255", "iso8859-13": "cp1257"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip


def decode(body: bytes, charset: str | None) -> tuple[str, set[CleanFlag]]:
    """Return the text of a body, whatever its declared charset says; never raises.

    `MIXED_ENCODING` tells that the declared charset did not hold, or that characters came out which no text has.
    `UNDECODABLE` tells that bytes fit nothing: they stand as U+FFFD.

    >>> decode("20 €".encode("cp1252"), "iso-8859-1")
    ('20 €', set())
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return _told(body[len(mark) :].decode(name, "replace"), set())
    codec = codec_of(charset) if charset else None
    flags = {CleanFlag.MIXED_ENCODING} if charset and codec is None else set()
    if body.isascii():
        return _read_ascii(body, codec, flags)
    if charset and _by_python(charset.strip().lower()) == "ascii":
        flags = {CleanFlag.MIXED_ENCODING}
    if codec is not None and codec not in _SINGLE:
        return _several(body, _order_of(body) if codec == "utf-16" else codec, flags)
    if (text := _strictly(body, "utf-8")) is not None:
        return _told(text, flags | ({CleanFlag.MIXED_ENCODING} if charset else set()))
    if codec is None or (codec == "cp1252" and not _mostly_latin(body)):
        return _unlabelled(body, flags)
    return _single(body, codec, flags)


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """Return Python's name of the charset that a label means; None if the label means none.

    >>> codec_of("Latin1"), codec_of("x-sjis"), codec_of("rot13")
    ('cp1252', 'cp932', None)
    """
    label = label[:60].strip(" \t\"'").lower()
    squeezed = _NOT_ALNUM.sub("", label)
    name = _LABELS.get(squeezed) or _by_python(label) or _by_python(squeezed)
    if name is None:
        if match := _NUMBERED.fullmatch(squeezed):
            name = f"cp{match.group(1)}"
        elif match := _ISO.fullmatch(squeezed):
            name = f"iso8859-{match.group(1)}"
    name = _WIDER.get(name, name) if name else None
    return name if name in _KNOWN else None


def _by_python(label: str) -> str | None:
    try:
        return codecs.lookup(label).name
    except (LookupError, ValueError):
        return None


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
