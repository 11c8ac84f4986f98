"""A message broker under the holding pen: lanes of messages, each taken by one process at a time.

What a broker adapter promises, so that one pen can stand on any of them:

- `publish` says that a message is safe only once the broker has confirmed that it is on disk (or as safe as the adapter
  says); every other outcome is a fault, never silence.
- What `receive` returned belongs to this process until it is settled or given back, for as long as it takes (an adapter
  extends whatever would run out). When the process dies, the broker hands it to another one, with a higher count.
- A message that was received in vain too often is dead-lettered by the broker and comes back by `given_up`.
- Nothing hangs: every call ends within some seconds, with `TransientError` where the broker refuses or is away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import TransientError


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that this process holds. `deliveries` counts how often it was handed out, from 1; `handle` is the
    broker's own name for it, of use only to the adapter that returned it.
    """

    lane: str
    content: bytes
    deliveries: int
    handle: object


class Broker(Protocol):
    """Where a pen keeps its messages."""

    max_bytes: int
    """The largest message that `publish` takes, bytes."""

    look_s: float
    """How long to rest between looks at an empty broker, seconds: a look may cost money."""

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> list[TransientError | None]:
        """Put messages into their lanes (made when first named); return for each None once it is confirmed, or why not.

        Raises:
            TransientError: none of them was taken.
        """
        ...

    async def waiting(self, lanes: Sequence[str]) -> dict[str, int]:
        """Return how many messages of each lane nobody holds; a lane that was never used has none."""
        ...

    async def receive(self, wanted: Mapping[str, int]) -> list[Delivery]:
        """Take up to so many messages of each lane, oldest first; returns what there is, without waiting for more."""
        ...

    async def given_up(self, lanes: Sequence[str], limit: int) -> list[Delivery]:
        """Take what the broker itself has dead-lettered; to be settled or given back like the others."""
        ...

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are done: they never come again. Those that the broker took away meanwhile are no error."""
        ...

    async def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Let others take these."""
        ...

    async def check(self, lanes: Sequence[str] = ()) -> None:
        """Return if a message could be published now, also into these lanes, which may be made.

        Raises:
            TransientError: not now; says why.
            ConfigurationError: not before somebody mends the settings or the broker; says what.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection; what was not settled is handed out again."""
        ...
