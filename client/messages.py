"""Messages to send, read from files: JSON lines in several shapes, tables, e-mails, or an arrival schedule over texts
beside it.
"""

import csv
import gzip
import html
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from client.inflow.characters import KEPT
from client.inflow.lines import read_lines, to_json
from client.inflow.mail_files import is_mail_file, read_mail_file, read_mail_folder
from client.inflow.message import WebhookMessage
from client.inflow.tables import read_table, signable
from domain.errors import ImpossibleError, UsageError

__all__ = ["WebhookMessage", "read_messages"]

_SCHEDULE = ("offset_ms", "message_id", "text_id", "kind", "variant", "ref")


def read_messages(
    path: Path | str, *, texts: Path | None = None, skipped: Callable[[str], None] = lambda _: None
) -> Iterator[WebhookMessage]:
    """Yield the messages of a file, or of a folder of e-mails; "-" reads lines from standard input, `.gz` is unpacked
    on the way. `skipped` is told, in a line for people, of each line, mail and row of a table that cannot be sent.

    Lines are JSON objects: `{"id", "text" | "html", …fields of a webhook}`, or `{"type", "data": {…}}` with the id
    inside or beside; a line with `body` (and `content_type`) is sent as it is. Tables are CSV whose first line names
    the fields (`client/inflow/tables.py`). E-mails are `.eml`, one or a folder. Schedules are CSV with the columns
    `offset_ms, message_id, text_id, kind, variant, ref`; their texts are looked up by id in the `*.jsonl` and
    `*.jsonl.gz` files below `texts`, by default the folder above the schedule's own.

    Raises:
        ImpossibleError: a whole file or the rest of one cannot be read; the message says which and why.
        UsageError: the file is of a kind that is not sent.
        OSError: the file cannot be read.
    """
    name = str(path)
    bare = name.removesuffix(".gz")
    if name == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8-sig", errors=KEPT)
        yield from read_lines(sys.stdin, "standard input", skipped)
    elif Path(path).is_dir():
        yield from read_mail_folder(Path(path), skipped)
    elif is_mail_file(Path(path)):
        yield read_mail_file(Path(path))
    elif bare.endswith(".csv") and _is_schedule(Path(path)):
        yield from _read_schedule(Path(path), texts if texts is not None else Path(path).resolve().parent.parent)
    elif bare.endswith(".csv"):
        with _open_text(Path(path), KEPT) as file:
            yield from read_table(file, name, skipped)
    elif bare.endswith((".jsonl", ".ndjson", ".json")):
        with _open_text(Path(path), KEPT) as file:
            yield from read_lines(file, name, skipped)
    elif bare.lower().endswith((".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff")):
        raise UsageError(
            f"{name!r} is a document: invoices come with a later release; send JSON lines, a table in CSV or e-mails"
        )
    else:
        raise UsageError(
            f"{name!r}: expected a file that ends in .jsonl, .csv or either with .gz, an .eml, a folder of them, or - "
            "for standard input"
        )


@contextmanager
def _open_text(path: Path, errors: str = "strict") -> Iterator[IO[str]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", errors=errors, newline="") as file:
            yield file
    else:
        with path.open(encoding="utf-8-sig", errors=errors, newline="") as file:
            yield file


def _is_schedule(path: Path) -> bool:
    with _open_text(path, KEPT) as file:
        return set(_SCHEDULE) <= set(file.readline().strip().split(","))


def _read_schedule(path: Path, folder: Path) -> Iterator[WebhookMessage]:
    """Yield a schedule's messages in its order; a redelivery has the id and the bytes of the first one."""
    with _open_text(path) as file:
        rows = csv.DictReader(file)
        texts = _texts_below(folder)
        for number, row in enumerate(rows, 2):
            found = texts.get(row["text_id"])
            if found is None:
                raise ImpossibleError(
                    f"{str(path)!r}, line {number}: no text {row['text_id']!r} below {str(folder)!r}; "
                    "say with --texts where the texts are"
                )
            try:
                message = _message_of_row(row, found)
            except ValueError as e:
                raise ImpossibleError(f"{str(path)!r}, line {number}: {e}") from None
            yield message


def _message_of_row(row: dict[str, str], found: dict[str, object]) -> WebhookMessage:
    text = str(found["text"])
    fields = {name: found[name] for name in ("channel", "lang", "tenant") if isinstance(found.get(name), str)}
    if row["variant"] == "html":
        escaped = html.escape(text).replace("\n", "<br>\n")
        fields["html"] = f"<div>{escaped}</div>\n<div>Ref: {html.escape(row['ref'])}</div>"
    else:
        fields["text"] = f"{text}\nRef: {row['ref']}"
    return WebhookMessage(event_id=signable(row["message_id"]), body=to_json(fields))


def _texts_below(folder: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for path in sorted([*folder.rglob("*.jsonl"), *folder.rglob("*.jsonl.gz")]):
        try:
            with _open_text(path) as file:
                contents = [json.loads(line) for line in file if line.strip()]
        except ValueError as error:
            raise ImpossibleError(f"{str(path)!r}: {error}; the texts are lines of JSON in UTF-8") from None
        for content in contents:
            if isinstance(content, dict) and isinstance(content.get("text"), str) and "id" in content:
                found.setdefault(str(content["id"]), content)
    return found
