"""What a broken webhook body becomes: the fields that can be believed, or words for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.inbound.formats.mapping import TARGETS, SourceReading
from domain.inbound.formats.services import FORMATS
from domain.repair.document import Damage, MendedDocument

UNMENDED = "its body is broken, and what it says cannot be told for sure"
"""Why a person sees a message."""

_TEXTS = ("text", "html", "mail")
_WORDS = ("text", "html", "mail", "subject", "headers", "tenant")
_OUR_NAMES = frozenset({*_WORDS, "data", "type"})


@dataclass(frozen=True)
class MendedBody:
    """The fields of a body as its source names them, None where a person has to read it; `notes` are for people."""

    fields: Mapping[str, object] | None = None
    notes: list[str] = field(default_factory=list)


def body_of(
    document: MendedDocument, reading: SourceReading | None, *, whole: str = "it was broken and has been mended"
) -> MendedBody:
    """Return what may be used of a broken body; `whole` is said of one in which nothing had to be mended.

    A doubted field is left out, so that it is looked for elsewhere or asked for. Where the words of the message are
    doubted, a lost "not" would turn it round: a person reads them. So it is with words around the body or in its
    comments, and where it was cut off before its words.
    """
    if not document.found or not isinstance(document.value, dict) or Damage.SEVERAL in document.damage:
        return MendedBody(notes=[_told("it could not be mended", document)])
    if document.damage & {Damage.WORDS, Damage.COMMENTS}:
        return MendedBody(notes=[_told("it holds words that are none of its fields", document)])
    if Damage.TRUNCATED in document.damage and not document.value.keys() & _names_of(_TEXTS, reading):
        return MendedBody(notes=[_told("it ends before its words", document)])
    if document.doubted & (_OUR_NAMES | _names_of(_WORDS, reading)):
        return MendedBody(notes=[_told("its words are doubted", document)])
    fields = {name: value for name, value in document.value.items() if name not in document.doubted}
    if not document.damage and not document.doubted:
        return MendedBody(fields, [whole])
    return MendedBody(fields, [_told("it was broken and has been mended", document)])


def _names_of(names: Sequence[str], reading: SourceReading | None) -> frozenset[str]:
    """Return the outermost fields in which fields of ours may stand, by our own names and those of services."""
    paths = {} if reading is None else reading.paths()
    every = {path for service in FORMATS.values() for name in names for path in service.paths.get(name, ())}
    own = {path for name in names for path in paths.get(name, ())}
    return frozenset({*names, "data"} | {path.partition(".")[0] for path in every | own})


def _told(what: str, document: MendedDocument) -> str:
    said = document.told((*TARGETS, "customer", "data"))
    return f"{what} ({said})" if said else what
