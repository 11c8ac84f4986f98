"""Cheap cleaning of what came in."""

from collections.abc import Sequence
from typing import Protocol

from domain.inbound.cleaned import CleanDocument
from domain.inbound.pictures import PictureReading


class Cleaner(Protocol):
    """Cheap cleaning of what came in."""

    def clean(
        self, *, subject: str, text: str | None, html: str | None, lang: str | None, known: dict[str, str] | None = None
    ) -> CleanDocument:
        """Return the clean document; never raises on hostile input."""
        ...


class NameFinder(Protocol):
    """Finds names of people that nothing announces; threads share it."""

    def names_in(self, text: str) -> list[str]:
        """Return the names as they stand in the text, each once."""
        ...


class LanguageTeller(Protocol):
    """A second opinion on the language of a text; threads share it."""

    def judge(self, text: str) -> tuple[str, float]:
        """Return an ISO 639-1 code, "und" for none, and how sure that is, from 0 to 1."""
        ...


class PictureReader(Protocol):
    """Reads text off pictures and scanned pages; threads share it."""

    def read(self, pictures: Sequence[bytes]) -> list[PictureReading]:
        """Return what each picture or PDF of a message says, in their order, within seconds; never raises."""
        ...


class ReadMail(Protocol):
    """What a cleaner makes of a raw e-mail: its readable part, and the names of the files that came along."""

    @property
    def document(self) -> CleanDocument:
        """The readable part."""
        ...

    @property
    def attachments(self) -> Sequence[str]:
        """Names of files; they are not read."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What people should know of how it was read; no personal data."""
        ...


class MailCleaner(Cleaner, Protocol):
    """A cleaner that also reads raw e-mail."""

    def clean_email(self, raw: bytes, *, lang: str | None = None, known: dict[str, str] | None = None) -> ReadMail:
        """Take an e-mail apart and clean it; never raises on hostile input."""
        ...
