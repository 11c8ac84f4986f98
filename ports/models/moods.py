"""How models behave, as all workers see it (`domain/moods`)."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from domain.moods.mood import ModelMood


class KnownMood(BaseModel):
    """A model's mood, and how many cases wait because of it."""

    mood: ModelMood
    waiting: int = 0


class MoodStore(Protocol):
    """Where moods are kept. Every method raises TransientError if the store cannot be reached."""

    def known(self, model: str) -> KnownMood:
        """Return what is known of a model; nothing ails one that was never heard of."""
        ...

    def change(
        self, model: str, change: Callable[[ModelMood], ModelMood], now: datetime, *, waits: str | None = None
    ) -> KnownMood:
        """Change a mood, in one transaction with the words that people are told of it.

        Args:
            model: whose.
            change: a pure function; it may be called again.
            now: of the change.
            waits: a case that waits from now on; once nothing ails the model, none does.
        """
        ...

    def all_known(self) -> list[KnownMood]:
        """Return all moods, by the models' names."""
        ...

    def waiting(self, model: str, limit: int) -> list[str]:
        """Return cases that wait because of a model, the oldest first."""
        ...
