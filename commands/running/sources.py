"""`headgate sources`: who may send webhooks, and by which names their messages are read."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, AsJson, DataDir, emit, run, settings_for, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.webhooks.source_changes import PutSource
    from gateway.webhooks.sources import Scheme, SourceEntry

sources_app = typer.Typer(no_args_is_help=True, help="Who may send webhooks, and how they name the fields.")

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Whose names it uses: postmark, mailgun, sendgrid, zendesk, intercom, freshdesk, slack, github, shopify, "
        "stripe, twilio; none: Headgate's own.",
    ),
]
Signs = Annotated[
    str | None,
    typer.Option(
        "--signs",
        help="Who it is, where it signs in its own way: stripe, github, slack, shopify, zendesk, twilio.",
    ),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        help="A file with the secret that the service handed out, - for standard input. A source that is there keeps "
        "its old secrets, too.",
    ),
]
Url = Annotated[
    str | None,
    typer.Option("--url", help="The address that the service was told; twilio signs it."),
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="FIELD=PATH",
        help="Where a field stands, as text=ticket.comment.body; may be repeated, the first path that is there counts.",
    ),
]
Urgency = Annotated[
    str | None,
    typer.Option("--priority", help="Of all that comes from it: urgent, normal, may_wait; none: as each message says."),
]
Broken = Annotated[
    str | None,
    typer.Option(
        "--malformed",
        help="What becomes of bodies that cannot be read: refuse (400, as without it); take (202: they are mended, or "
        "a person sees them).",
    ),
]


@sources_app.command("list")
def sources_list(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """List the sources of sources.json, without their secrets.

    Piped, a line each, tab-separated: source, scheme, format, fields, tenants, address, priority, malformed.
    """

    async def work() -> "list[SourceEntry]":
        from gateway.webhooks.source_changes import read_sources

        return read_sources(settings_for(data_dir).sources_file)

    entries = run(work)
    if as_json:
        emit([_shown(entry) for entry in entries])
        return
    table(
        ("source", "scheme", "format", "fields", "tenants", "address", "priority", "malformed"),
        (
            (
                entry.name,
                entry.scheme.value,
                entry.format,
                " ".join(f"{field}={path}" for field, paths in (entry.fields or {}).items() for path in paths),
                ", ".join(entry.tenants),
                f"/webhooks/{entry.name}",
                entry.priority,
                entry.malformed or "refuse",
            )
            for entry in entries
        ),
    )


@sources_app.command("add")
def sources_add(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and '-'; the address is /webhooks/NAME.")],
    format_name: Format = None,
    field: Fields = None,
    token: Annotated[
        bool, typer.Option("--token", help="For a sender that cannot sign: a token instead of a secret to sign with.")
    ] = False,
    signs_decoded: Annotated[
        bool, typer.Option("--signs-decoded", help="It signs a body before it compresses it.")
    ] = False,
    priority: Urgency = None,
    malformed: Broken = None,
    signs: Signs = None,
    secret_file: SecretFile = None,
    url: Url = None,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Add a source, or say how one that is there names its fields; a running gateway knows it within a second.

    A new source is shown with its secret, and how to use it. Secrets of one that is there stay as they are.
    """

    async def work() -> "PutSource":
        from gateway.webhooks.source_changes import put_source
        from gateway.webhooks.sources import Signed

        return put_source(
            settings_for(data_dir).sources_file,
            name,
            scheme=_scheme_of(signs, token=token),
            signed=Signed.DECODED if signs_decoded else None,
            format_name=format_name,
            fields=_paths_of(field or []),
            priority=priority,
            malformed=malformed,
            secret=_secret_in(secret_file) if secret_file is not None else None,
            url=url,
        )

    entry, new, dropped = run(work)
    message = "added" if new else "it was there: read as said now, its secrets are what they were"
    message += f"; not read any more: {' '.join(dropped)}" if dropped else ""
    secret = {"secret": entry.secrets[-1].get_secret_value()} if new and secret_file is None else {}
    gateway = _running_gateway(data_dir)
    if as_json:
        address = {"url": f"{gateway}/webhooks/{entry.name}"} if gateway else {}
        emit({"ids": [entry.name], "accepted": True, "message": message, **_shown(entry), **address, **secret})
        return
    typer.echo(f"{entry.name}: {message}")
    for word, value in [*_how_to_send(entry, gateway, secret.get("secret", "")), *secret.items()]:
        typer.echo(f"  {word:8} {value}")


