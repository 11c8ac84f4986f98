"""`headgate cases original`: the message of a case as it came in, from the store."""

import base64
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, USAGE, AsJson, DataDir, emit, fail, with_store

if TYPE_CHECKING:
    from ports.store import StoredCase
    from workers.bootstrap import Parts


def cases_original(
    case_id: Annotated[str, typer.Argument(help="A case, or an approval or dead letter of it.")],
    raw: Annotated[
        bool, typer.Option("--raw/--text", help="The exact bytes, for a file; or decoded, as text to read.")
    ] = False,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Show the message of a case exactly as it came in, with its personal data.

    It needs the store alone, and works for cases that have ended and for dead letters. As text it is taken apart and
    decoded (headers and parts of a mail, fields of a form, indented JSON), and what could move a terminal is written
    out. Links in it are the sender's: do not follow them.
    """
    if raw and not as_json and _is_terminal():
        raise fail("raw bytes could drive your terminal: send them to a file, --raw > message.bin", USAGE)

    async def work(parts: "Parts") -> "StoredCase":
        from domain.case import case_of
        from domain.errors import UnknownCaseError

        try:
            return parts.store.cases.load(case_of(case_id))
        except KeyError:
            raise UnknownCaseError(case_id) from None

    stored = with_store(data_dir, work)
    if as_json:
        emit(_document(stored))
    elif raw:
        sys.stdout.buffer.write(stored.body)
        sys.stdout.buffer.flush()
    else:
        _print(stored)


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _document(stored: "StoredCase") -> dict[str, object]:
    from domain.inbound.original import read_original

    parts = read_original(stored.content_type, stored.body)
    return {
        "case_id": stored.case.case_id,
        "content_type": stored.content_type,
        "received_at": stored.case.received_at.isoformat(),
        "bytes": len(stored.body),
        "parts": [part.model_dump() for part in parts],
        "body_base64": base64.b64encode(stored.body).decode(),
    }


def _print(stored: "StoredCase") -> None:
    from domain.inbound.original import read_original
    from domain.inbound.shown import visible

    received = f"{stored.case.received_at:%Y-%m-%d %H:%M:%S} UTC"
    kind = visible(stored.content_type[:200])
    typer.echo(f"{stored.case.case_id}: {kind}, {len(stored.body):,} bytes, received {received}")
    for part in read_original(stored.content_type, stored.body):
        typer.echo(part.title)
        if part.text:
            typer.echo(
                textwrap.indent(part.text.rstrip("\n"), "  | ", lambda _: True)
            )  # no line of it can pass for one of ours
