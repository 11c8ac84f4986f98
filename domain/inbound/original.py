"""A message as it came in, for people to read: taken apart by its type, decoded, and shown as nothing but text.

What came in may be hostile. Nothing of it is rendered, fetched or run; what cannot be seen is written out (`visible`),
so that it neither drives a terminal nor hides anything. Reading never fails: what cannot be taken apart is shown as it
is. The exact bytes stay in the store.
"""

import email
import email.policy
import json
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from itertools import islice

from pydantic import BaseModel

from domain.errors import FormError
from domain.inbound.formats.charsets import decode_document
from domain.inbound.formats.labels import mail_codec
from domain.inbound.shown import visible
from domain.inbound.web_forms import FormField, read_multipart, read_urlencoded
from domain.inbound.webhook import EMAIL_TYPE, JSON_TYPE, MULTIPART_TYPE, URLENCODED_TYPE, media_type

MAX_PARTS = 100
_MAX_BOUNDARIES = 30  # each line of a mail is compared with each of them
_MAX_HEADERS = 200
_HEADER_CHARS = 2_000  # the standard library reads the parameters of a header in time that grows with its square
_TITLE_CHARS = 200
_NO_TEXT = frozenset({"application", "audio", "font", "image", "model", "video"})
_MAX_DEPTH = 40  # of JSON


class OriginalPart(BaseModel):
    """A part of a message, with a title of ours and its text; control characters in both are written out."""

    title: str
    text: str = ""


def read_original(content_type: str, body: bytes) -> list[OriginalPart]:
    r"""Return a payload as parts to read; never raises, takes time in proportion to the body.

    >>> read_original("application/json", b'{"text": "Hello", "amount": 20.50}')[0].text
    '{\n  "text": "Hello",\n  "amount": 20.50\n}'
    """
    kind = media_type(content_type)
    try:
        if kind == JSON_TYPE:
            parts = [_part("JSON", _pretty(_json(body)))]
        elif kind == URLENCODED_TYPE:
            parts = [_field(field) for field in read_urlencoded(body)]
        elif kind == MULTIPART_TYPE:
            parts = [_field(field) for field in read_multipart(content_type, body)]
        elif kind == EMAIL_TYPE:
            parts = _mail(body)
        else:
            parts = [_part(kind or "no content type", _decode(body, _charset(content_type)))]
    except (FormError, ValueError, LookupError, RecursionError, AttributeError, TypeError, IndexError) as error:
        # The standard library's parsers have open bugs on broken messages; a person must see those, too.
        why = f"{kind} that cannot be taken apart ({type(error).__name__}): as it is"
        return [_part(why, _decode(body, _charset(content_type)))]
    return parts or [_part(f"{kind}, nothing in it", _decode(body, None))]


def documents_in(content_type: str, body: bytes) -> list[str]:
    """Return the texts of a payload that may be JSON documents: a JSON body, the JSON files of a mail, its own text.
    Never raises; of a mail that cannot be taken apart there is none.
    """
    kind = media_type(content_type)
    if kind == JSON_TYPE:
        return [decode_document(body)]
    if kind != EMAIL_TYPE or body.lower().count(b"boundary") > _MAX_BOUNDARIES:
        return []
    try:
        parts = list(islice(_leaves(email.message_from_bytes(body, policy=_POLICY)), MAX_PARTS))
        contents = [(part, part.get_payload(decode=True)) for part in parts if _may_be_json(part)]
        return [_decode(raw, part.get_content_charset()) for part, raw in contents if isinstance(raw, bytes)]
    except (ValueError, LookupError, RecursionError, AttributeError, TypeError, IndexError):
        return []


def _may_be_json(part: Message) -> bool:
    if part.is_multipart() or part.defects:
        return False
    named = (part.get_filename() or "").lower().endswith(".json")
    return named or part.get_content_type() in (JSON_TYPE, "text/plain")


def _part(title: str, text: str) -> OriginalPart:
    return OriginalPart(title=visible(" ".join(title.split())[:_TITLE_CHARS]), text=visible(text))


def _field(field: FormField) -> OriginalPart:
    if field.file_name is not None:
        return _part(f"file {field.name!r}: {field.file_name!r}, {field.media_type}, not shown", "")
    return _part(f"field {field.name!r}", field.value)


# --- bytes ----------------------------------------------------------------------------------------------------


def _charset(content_type: str) -> str | None:
    found = re.search(r";\s*charset\s*=\s*\"?([\w.:-]{1,40})", content_type[:_HEADER_CHARS], re.IGNORECASE | re.ASCII)
    return found[1] if found else None


