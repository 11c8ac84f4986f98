"""HTML forms as bodies, urlencoded and multipart (RFC 7578), read strictly and in linear time."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from domain.errors import FormError

MAX_PARTS = 200
_HEAD_CAP = 8 * 1024  # bytes of headers of one part
_PARAMETER = re.compile(r';\s*([A-Za-z0-9*_-]{1,40})\s*=\s*(?:"((?:[^"\\]|\\.){0,1000})"|([^\s;"]{1,1000}))')
_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=? -]{1,70}", re.ASCII)


class FormField(NamedTuple):
    """One field: its text, or for a file its name and type (the content is not copied)."""

    name: str
    value: str
    file_name: str | None = None
    media_type: str = "text/plain"


def read_urlencoded(body: bytes) -> list[FormField]:
    """Read `a=1&b=2`.

    Raises:
        FormError: not ASCII outside of percent escapes, escapes that are no UTF-8, or more than `MAX_PARTS` fields.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_PARTS
        )
    except UnicodeDecodeError as e:
        raise FormError(f"byte {e.start} is not percent-encoded UTF-8") from None
    except ValueError as e:
        raise FormError(str(e)) from None
    return [FormField(name, value) for name, value in pairs]


def read_multipart(content_type: str, body: bytes) -> list[FormField]:
    """Read the parts of a multipart form; nested multiparts are not read.

    Raises:
        FormError: no boundary, a part without a name or a closing line, text that is not UTF-8, or more than
            `MAX_PARTS` parts.
    """
    boundary = _parameters(content_type).get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise FormError("content-type has no usable boundary")
    # Each part stands between two delimiters; the first may open the body without a line break before it.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("ascii"), MAX_PARTS + 2)
    if len(pieces) > MAX_PARTS + 2:
        raise FormError(f"more than {MAX_PARTS} parts")
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise FormError("the closing boundary is missing")
    return [_read_part(piece) for piece in pieces[1:-1]]


def _read_part(piece: bytes) -> FormField:
    head, blank, content = piece.partition(b"\r\n\r\n")
    if not blank or len(head) > _HEAD_CAP:
        raise FormError("a part has no headers, or too long ones")
    headers = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    disposition = headers.get("content-disposition", "")
    parameters = _parameters(disposition)
    if not disposition.lower().startswith("form-data") or "name" not in parameters:
        raise FormError("a part has no content-disposition: form-data with a name")
    if "filename" in parameters or "filename*" in parameters:
        kind = headers.get("content-type", "application/octet-stream")
        return FormField(parameters["name"], "", parameters.get("filename", "file"), kind)
    try:
        return FormField(parameters["name"], content.decode("utf-8"))
    except UnicodeDecodeError:
        raise FormError(f"the field {parameters['name'][:64]!r} is not UTF-8") from None


def _parameters(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(header[:_HEAD_CAP]):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else bare)
    return found
