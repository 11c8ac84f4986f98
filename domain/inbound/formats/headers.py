"""The headers of an e-mail as services hand them on."""

import email
import json
import re
from collections.abc import Mapping

_MAX_HEADERS = 500
_HEAD_CAP = 64 * 1024  # characters, as of a raw e-mail
_LINE_CAP = 2000
_ID = re.compile(r"<([^<>\s]{1,250})>")


def header_pairs(value: object) -> list[tuple[str, str]]:
    r"""Read headers in any of the usual forms; what is none of them has no headers, nothing raises.

    A list of `{"Name", "Value"}` (Postmark), a list of pairs, as JSON text too (Mailgun), an object, or the lines
    themselves (SendGrid).

    >>> header_pairs('[["Subject", "x"]]'), header_pairs("Subject: x\nTo: y")
    ([('Subject', 'x')], [('Subject', 'x'), ('To', 'y')])
    """
    if isinstance(value, str):
        if not value.lstrip().startswith(("[", "{")):
            return _lines(value)
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    if isinstance(value, Mapping):
        value = list(value.items())
    found = (_pair(item) for item in value[:_MAX_HEADERS]) if isinstance(value, list) else ()
    return [pair for pair in found if pair is not None]


def plain_id(value: str) -> str:
    """Return a message id without angle brackets, empty if it is none."""
    text = value.strip().removeprefix("<").removesuffix(">")
    return text if _ID.fullmatch(f"<{text}>") else ""


def _lines(text: str) -> list[tuple[str, str]]:
    head = email.message_from_string(text[:_HEAD_CAP].replace("\r\n", "\n").strip("\n"))
    return [(name, str(value)[:_LINE_CAP]) for name, value in head.items()][:_MAX_HEADERS]


def _pair(item: object) -> tuple[str, str] | None:
    if isinstance(item, Mapping):
        lowered = {str(name).lower(): inner for name, inner in item.items()}
        item = [lowered.get("name"), lowered.get("value")]
    if isinstance(item, list | tuple) and len(item) == 2 and all(isinstance(part, str) for part in item):
        return str(item[0])[:200], str(item[1])[:_LINE_CAP]
    return None
