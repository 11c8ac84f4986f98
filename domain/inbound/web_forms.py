"""HTML forms as bodies, urlencoded and multipart (RFC 7578), read strictly and in linear time.

Fields come back as bytes: which charset they are in may be said by another field (`_charset_` of HTML, `charsets` of
SendGrid), so `decoded` turns them into text once all are there.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from domain.errors import FormError, StrictJSONError
from domain.inbound import strict_json
from domain.inbound.formats.charsets import decode, mend
from domain.inbound.formats.labels import web_codec

MAX_PARTS = 200
_HEAD_CAP = 8 * 1024  # bytes of headers of one part
_MAX_PARAMETERS = 32  # of one header
# A quotation that does not end goes on to the end of the header: each character is looked at once.
_PARAMETER = re.compile(
    r';\s*+([A-Za-z0-9*_-]{1,40}+)\s*+=\s*+(?:"((?:[^"\\]++|\\.|\\\Z)*+)(?:"|\Z)|([^\s;"]++))', re.DOTALL
)
_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=? -]{1,70}", re.ASCII)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_CHARSET_FIELD, _CHARSETS_FIELD = "_charset_", "charsets"


class FormField(NamedTuple):
    """One field: its bytes and the charset that its part names, or for a file its name and type (no content)."""

    name: str
    raw: bytes
    charset: str | None = None
    file_name: str | None = None
    media_type: str = "text/plain"

    @property
    def value(self) -> str:
        """Return the text of a field by itself, for people; `decoded` knows what other fields say of its charset."""
        return mend(decode(self.raw, self.charset))


def read_urlencoded(body: bytes) -> list[FormField]:
    """Read `a=1&b=2`.

    Raises:
        FormError: a field without `=`, or more than `MAX_PARTS` fields.
    """
    if body.count(b"&") >= MAX_PARTS:
        raise FormError(f"more than {MAX_PARTS} fields")
    fields = []
    for piece in body.split(b"&"):
        name, equals, value = piece.replace(b"+", b" ").partition(b"=")
        if equals:
            fields.append(FormField(_name(unquote_to_bytes(name)), unquote_to_bytes(value)))
        elif piece:
            raise FormError(f"the field {_name(piece)[:40]!r} has no '='")
    return fields


def read_multipart(content_type: str, body: bytes) -> list[FormField]:
    """Read the parts of a multipart form; of a part that is itself multipart, the files.

    Raises:
        FormError: no boundary, a part without a name or a closing line, or more than `MAX_PARTS` parts.
    """
    return [field for piece in _pieces(content_type, body) for field in _read_part(piece)]


def form_charset(content_type: str) -> str | None:
    """Return the charset that a Content-Type header names for a whole form."""
    return _parameters(content_type).get("charset")


def decoded(fields: Sequence[FormField], charset: str | None = None) -> Iterator[tuple[FormField, str]]:
    """Yield each field that is no file with its text.

    The charset is that of the part, else the one that `charsets` names for the field, else `_charset_`, else the one of
    the form (`charset`), else UTF-8. What is no character in it comes back as `charsets.UNREADABLE`.
    """
    by_name, common = _named_charsets(fields)
    for field in fields:
        if field.file_name is None:
            label = field.charset or by_name.get(field.name) or common or charset
            yield field, decode(field.raw, label)


def _named_charsets(fields: Sequence[FormField]) -> tuple[dict[str, str], str | None]:
    by_name: dict[str, str] = {}
    common = None
    for field in fields:
        if field.name == _CHARSET_FIELD:
            label = field.raw[:40].decode("latin-1")
            common = label if web_codec(label) else common
        elif field.name == _CHARSETS_FIELD:
            try:
                told = strict_json.loads(field.raw)
            except StrictJSONError:
                continue
            pairs = told.items() if isinstance(told, dict) else ()
            by_name |= {name: label for name, label in pairs if isinstance(label, str) and web_codec(label)}
    return by_name, common


def _pieces(content_type: str, body: bytes) -> list[bytes]:
    """Return what stands between the delimiters; what stands before the first and after the last counts for nothing.

    Lines end as the first delimiter's line does: CRLF, or LF alone. So a body has one reading, not two.
    """
    boundary = _parameters(content_type).get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise FormError("content-type has no usable boundary")
    line = b"--" + re.escape(boundary.encode("ascii"))
    first = re.search(rb"(?:\A|\n|\xef\xbb\xbf)" + line + rb"[ \t]*(\r?\n)", body)
    if first is None:
        raise FormError("no part begins with the boundary")
    end = first.group(1)
    delimiter = re.compile(end + line + rb"(--)?[ \t]*(?=" + end + rb"|\Z)")
    pieces, at = [], first.end(1) - len(end)
    for found in delimiter.finditer(body, at):
        pieces.append(body[at : found.start()])
        if found.group(1):
            return pieces
        if len(pieces) >= MAX_PARTS:
            raise FormError(f"more than {MAX_PARTS} parts")
        at = found.end()
    raise FormError("the closing boundary is missing")


def _read_part(piece: bytes) -> list[FormField]:
    headers, content = _split_part(piece)
    disposition = headers.get("content-disposition", "")
    parameters = _parameters(disposition)
    kind = headers.get("content-type", "")
    if not disposition.lower().startswith("form-data") or "name" not in parameters:
        raise FormError("a part has no content-disposition: form-data with a name")
    name = parameters["name"]
    if kind.lower().startswith("multipart/"):
        return [_file(name, *_split_part(inner)) for inner in _pieces(kind, content.lstrip(b"\r\n"))]
    if "filename" in parameters or "filename*" in parameters:
        # A browser sends a field for a file that nobody chose.
        return [_file(name, headers, content)] if parameters.get("filename") != "" or content else []
    return [FormField(name, content, _parameters(kind).get("charset"))]


def _file(name: str, headers: dict[str, str], _: bytes) -> FormField:
    parameters = _parameters(headers.get("content-disposition", ""))
    kind = headers.get("content-type", "application/octet-stream")
    return FormField(name, b"", None, parameters.get("filename") or _extended(parameters), kind)


def _extended(parameters: dict[str, str]) -> str:
    """Read `filename*=utf-8''a%20b.png` (RFC 5987)."""
    charset, quote, rest = parameters.get("filename*", "").partition("'")
    return decode(unquote_to_bytes(rest.partition("'")[2]), charset) if quote else "file"


def _split_part(piece: bytes) -> tuple[dict[str, str], bytes]:
    """Return a part's headers by lower-case name, and its content."""
    blank = _BLANK_LINE.search(piece, 0, _HEAD_CAP + 4)
    if blank is None:
        raise FormError("a part has no headers, or too long ones")
    headers: dict[str, str] = {}
    for line in re.sub(r"\r?\n[ \t]+", " ", piece[: blank.start()].decode("utf-8", "replace")).splitlines():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers, piece[blank.end() :]


def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _parameters(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in islice(_PARAMETER.finditer(header[:_HEAD_CAP]), _MAX_PARAMETERS):
        name, quoted, bare = match.groups("")
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else bare)
    return found
