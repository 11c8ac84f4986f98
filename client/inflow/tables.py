"""Messages in a CSV file: the header row names the fields of a webhook, each row is a message."""

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import IO

from client.inflow.characters import SAVE_AS, bad_bytes
from client.inflow.message import WebhookMessage
from domain.case import SIGNED_EVENT_ID
from domain.errors import ImpossibleError
from domain.inbound.formats.charsets import says_something
from domain.inbound.webhook import MAX_BODY_BYTES

_IDS = ("event_id", "id")
_WORDS = ("text", "html")
_DELIMITERS = ",;\t"  # spreadsheets write the second where the first stands in numbers
_CUSTOMER = re.compile(r"customer(?:\.|\[)(id|email|name)\]?")


def read_table(file: IO[str], name: str, skipped: Callable[[str], None]) -> Iterator[WebhookMessage]:
    """Yield the messages of a table, opened with `characters.KEPT`; `skipped` is told of each row that cannot be sent,
    with its line.

    A column has the name of a webhook's field (`text`, `subject`, `customer_email` or `customer.email` …); every other
    one goes along as a field that has no name here. The id of a message is that of its column `event_id` or `id`, else
    made of what the row says, so the same row is the same event wherever it stands.

    Raises:
        ImpossibleError: it is no CSV in UTF-8, or has no column with the message.
    """
    line = 1
    try:
        first = file.readline()
        delimiter = max(_DELIMITERS, key=first.count)
        csv.field_size_limit(MAX_BODY_BYTES)
        reader = csv.reader(chain([first], file), delimiter=delimiter, strict=True)
        columns = _columns(next(reader, []), name)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                try:
                    message = _message(columns, cells)
                except ValueError as error:
                    skipped(f"{name}, line {line}: {error}")
                else:
                    yield message
            line = reader.line_num + 1
    except csv.Error as error:
        raise ImpossibleError(
            f"{name}, line {line}: no CSV from here on ({error}); what stands before was sent"
        ) from None


def _columns(header: list[str], name: str) -> list[str]:
    if bad := bad_bytes("".join(header)):
        raise ImpossibleError(f"{name}, line 1: {bad}; {SAVE_AS}")
    columns = [cell.strip() or f"column_{number}" for number, cell in enumerate(header, 1)]
    columns = [_CUSTOMER.sub(r"customer_\1", column) if _CUSTOMER.fullmatch(column) else column for column in columns]
    if not set(columns) & set(_WORDS):
        raise ImpossibleError(
            f"{name}: no column 'text' or 'html'; the first line names the fields, as docs/sources.md has them"
        )
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise ImpossibleError(f"{name}: two columns are named {twice[:40]!r}; which one counts?")
    return columns


def _message(columns: list[str], cells: list[str]) -> WebhookMessage:
    """Make a message of a row.

    Raises:
        ValueError: there is nothing to read in it, or its id cannot be used; the message is for people.
    """
    if len(cells) > len(columns):
        raise ValueError(f"{len(cells)} cells for {len(columns)} columns: put a text with a delimiter into quotes")
    for column, cell in zip(columns, cells, strict=False):
        if bad := bad_bytes(cell):
            raise ValueError(f"{column!r}: {bad}; {SAVE_AS}")
    fields = {column: cell for column, cell in zip(columns, cells, strict=False) if cell.strip()}
    if not any(says_something(fields.get(word)) for word in _WORDS):
        raise ValueError("neither 'text' nor 'html' holds anything that can be read")
    named = [fields.pop(column).strip() for column in _IDS if column in fields]
    content = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")
    if not named:
        told = json.dumps(fields, sort_keys=True).encode()
        return WebhookMessage(event_id=f"row_{hashlib.sha256(told).hexdigest()[:40]}", body=content)
    return WebhookMessage(event_id=signable(named[0]), body=content)


def signable(event_id: str) -> str:
    """Return an id that can be signed as it is.

    Raises:
        ValueError: it cannot.
    """
    if not SIGNED_EVENT_ID.fullmatch(event_id):
        raise ValueError(f"id {event_id[:48]!r}: expected 1 to 128 of letters, digits and _ : ~ @ + = -")
    return event_id
