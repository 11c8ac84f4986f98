"""Who may send webhooks: each source by name, with its secrets and its rate, in one JSON file.

`{"sources": [{"name": "shop", "scheme": "standard", "secrets": ["whsec_…"], "rate_per_s": 50, "burst": 100}]}`

`standard` is Standard Webhooks; several secrets may be active at once, for rotation. `signed: "decoded"` is for a
sender that signs a body before it compresses it. `token` is for senders that cannot sign: one of the secrets comes as
`Authorization: Bearer …`, or as the password of an address `https://any:TOKEN@…`, and the event id may be left out, as
nothing is signed with it. `stripe`, `github`, `slack`, `shopify`, `zendesk` and `twilio` sign in their own way
(`domain/inbound/vendors/signatures.py`), with a secret that they hand out; `twilio` needs `url`, the address that it
was told. Their bodies are read by a format of the same name.

`malformed: "take"` takes in bodies that cannot be read: they are mended, or a person sees them.

A source that names the fields in its own way has a `format` (`domain/inbound/formats/services.py`) or `fields`: dotted
paths, of which the first that leads to something counts: `{"text": ["ticket.comment", "ticket.description"]}`.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer, model_validator

from client.private_files import WatchedFile, read_private, write_private
from domain.case import SOURCE_NAME
from domain.inbound.formats.mapping import SourceReading
from domain.inbound.message.inbound import DEFAULT_TENANT
from domain.inbound.signing import decode_secret, new_secret
from domain.inbound.vendors.signatures import TWILIO, VENDORS, Vendor
from domain.inbound.vendors.twilio import is_address
from domain.turns import Priority
from gateway.webhooks.rate import TokenBucket

MANY_TENANTS = (
    "source {name!r}: malformed 'take' needs one tenant, as nobody can say whose a broken body is; make a source for "
    "each"
)
_MIN_TOKEN_CHARS = 20
_MIN_SECRET_CHARS = 16


class Scheme(StrEnum):
    """How a source shows who it is."""

    STANDARD = "standard"
    TOKEN = "token"  # noqa: S105 - the name of a scheme
    STRIPE = "stripe"
    GITHUB = "github"
    SLACK = "slack"
    SHOPIFY = "shopify"
    ZENDESK = "zendesk"
    TWILIO = "twilio"

    @property
    def vendor(self) -> Vendor | None:
        """How the service of this name signs, None where it is none."""
        return VENDORS.get(self.value)


class Signed(StrEnum):
    """What a source signs of a body that it compresses."""

    BODY = "body"  # the bytes as sent, as Standard Webhooks says
    DECODED = "decoded"  # those, or the bytes before they were compressed


class Malformed(StrEnum):
    """What becomes of bodies that cannot be read."""

    REFUSE = "refuse"  # 400: the sender mends them and sends them again
    TAKE = "take"  # 202: they are mended, or a person sees them


class SourceEntry(BaseModel):
    """A source as written in the file; `rate_per_s` None means no limit. `url` is where the sender posts to, as it was
    told.

    Only events of `tenants` are taken: a payload that names another would reach the records of somebody else. Whatever
    comes has the source's `priority`, where it has one; else the message says.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=f"^{SOURCE_NAME.pattern}$")
    scheme: Scheme = Scheme.STANDARD
    secrets: list[SecretStr] = Field(min_length=1, max_length=8)
    rate_per_s: float | None = Field(default=None, gt=0)
    burst: float | None = Field(default=None, ge=1)
    tenants: list[str] = Field(default=[DEFAULT_TENANT], min_length=1, max_length=1000)
    signed: Signed | None = None
    malformed: Malformed | None = None
    priority: Priority | None = None
    format: str | None = None
    fields: dict[str, list[str]] | None = None
    url: str | None = Field(default=None, max_length=1000)

    @field_serializer("secrets", when_used="json")
    def _write_secrets(self, given: list[SecretStr]) -> list[str]:
        return [secret.get_secret_value() for secret in given]

    @model_validator(mode="before")
    @classmethod
    def _read_fields(cls, given: object) -> object:
        # One path may stand without its list.
        if isinstance(given, dict) and isinstance(given.get("fields"), dict):
            listed = {name: [paths] if isinstance(paths, str) else paths for name, paths in given["fields"].items()}
            return {**given, "fields": listed}
        return given

    def reading(self) -> SourceReading | None:
        """Return by which names the source's bodies are read, None for ours.

        Raises:
            ValueError: there is no such format or field, or a path is none.
        """
        name = self.format or (self.scheme.value if self.scheme.vendor else None)
        if not name and not self.fields:
            return None
        return SourceReading(format=name, fields=self.fields or {})

    def keys(self) -> tuple[bytes, ...]:
        """Return the keys that its secrets stand for, in their order.

        Raises:
            ValueError: a secret is none, or what is signed cannot be known; no message repeats a secret.
        """
        plain = [secret.get_secret_value() for secret in self.secrets]
        if self.scheme is Scheme.STANDARD:
            return tuple(decode_secret(secret) for secret in plain)
        what, least = ("secret", _MIN_SECRET_CHARS) if self.scheme.vendor else ("token", _MIN_TOKEN_CHARS)
        if min(map(len, plain)) < least:
            raise ValueError(f"source {self.name!r}: a {what} needs at least {least} characters, make a new one")
        if self.scheme.vendor is TWILIO and not is_address(self.url or ""):
            raise ValueError(
                f"source {self.name!r}: twilio signs the address that it posts to: set 'url', such as "
                f"https://headgate.example/webhooks/{self.name}"
            )
        return tuple(secret.encode() for secret in plain)


class SourcesFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    sources: list[SourceEntry]


@dataclass(frozen=True)
class Source:
    """A source, ready for use; its keys never show in a repr."""

    name: str
    scheme: Scheme
    keys: tuple[bytes, ...] = field(repr=False)
    bucket: TokenBucket | None = None
    tenants: frozenset[str] = frozenset({DEFAULT_TENANT})
    signed: Signed = Signed.BODY
    reading: SourceReading | None = None
    reading_text: str = ""
    priority: Priority | None = None
    vendor: Vendor | None = None
    url: str = ""
    malformed_text: str = ""

    def knows_token(self, authorization: str) -> bool:
        """Return whether an Authorization header carries one of the source's tokens; all wrong ones take as long.

        As `Bearer`, or as the password of `Basic`: some services can only be told an address with a password in it.
        """
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("latin-1", "replace")
        if scheme.lower() == "basic":
            given = _password(given)
        matches = [hmac.compare_digest(given, key) for key in self.keys]
        return scheme.lower() in ("bearer", "basic") and any(matches)


def _of_malformed(reading: SourceReading | None) -> str:
    return (reading or SourceReading()).model_copy(update={"malformed": True}).kept()


def _password(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:
        return b""


class SourceRegistry:
    """The sources of a file, read again when it changes.

    Raises:
        ConfigurationError: the file is missing or not as expected; a later change that is not is reported and left out.
    """

    def __init__(self, path: Path) -> None:
        self._buckets: dict[tuple[str, float, float], TokenBucket] = {}
        self._file: WatchedFile[Mapping[str, Source]] = WatchedFile(path, self._parse)

    def get(self, name: str) -> Source | None:
        """Return a source by name."""
        return self._file.get().get(name)

    def _parse(self, content: object) -> Mapping[str, Source]:
        entries = SourcesFile.model_validate(content).sources
        found = {entry.name: self._ready_source(entry) for entry in entries}
        if len(found) != len(entries):
            raise ValueError("a source's name stands there twice")
        return found

    def _ready_source(self, entry: SourceEntry) -> Source:
        reading = entry.reading()
        if entry.malformed is Malformed.TAKE and len(entry.tenants) > 1:
            raise ValueError(MANY_TENANTS.format(name=entry.name))
        return Source(
            entry.name,
            entry.scheme,
            entry.keys(),
            self._bucket_of(entry),
            frozenset(entry.tenants),
            entry.signed or Signed.BODY,
            reading,
            reading.kept() if reading is not None else "",
            entry.priority,
            entry.scheme.vendor,
            entry.url or "",
            _of_malformed(reading) if entry.malformed is Malformed.TAKE else "",
        )

    def _bucket_of(self, entry: SourceEntry) -> TokenBucket | None:
        """Return the bucket of a source; the same one as before, unless its rate was changed."""
        if entry.rate_per_s is None:
            return None
        burst = entry.burst or max(1.0, entry.rate_per_s)
        return self._buckets.setdefault((entry.name, entry.rate_per_s, burst), TokenBucket(entry.rate_per_s, burst))


def ensure_sources(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Make sure that each source is in the file, with a fresh secret if it is new; return the newest secret of each.

    Raises:
        ValueError: a name is no source name.
        ConfigurationError: the file there is not as expected.
    """
    for name in names:
        if not SOURCE_NAME.fullmatch(name):
            raise ValueError(f"source {name[:48]!r}: expected lower-case letters, digits and '-', at most 40")
    found = read_private(path, SourcesFile.model_validate) if path.exists() else SourcesFile(sources=[])
    known = {entry.name: entry for entry in found.sources}
    for name in names:
        if name not in known:
            known[name] = SourceEntry(name=name, secrets=[SecretStr(new_secret())])
    if len(known) > len(found.sources):
        content = SourcesFile(sources=list(known.values())).model_dump_json(indent=2, exclude_none=True)
        write_private(path, content.encode() + b"\n")
    return {name: known[name].secrets[-1].get_secret_value() for name in names}
