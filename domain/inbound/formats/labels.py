"""What labels of charsets mean: one table for bodies, forms and mail.

A label means what the web says (https://encoding.spec.whatwg.org/#names-and-labels): `iso-8859-1` is windows-1252,
`shift_jis` windows-31j. Mail has labels that no browser knows beside them. Where Python's codec of a name is narrower
than what is sent under it, the wider one is named.
"""

import codecs
import re
from functools import lru_cache

import webencodings  # type: ignore[import-untyped]
from webencodings.labels import LABELS  # type: ignore[import-untyped]

_LABEL_CHARS = 60
_QUOTES = " \t\"'"
_NOT_ALNUM = re.compile("[^a-z0-9]")
_NUMBERED = re.compile(r"(?:cs)?x?(?:windows|cp|win)(125[0-8]|874)")
_ISO = re.compile(r"(?:cs)?iso8859(1[0-6]|[1-9])[ei]?")
_SQUEEZED = {_NOT_ALNUM.sub("", label): label for label in LABELS}
_NO_TEXT = frozenset({"replacement", "x-user-defined"})  # of the web, but no charset of letters
_NOT_OF_THE_WEB = {"latin-1": "iso-8859-1", "cp-1252": "windows-1252"}  # but sent by web servers all the same

# What Python calls a charset, and which wider one is read under that name.
_WIDER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932", "euc_kr": "cp949",
    "iso2022_jp": "iso2022_jp_ext", "utf-8-sig": "utf-8",
}  # fmt: skip
# Labels of mail, without punctuation, that the web does not know, or takes for one order of two bytes where mail says
# nothing of it.
_OF_MAIL = {
    "utf8mb4": "utf-8", "ms950": "big5hkscs", "cp950": "big5hkscs", "utf16": "utf-16", "csunicode": "utf-16",
    "iso10646ucs2": "utf-16", "ucs2": "utf-16", "unicode": "utf-16", "unicodefeff": "utf-16",
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
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip


@lru_cache(maxsize=256)
def web_codec(label: str) -> str | None:
    """Return Python's name of the charset that a label means on the web; None if browsers know none of that name.

    >>> web_codec("Latin1"), web_codec("shift_jis"), web_codec("utf-7")
    ('cp1252', 'cp932', None)
    """
    label = label[:_LABEL_CHARS].strip(_QUOTES).lower()
    found = webencodings.lookup(_NOT_OF_THE_WEB.get(label, label))
    if found is None or found.name in _NO_TEXT:
        return None
    return _wider(str(found.codec_info.name))


@lru_cache(maxsize=256)
def mail_codec(label: str) -> str | None:
    """Return Python's name of the charset that a label of mail means; None if the label means none.

    >>> mail_codec("Latin1"), mail_codec("utf8mb4"), mail_codec("rot13")
    ('cp1252', 'utf-8', None)
    """
    label = label[:_LABEL_CHARS].strip(_QUOTES).lower()
    squeezed = _NOT_ALNUM.sub("", label)
    name = _OF_MAIL.get(squeezed) or web_codec(_SQUEEZED.get(squeezed, label))
    name = name or python_codec(label) or python_codec(squeezed)
    if name is None:
        if match := _NUMBERED.fullmatch(squeezed):
            name = f"cp{match.group(1)}"
        elif match := _ISO.fullmatch(squeezed):
            name = f"iso8859-{match.group(1)}"
    name = _wider(name) if name else None
    return name if name in _KNOWN else None


def python_codec(label: str) -> str | None:
    """Return Python's own name of a codec, None if it has none of that name."""
    try:
        return codecs.lookup(label).name
    except (LookupError, ValueError):
        return None


def byte_order_mark(body: bytes) -> tuple[int, str] | None:
    """Return how many bytes at the beginning say in which charset a body is, and which that is.

    >>> byte_order_mark(codecs.BOM_UTF16_BE + b"..."), byte_order_mark(b"...")
    ((2, 'utf-16-be'), None)
    """
    return next(((len(mark), name) for mark, name in _MARKS if body.startswith(mark)), None)


def _wider(name: str) -> str:
    return _WIDER.get(name, name)
