"""What is known of how articles are used, and of questions that none answers."""

from datetime import datetime
from typing import Protocol

from domain.knowledge.asked import ArticleUse, PersonAsked


class UnansweredRecord(Protocol):
    """Where activities write down that no article answered a question."""

    def write(self, case_id: str, step: str, category: str) -> None:
        """Put the question of a case on record, once. Raises TransientError if the store cannot be reached."""
        ...


class KnowledgeReports(Protocol):
    """What owners of articles read. Every method raises TransientError if the store cannot be reached."""

    def uses(self) -> list[ArticleUse]:
        """Return how often each version of an article was quoted in a letter, by article and version."""
        ...

    def asked_of_people(self, since: datetime, limit: int) -> list[PersonAsked]:
        """Return the questions since then that a person answered or no article did, the newest first; not those that an
        article answered after all.
        """
        ...
