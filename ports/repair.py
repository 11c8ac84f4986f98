"""Reading a document whose JSON may be broken."""

from typing import Protocol

from domain.repair.document import MendedDocument


class DocumentMender(Protocol):
    """Reads broken JSON."""

    def mend(self, text: str) -> MendedDocument:
        """Return what a text says, with all that had to be mended; `found` is False where nothing can be read.

        It raises nothing for any text: what is too long or too deep to be mended is not found.
        """
        ...