def _decode(body: bytes, charset: str | None) -> str:
    r"""Return the text of some bytes: as declared, else as UTF-8, else as Windows-1252; what fits none is `\xhh`."""
    name = (mail_codec(charset) if charset else None) or "utf-8"
    for known in ("utf-8" if name == "cp1252" else name, "cp1252"):
        try:
            return body.decode(known).removeprefix("\ufeff")
        except (LookupError, ValueError):
            continue
    return body.decode("utf-8", "backslashreplace")


# --- JSON -----------------------------------------------------------------------------------------------------


class _Digits(str):
    """A number as it was written."""

    __slots__ = ()


class _Pairs(list[tuple[str, object]]):
    """An object with all its keys, those that come twice, too."""

    __slots__ = ()


def _json(body: bytes) -> object:
    decoder = json.JSONDecoder(
        object_pairs_hook=_Pairs, parse_float=_Digits, parse_int=_Digits, parse_constant=_Digits, strict=False
    )
    found: object = decoder.decode(body.decode("utf-8-sig"))
    return found


def _pretty(value: object, depth: int = 1) -> str:
    """Write a JSON value with a line for each field; a line break in a string is followed by one."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, _Digits):
        return str(value)
    pad, end = "  " * depth, "  " * (depth - 1)
    if isinstance(value, str):
        escaped = (json.dumps(line, ensure_ascii=False)[1:-1] for line in value.split("\n"))
        return '"' + f"\\n\n{pad}".join(escaped) + '"'
    if isinstance(value, _Pairs) and value:
        lines = [f"{pad}{json.dumps(name, ensure_ascii=False)}: {_pretty(inner, depth + 1)}" for name, inner in value]
        return "{\n" + ",\n".join(lines) + f"\n{end}}}"
    if isinstance(value, _Pairs):
        return "{}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(pad + _pretty(inner, depth + 1) for inner in value) + f"\n{end}]"
    return json.dumps(value)


# --- mail -----------------------------------------------------------------------------------------------------


class _ShortHeaders(email.policy.Compat32):
    """The old header policy, with an end to the length of a header."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_HEADER_CHARS]


_POLICY = _ShortHeaders()


def _mail(raw: bytes) -> list[OriginalPart]:
    """Return headers and parts of a mail; of a part that is no text its name, type and size.

    Raises:
        ValueError: it has too many boundaries to be taken apart.
    """
    if raw.lower().count(b"boundary") > _MAX_BOUNDARIES:
        raise ValueError("too many boundaries")
    message = email.message_from_bytes(raw, policy=_POLICY)
    if not message.keys():
        raise ValueError("no headers")
    parts = [_part("headers", _headers(message))]
    if message.preamble and message.preamble.strip():
        parts.append(_part("before the first part: mail programs do not show it", message.preamble))
    for number, part in enumerate(_leaves(message), 1):
        if number > MAX_PARTS:
            parts.append(_part(f"more than {MAX_PARTS} parts: the others are in the raw message only", ""))
            break
        parts.append(_leaf(number, part))
    return parts


def _leaves(message: Message) -> Iterator[Message]:
    """Yield what a mail is made of: parts with content, and the heads of mails that are attached to it."""
    for part in message.walk():
        if not part.is_multipart() or part.get_content_maintype() == "message":
            yield part


def _leaf(number: int, part: Message) -> OriginalPart:
    kind, name = part.get_content_type(), part.get_filename()
    title = f"part {number}: {kind}" + (f", named {_header(str(name))!r}" if name else "")
    if part.is_multipart():
        inside = part.get_payload()
        heads = [_headers(inner) for inner in inside if isinstance(inner, Message)] if isinstance(inside, list) else []
        return _part(title, "\n\n".join(heads))
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    if part.get_content_maintype() in _NO_TEXT:
        return _part(f"{title}, {len(content):,} bytes, not shown", "")
    if part.defects:  # what it was decoded to may be anything
        return _part(f"{title}, badly encoded: as it is", str(part.get_payload()))
    return _part(title, _decode(content, part.get_content_charset()))


def _headers(message: Message) -> str:
    items = list(message.raw_items())
    lines = [f"{_header(name)}: {_header(value)}" for name, value in items[:_MAX_HEADERS]]
    if len(items) > _MAX_HEADERS:
        lines.append(f"… {len(items) - _MAX_HEADERS} more headers")
    return "\n".join(lines)


def _header(value: object) -> str:
    """Return a header decoded, on one line."""
    source = str(value)[:_HEADER_CHARS].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    line = " ".join(source.split())
    try:
        pieces = decode_header(line)
    except (HeaderParseError, ValueError):  # an encoded word that is none: as it stands
        return line
    return "".join(piece if isinstance(piece, str) else _decode(piece, charset) for piece, charset in pieces)
