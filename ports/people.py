"""How people are told when something needs them: words wait in the store until they are told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.words_to_people import WordToPeople


class Notifier(Protocol):
    """Whom words to people go to."""

    async def send(self, subject: str, text: str, data: dict[str, str]) -> None:
        """Send one message; returns once it was taken.

        Raises:
            ToldToWaitError: not delivered; whoever receives it named the time for the next try.
            TransientError: not delivered; time mends it.
            ConfigurationError: not delivered; the address or the credentials are wrong.
            RefusedError: not delivered because of what is in this message.
        """
        ...


class WordStore(Protocol):
    """The outbox of words to people. Every method raises TransientError if the store cannot be reached."""

    def add(self, word: WordToPeople) -> None:
        """Keep a word until it is told; the same id again changes nothing, told or not."""
        ...

    def untold(self, limit: int, now: datetime) -> list[WordToPeople]:
        """Return words to tell now: first those that were refused the fewest times, of these the oldest."""
        ...

    def told(self, word_ids: Sequence[str], now: datetime, counts: Mapping[str, int] | None = None) -> None:
        """Record that people were told; `counts` is how many letters words on dead letters spoke of, by word."""
        ...

    def failed(
        self, word_ids: Sequence[str], why: str, *, again_at: datetime | None = None, refused: bool = False
    ) -> None:
        """Record a try in vain and why; `again_at` puts them off, `refused` counts a refusal."""
        ...


class ApprovalChat(Protocol):
    """The chat in which approvals are put before people. Every method raises HeadgateError if it was not taken."""

    async def post(self, channel: str, text: str, blocks: Sequence[Mapping[str, object]]) -> str:
        """Post a message; return the name by which it is edited."""
        ...

    async def edit(self, channel: str, message: str, text: str, blocks: Sequence[Mapping[str, object]]) -> None:
        """Put other words in the place of a message."""
        ...

    async def ask(self, trigger: str, dialog: Mapping[str, object]) -> None:
        """Open a dialog for the person whose click `trigger` names."""
        ...

    async def tell(self, channel: str, user: str, text: str) -> None:
        """Tell one person something that nobody else sees."""
        ...
