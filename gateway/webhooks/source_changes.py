"""Changes of the file of sources by command: a new source, or how an existing one signs and names its fields."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr, ValidationError

from client.private_files import read_private, write_private
from domain.case import SOURCE_NAME
from domain.errors import UsageError, not_among
from domain.inbound.formats.services import FORMATS
from domain.inbound.signing import new_secret
from domain.turns import Priority
from gateway.webhooks.sources import MANY_TENANTS, Malformed, Scheme, Signed, SourceEntry, SourcesFile

OUR_NAMES = "none"  # the format of a source that uses ours
_MAX_SECRETS = 8
_WE_NAME_IT = (Scheme.STANDARD, Scheme.TOKEN, Scheme.GITHUB)  # to all others the service hands out its own secret
EACH_ITS_OWN = "none"  # the priority of a source whose messages say it themselves


class PutSource(NamedTuple):
    """A source as it stands in the file now; `new` says that it was not there, `dropped` are paths that are read no
    more, as FIELD=PATH.
    """

    entry: SourceEntry
    new: bool
    dropped: Sequence[str] = ()


def read_sources(path: Path) -> list[SourceEntry]:
    """Return the sources of a file, none if there is no file yet.

    Raises:
        ConfigurationError: it is not as expected.
    """
    return read_private(path, SourcesFile.model_validate).sources if path.exists() else []


def put_source(
    path: Path,
    name: str,
    *,
    scheme: Scheme | None = None,
    signed: Signed | None = None,
    format_name: str | None = None,
    fields: Mapping[str, Sequence[str]] | None = None,
    priority: str | None = None,
    malformed: str | None = None,
    secret: str | None = None,
    url: str | None = None,
) -> PutSource:
    """Add a source with a fresh secret, or change what is given of one that is there: its secrets stay.

    Args:
        path: the file of sources.
        name: of the source.
        scheme: how it shows who it is; of a new one, Standard Webhooks if left out.
        signed: what it signs of a body that it compresses.
        format_name: whose names it uses for the fields, `OUR_NAMES` for ours.
        priority: how soon what comes from it wants to be let in.
        malformed: what becomes of bodies that cannot be read.
        fields: paths of its own.
        secret: what the service handed out; beside those that are there, as its newest.
        url: the address that the service was told.

    Raises:
        UsageError: a name, format, field, path, priority, secret or address is none, an existing source would
            change its scheme, or one of several tenants would take broken bodies.
        ConfigurationError: the file there is not as expected.
    """
    if not SOURCE_NAME.fullmatch(name):
        raise UsageError(f"source {name[:48]!r}: expected lower-case letters, digits and '-', at most 40")
    known = {entry.name: entry for entry in read_sources(path)}
    entry = known.get(name)
    if entry is not None and scheme not in (None, entry.scheme):
        kind = entry.scheme.value
        raise UsageError(f"source {name!r} is of scheme {kind!r}, and its secrets fit no other: add a new one")
    base = entry or SourceEntry(name=name, scheme=scheme or Scheme.STANDARD, secrets=[_first(name, scheme, secret)])
    if priority is not None:
        base = base.model_copy(update={"priority": _priority_named(priority)})
    if malformed is not None:
        base = base.model_copy(update={"malformed": _malformed_named(malformed, base)})
    changed = _changed(_with_secret(base, secret, url), signed, format_name, fields)
    if changed != entry:
        known[name] = changed
        content = SourcesFile(sources=list(known.values())).model_dump_json(indent=2, exclude_none=True)
        write_private(path, content.encode() + b"\n")
    kept = _paths(changed)
    return PutSource(changed, entry is None, [path for path in _paths(base) if path not in kept])


def _paths(entry: SourceEntry) -> list[str]:
    return [f"{field}={path}" for field, paths in (entry.fields or {}).items() for path in paths]


def _first(name: str, scheme: Scheme | None, given: str | None) -> SecretStr:
    """Return the first secret of a new source."""
    if given is not None:
        return SecretStr(given)
    if scheme not in (None, *_WE_NAME_IT):
        raise UsageError(f"source {name!r}: {scheme} hands out its own secret: name a file with it by --secret-file")
    return SecretStr(new_secret() if scheme in (None, Scheme.STANDARD) else secrets.token_urlsafe(32))


def _with_secret(entry: SourceEntry, secret: str | None, url: str | None) -> SourceEntry:
    update: dict[str, object] = {} if url is None else {"url": url}
    if secret is not None and secret not in [known.get_secret_value() for known in entry.secrets]:
        if len(entry.secrets) >= _MAX_SECRETS:
            raise UsageError(f"source {entry.name!r} has {_MAX_SECRETS} secrets: take an old one out of sources.json")
        update["secrets"] = [*entry.secrets, SecretStr(secret)]
    return entry.model_copy(update=update)


def _priority_named(word: str) -> Priority | None:
    if word == EACH_ITS_OWN:
        return None
    if word not in list(Priority):
        raise not_among("priority", word[:40], [*Priority, EACH_ITS_OWN])
    return Priority(word)


def _malformed_named(word: str, entry: SourceEntry) -> Malformed:
    if word not in list(Malformed):
        raise not_among("malformed", word[:40], list(Malformed))
    if word == Malformed.TAKE and len(entry.tenants) > 1:
        raise UsageError(MANY_TENANTS.format(name=entry.name))
    return Malformed(word)


def _changed(
    entry: SourceEntry, signed: Signed | None, format_name: str | None, fields: Mapping[str, Sequence[str]] | None
) -> SourceEntry:
    update: dict[str, object] = {"signed": signed} if signed is not None else {}
    if format_name == OUR_NAMES:
        update |= {"format": None, "fields": None}
    elif format_name is not None:
        if format_name not in FORMATS:
            raise not_among("format", format_name[:40], [*FORMATS, OUR_NAMES])
        update["format"] = format_name
    if fields:
        update["fields"] = {field: list(paths) for field, paths in fields.items()}
    changed = entry.model_copy(update=update)
    try:
        changed.reading()
    except ValidationError as e:
        raise UsageError(str(e.errors()[0]["msg"]).removeprefix("Value error, ")) from None
    try:
        changed.keys()
    except ValueError as e:
        raise UsageError(str(e)) from None
    return changed
