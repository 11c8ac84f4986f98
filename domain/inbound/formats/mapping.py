"""How one source's messages are read: a ready format, or paths of its own, or both."""

import functools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator

from domain.inbound.formats.paths import check_path, values_at
from domain.inbound.formats.services import FORMATS, Paths

TARGETS = (
    "text", "html", "mail", "subject", "customer_email", "customer_name", "customer_id", "order_id", "amount",
    "currency", "priority", "tenant", "lang", "channel", "thread_id", "message_id", "event_id", "headers",
    "attachments",
)  # fmt: skip
"""The fields that a path may be given for; `mail` is a whole e-mail, `headers` a list or block of its headers."""
_TEXTS = ("text", "html", "mail")
_MAX_PATHS = 16


class Many(list[object]):
    """Several values for a field that has one, by a `*`: texts are put together, ids are not guessed among."""


class Twice(Many):
    """Values of a field that a form or an object gave more than once: no one of them is the right one."""


class SourceReading(BaseModel):
    """The reading of a source, as `sources.json` says it; the holding pen keeps it beside each payload.

    Paths of one's own come before those of the format: the first that leads to something counts. `malformed` stands
    beside a body that could not be read at the door, and was taken in all the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str | None = None
    fields: dict[str, list[str]] = {}
    malformed: bool = False

    @field_validator("format")
    @classmethod
    def _known_format(cls, name: str | None) -> str | None:
        if name is not None and name not in FORMATS:
            raise ValueError(f"format {name[:40]!r}: expected one of {', '.join(FORMATS)}")
        return name

    @field_validator("fields", mode="before")
    @classmethod
    def _known_fields(cls, given: object) -> dict[str, list[str]]:
        if not isinstance(given, Mapping):
            raise ValueError("expected an object of field names and paths")  # noqa: TRY004 - pydantic reports these
        return {_target(name): _path_list(name, paths) for name, paths in given.items()}

    def kept(self) -> str:
        """Return it as the pen keeps it; readers of an earlier version know no `malformed`."""
        return self.model_dump_json(exclude=None if self.malformed else {"malformed"})

    def of_the_source(self) -> "SourceReading | None":
        """Return how the source's sound bodies are read, None for our own names."""
        return self.model_copy(update={"malformed": False}) if self.format or self.fields else None

    def paths(self) -> Paths:
        """Return the paths of each field, in the order in which they are tried."""
        ready: Paths = FORMATS[self.format].paths if self.format else {}
        return {name: (*self.fields.get(name, ()), *ready.get(name, ())) for name in TARGETS}


@functools.lru_cache(maxsize=256)
def reading_of(text: str) -> SourceReading | None:
    """Return the reading that stands beside a payload in the pen, None for an empty text.

    Raises:
        ValueError: it is of a version that knows more than this one.
    """
    return SourceReading.model_validate_json(text) if text else None


class MappedFields(NamedTuple):
    """A message's fields by our names, and the top-level names of the document that were not used."""

    fields: dict[str, object]
    rest: dict[str, object]

    @property
    def has_words(self) -> bool:
        """Whether there is a message: text, HTML or a whole e-mail."""
        return any(name in self.fields for name in _TEXTS)


def map_fields(document: Mapping[str, object], paths: Paths) -> MappedFields:
    """Read a document by paths; what none of them leads to is left out."""
    fields: dict[str, object] = {}
    used: set[str] = set()
    for name, tried in paths.items():
        for path in tried:
            if found := values_at(document, path):
                fields[name] = found[0] if len(found) == 1 else Many(found)
                used |= {path, path.partition(".")[0]}
                break
    return MappedFields(fields, {name: value for name, value in document.items() if name not in used})


def _target(name: object) -> str:
    if name not in TARGETS:
        raise ValueError(f"field {str(name)[:40]!r}: expected one of {', '.join(TARGETS)}")
    return str(name)


def _path_list(name: object, paths: object) -> list[str]:
    listed: Iterable[object] = [paths] if isinstance(paths, str) else paths if isinstance(paths, list) else ()
    found = [check_path(path) for path in listed if isinstance(path, str)]
    if not found or len(found) > _MAX_PATHS:
        raise ValueError(f"field {str(name)[:40]!r}: expected 1 to {_MAX_PATHS} paths such as 'ticket.description'")
    return found
