"""Answered questions in this process: each process learns by itself, and forgets at its end."""

from collections.abc import Sequence

from adapters.cache.flights import LocalFlights
from adapters.cache.matrix import ScopeMatrix
from domain.cache.admission import is_of_article
from domain.cache.neighbours import AnsweredQuestion, NearQuestion
from domain.cache.scope import CacheScope
from domain.cache.standing import AnswerStanding, checked
from ports.models.cache import MOST_ENTRIES, Flight

_MANY_SCOPES = 64


class CacheInMemory:
    """A `CacheStore` without a server.

    Args:
        most: entries of a scope.
        flights: of this process.
    """

    def __init__(self, most: int = MOST_ENTRIES, flights: LocalFlights | None = None) -> None:
        self._most = most
        self._flights = flights or LocalFlights()
        self._scopes: dict[CacheScope, ScopeMatrix] = {}
        self._standings: dict[tuple[CacheScope, str], AnswerStanding] = {}

    async def nearest(
        self, scope: CacheScope, vector: Sequence[float], now_s: float, *, top: int
    ) -> list[NearQuestion]:
        """Return the nearest ones."""
        matrix = self._scopes.get(scope)
        return [] if matrix is None else matrix.nearest(vector, now_s, top=top)

    async def add(self, scope: CacheScope, question: AnsweredQuestion, vector: Sequence[float]) -> None:
        """Keep one."""
        if scope not in self._scopes and len(self._scopes) >= _MANY_SCOPES:
            self._forget_over(question.created_s)
        self._scopes.setdefault(scope, ScopeMatrix(self._most)).add(question, vector)

    async def standing(self, scope: CacheScope, answer: str) -> AnswerStanding:
        """Return how an answer stands."""
        return self._standings.get((scope, answer), AnswerStanding())

    async def checked(self, scope: CacheScope, answer: str, *, right: bool, max_false_hit: float) -> AnswerStanding:
        """Note a check."""
        now = checked(await self.standing(scope, answer), right=right, max_false_hit=max_false_hit)
        self._standings[scope, answer] = now
        return now

    async def drop(self, tenant: str, article: str = "") -> int:
        """Forget a tenant's."""
        dropped = 0
        for matrix in [matrix for scope, matrix in self._scopes.items() if scope.tenant == tenant]:
            for question in matrix.questions:
                if not article or is_of_article(question.answer, article):
                    matrix.remove(question.entry_id)
                    dropped += 1
        return dropped

    async def board(self, scope: CacheScope, question: str) -> Flight:
        """Lead or wait."""
        return await self._flights.board(scope.key, question)

    async def land(self, scope: CacheScope, question: str, answer: str | None) -> None:
        """Tell those who wait."""
        self._flights.land(scope.key, question, answer)

    def _forget_over(self, now_s: float) -> None:
        self._scopes = {scope: matrix for scope, matrix in self._scopes.items() if matrix.ends_s > now_s}