def _running_gateway(data_dir: Path) -> str:
    """Return the base URL of the gateway of a running `headgate up`, "" where none of this data dir is known."""
    from client.which import which_headgate
    from domain.errors import NotReachableError, UsageError

    try:
        endpoints = which_headgate(data_dir).require_running().endpoints
    except (NotReachableError, UsageError):
        return ""
    return endpoints.gateway if endpoints is not None else ""


def _how_to_send(entry: "SourceEntry", gateway: str, secret: str) -> "Iterator[tuple[str, str]]":
    """Say where a source sends to and how it shows who it is."""
    from gateway.webhooks.sources import Scheme

    path = f"/webhooks/{entry.name}"
    if gateway:
        yield "address", gateway + path
    else:
        yield "address", f"{path}; before it goes the gateway's own address, such as https://headgate.example"
    if entry.scheme.vendor is not None:
        with_it = ", with the secret" if secret else ""
        yield "sign", f"as {entry.scheme} does by itself: give it the address there{with_it}"
        return
    if entry.scheme is not Scheme.TOKEN:
        yield "sign", "as Standard Webhooks says, with the secret: webhook-id, webhook-timestamp, webhook-signature"
        return
    token = secret or "TOKEN"
    scheme, _, host = (gateway or "https://headgate.example").partition("://")
    yield "send", f"the header Authorization: Bearer {token}"
    yield "or use", f"the token as the password of the address: {scheme}://any:{token}@{host}{path}"


def _scheme_of(signs: str | None, *, token: bool) -> "Scheme | None":
    from domain.errors import UsageError, not_among
    from gateway.webhooks.sources import Scheme

    if signs is None:
        return Scheme.TOKEN if token else None
    if token:
        raise UsageError("--token and --signs: a sender shows who it is in one way; leave one out")
    known = [scheme for scheme in Scheme if scheme.vendor is not None]
    if signs not in known:
        raise not_among("--signs", signs[:40], known)
    return Scheme(signs)


def _secret_in(file: Path) -> str:
    """Return the secret in a file: an argument would stand in the list of processes."""
    import sys

    from domain.errors import UsageError

    try:
        found = (sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise UsageError(f"--secret-file {str(file)!r} cannot be read ({why}): name a file with the secret") from None
    if not found or len(found.split()) > 1:
        raise UsageError(f"--secret-file {str(file)!r}: expected one secret and nothing else")
    return found


def _paths_of(given: list[str]) -> dict[str, list[str]]:
    from domain.errors import UsageError

    found: dict[str, list[str]] = defaultdict(list)
    for one in given:
        name, equals, path = one.partition("=")
        if not equals or not path:
            raise UsageError(f"--field {one[:60]!r}: expected FIELD=PATH, such as text=ticket.comment.body")
        found[name.strip()].append(path.strip())
    return dict(found)


def _shown(entry: "SourceEntry") -> dict[str, object]:
    return {
        "name": entry.name,
        "scheme": entry.scheme.value,
        "format": entry.format,
        "fields": entry.fields or {},
        "tenants": entry.tenants,
        "rate_per_s": entry.rate_per_s,
        "priority": entry.priority,
        "address": f"/webhooks/{entry.name}",
        "signed_url": entry.url,
        "malformed": entry.malformed or "refuse",
    }
