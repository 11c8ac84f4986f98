"""The headers of an e-mail as services hand them on, and what in them names the mail and its conversation."""

import email
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Pairs = Sequence[tuple[str, str]]

_MAX_HEADERS = 500
_HEAD_CAP = 64 * 1024  # characters, as of a raw e-mail
_LINE_CAP = 2000
_MAX_REFERENCES = 50
_ID = re.compile(r"<([^<>\s]{1,250})>")


class Threading(NamedTuple):
    """The id of an e-mail and of those that it answers, the nearest first; without angle brackets."""

    message_id: str | None
    references: list[str]


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


def head_of(raw: bytes) -> list[tuple[str, str]]:
    """Return the headers of a raw e-mail."""
    return _lines(raw[:_HEAD_CAP].replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace"))


def threading_of(pairs: Pairs) -> Threading:
    """Return how an e-mail is named and which ones it answers.

    >>> threading_of([("Message-ID", "<c@x>"), ("References", "<a@x> <b@x>"), ("In-Reply-To", "<b@x>")])
    Threading(message_id='c@x', references=['b@x', 'a@x'])
    """
    own = _ids(pairs, "message-id")
    answered = [*_ids(pairs, "in-reply-to"), *reversed(_ids(pairs, "references"))]
    return Threading(own[0] if own else None, list(dict.fromkeys(answered))[:_MAX_REFERENCES])


def plain_id(value: str) -> str:
    """Return a message id without angle brackets, empty if it is none."""
    text = value.strip().removeprefix("<").removesuffix(">")
    return text if _ID.fullmatch(f"<{text}>") else ""


def _ids(pairs: Iterable[tuple[str, str]], name: str) -> list[str]:
    return [found for key, value in pairs if key.lower() == name for found in _ID.findall(value)]


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
