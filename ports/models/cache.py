"""Where answered questions are kept, so that the next one like them costs no call."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from domain.cache.neighbours import AnsweredQuestion, NearQuestion
from domain.cache.scope import CacheScope
from domain.cache.standing import AnswerStanding

MOST_ENTRIES = 100_000
"""Of one scope; beyond it the oldest go."""
FLIGHT_S = 45.0
"""So long a question that somebody asks is waited for; who asks and dies holds it no longer."""


class Flight(NamedTuple):
    """Who asks a question: `leads` says that the caller does; `answer` is what another caller got meanwhile, `None`
    where that was nothing to share.
    """

    leads: bool
    answer: str | None = None


class CacheStore(Protocol):
    """Answered questions by scope. It fails to the strict side: while it is away nothing is near, and nobody waits.

    No text of a question is ever given to it; vectors are as good as one, and go with their entries.
    """

    async def nearest(
        self, scope: CacheScope, vector: Sequence[float], now_s: float, *, top: int
    ) -> list[NearQuestion]:
        """Return the nearest questions that are kept and not over, and beside them the nearest one whose answer is
        another than that of the nearest of all.

        Args:
            scope: nothing of any other is looked at.
            vector: of the question, of unit length.
            now_s: seconds since 1970.
            top: so many.
        """
        ...

    async def add(self, scope: CacheScope, question: AnsweredQuestion, vector: Sequence[float]) -> None:
        """Keep an answered question until it expires; a second one of the same `entry_id` replaces the first."""
        ...

    async def standing(self, scope: CacheScope, answer: str) -> AnswerStanding:
        """Return how an answer stands; as quarantined where nobody can say."""
        ...

    async def checked(self, scope: CacheScope, answer: str, *, right: bool, max_false_hit: float) -> AnswerStanding:
        """Note a check of a hit and return how the answer stands now."""
        ...

    async def drop(self, tenant: str, article: str = "") -> int:
        """Forget what was kept for a tenant, in all its scopes; return how many questions that were. Repeatable.

        Args:
            tenant: whose.
            article: only questions that this article answered: its id (every version), or `id@version`.

        Raises:
            TransientError: the store cannot be reached: nothing is known to be gone.
        """
        ...

    async def board(self, scope: CacheScope, question: str) -> Flight:
        """Lead in asking a question, or wait for whoever does, `FLIGHT_S` at most.

        Args:
            scope: of the question.
            question: its digest.
        """
        ...

    async def land(self, scope: CacheScope, question: str, answer: str | None) -> None:
        """Tell those who wait for a question what came of it. Whoever leads does so, however it ends."""
        ...
