"""A mailbox that messages come from."""

from collections.abc import Callable, Sequence
from typing import Protocol


class MailFolder(Protocol):
    """A folder of mail, connected. Nothing in it is ever deleted.

    Raises:
        TransientError: the connection broke, or the server cannot just now; open it again.
        ConfigurationError: the server refuses for good.
    """

    @property
    def validity(self) -> int:
        """Of which time the numbers of the messages are: of another validity they name other messages."""
        ...

    def unseen(self) -> Sequence[int]:
        """Return the numbers of the messages that nobody has seen and that were not refused, the oldest first."""
        ...

    def fetch(self, number: int, limit: int) -> bytes | None:
        """Return a message without marking it, its first `limit` bytes if it is larger; None if it is gone."""
        ...

    def mark_seen(self, number: int) -> None:
        """Mark a message as seen."""
        ...

    def mark_refused(self, number: int) -> bool:
        r"""Mark a message so that `unseen` leaves it out; return whether the folder keeps such marks. It stays unseen
        for people.
        """
        ...

    def wait(self, seconds: float, stopped: Callable[[], bool]) -> None:
        """Return when something may have come, at the latest after `seconds`, or about a second after `stopped`."""
        ...

    def close(self) -> None:
        """Close the connection; raises nothing."""
        ...
