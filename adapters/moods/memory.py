"""Moods of models that one process keeps to itself: for measurements, which need no store."""

from collections.abc import Callable
from datetime import datetime

from domain.moods.mood import ModelMood
from domain.moods.words import telling
from domain.words_to_people import WordToPeople
from ports.models.moods import KnownMood


class MoodsInMemory:
    """`MoodStore` of one process; `words` are those that people would be told."""

    def __init__(self) -> None:
        self.words: list[WordToPeople] = []
        self._moods: dict[str, ModelMood] = {}
        self._waits: dict[str, dict[str, datetime]] = {}

    def known(self, model: str) -> KnownMood:
        """Return what is known of a model; nothing ails one that was never heard of."""
        return KnownMood(mood=self._moods.get(model, ModelMood(model=model)), waiting=len(self._waits.get(model, ())))

    def change(
        self, model: str, change: Callable[[ModelMood], ModelMood], now: datetime, *, waits: str | None = None
    ) -> KnownMood:
        """Change a mood."""
        after = change(self.known(model).mood)
        cases = self._waits.setdefault(model, {})
        if waits and not after.answers:
            cases.setdefault(waits, now)
        after, words = telling(after, len(cases), now)
        self.words += words
        self._moods[model] = after
        if after.answers:
            cases.clear()
        return self.known(model)

    def all_known(self) -> list[KnownMood]:
        """Return all moods, by the models' names."""
        return [self.known(model) for model in sorted(self._moods)]

    def waiting(self, model: str, limit: int) -> list[str]:
        """Return cases that wait because of a model, the oldest first."""
        return list(self._waits.get(model, ()))[:limit]
