"""What every store of answered questions must do; each runs the same tests."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from domain.cache.lexicon import GuardMarks
from domain.cache.neighbours import AnsweredQuestion
from domain.cache.scope import CacheScope
from domain.cache.standing import AnswerStanding
from ports.models.cache import CacheStore

SCOPE = CacheScope(
    tenant="acme", locale="en", route="it", audience="web", step="diagnosis", case_rules="d@1", blueprint="d@1",
    knowledge="k", model="gpt", embedder="fake",
)  # fmt: skip
MOST = 50
"""Entries of a scope in these tests."""


def towards(degrees: float, size: int = 8) -> list[float]:
    """A vector of unit length in a plane: the cosine of two is that of the angle between them."""
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), *[0.0] * (size - 2)]


def question(n: int, answer: str = "vpn@1", *, now_s: float, lasts_s: float = 3600.0) -> AnsweredQuestion:
    return AnsweredQuestion(
        entry_id=f"e{n}",
        answer=answer,
        customer=f"c{n}",
        created_s=now_s,
        expires_s=now_s + lasts_s,
        marks=GuardMarks(),
    )


class CacheContract:
    """Subclasses give a `cache` that is empty, with `MOST` entries a scope, and `now_s`."""

    async def ids(self, cache: CacheStore, now_s: float, at: float = 0.0, *, top: int = 5) -> list[str]:
        near = await cache.nearest(SCOPE, towards(at), now_s, top=top)
        return [n.question.entry_id for n in sorted(near, key=lambda n: -n.cosine)]

    async def test_an_empty_one_has_nothing_near(self, cache: CacheStore, now_s: float) -> None:
        assert await self.ids(cache, now_s) == []

    async def test_the_nearest_come_with_their_cosine(self, cache: CacheStore, now_s: float) -> None:
        for n in range(9):
            await cache.add(SCOPE, question(n, now_s=now_s), towards(10.0 * n))
        near = await cache.nearest(SCOPE, towards(21.0), now_s, top=3)
        assert {n.question.entry_id: round(n.cosine, 4) for n in near} == {
            f"e{n}": round(math.cos(math.radians(abs(21 - 10 * n))), 4) for n in (1, 2, 3)
        }
        assert near[0].question in [question(n, now_s=now_s) for n in (1, 2, 3)]

    async def test_the_nearest_with_another_answer_is_there_however_far(self, cache: CacheStore, now_s: float) -> None:
        for n in range(20):
            await cache.add(SCOPE, question(n, now_s=now_s), towards(n / 10))
        await cache.add(SCOPE, question(20, "mail@1", now_s=now_s), towards(80.0))
        await cache.add(SCOPE, question(21, "mail@2", now_s=now_s), towards(70.0))
        assert set(await self.ids(cache, now_s)) == {*(f"e{n}" for n in range(5)), "e21"}

    @pytest.mark.parametrize("name", SCOPE.__slots__)
    async def test_no_other_scope_sees_it(self, cache: CacheStore, now_s: float, name: str) -> None:
        await cache.add(SCOPE, question(1, now_s=now_s), towards(0.0))
        assert await cache.nearest(replace(SCOPE, **{name: "other"}), towards(0.0), now_s, top=5) == []
        assert await self.ids(cache, now_s) == ["e1"]

    async def test_it_ends_when_it_said_however_often_it_was_found(self, cache: CacheStore, now_s: float) -> None:
        await cache.add(SCOPE, question(1, now_s=now_s, lasts_s=600.0), towards(0.0))
        for after in (0.0, 300.0, 599.0):
            assert await self.ids(cache, now_s + after) == ["e1"]
        assert await self.ids(cache, now_s + 600.0) == []

    async def test_kept_twice_it_is_there_once(self, cache: CacheStore, now_s: float) -> None:
        for answer in ("vpn@1", "mail@1"):
            await cache.add(SCOPE, question(1, answer, now_s=now_s), towards(0.0))
        near = await cache.nearest(SCOPE, towards(0.0), now_s, top=5)
        assert [n.question.answer for n in near] == ["mail@1"]

    async def test_of_too_many_the_oldest_go(self, cache: CacheStore, now_s: float) -> None:
        for n in range(MOST + 7):
            await cache.add(SCOPE, question(n, now_s=now_s), towards(0.0))
        assert set(await self.ids(cache, now_s, top=2 * MOST)) == {f"e{n}" for n in range(7, MOST + 7)}

    @pytest.mark.parametrize(
        "vector", [towards(0.0, size=9), [0.0] * 8, [math.nan] * 8, [2.0, *[0.0] * 7], []], ids=str
    )
    async def test_a_vector_that_does_not_fit_is_near_to_nothing_and_not_kept(
        self, cache: CacheStore, now_s: float, vector: Sequence[float]
    ) -> None:
        await cache.add(SCOPE, question(1, now_s=now_s), towards(0.0))
        await cache.add(SCOPE, question(2, now_s=now_s), vector)
        assert await cache.nearest(SCOPE, vector, now_s, top=5) == []
        assert await self.ids(cache, now_s) == ["e1"]

    async def test_a_tenant_s_are_dropped_and_no_other_s(self, cache: CacheStore, now_s: float) -> None:
        theirs, later = replace(SCOPE, tenant="other"), replace(SCOPE, blueprint="d@2")
        for scope in (SCOPE, later, theirs):
            await cache.add(scope, question(1, now_s=now_s), towards(0.0))
            assert await cache.nearest(scope, towards(0.0), now_s, top=5)
        await cache.drop("acme")
        left = [bool(await cache.nearest(scope, towards(0.0), now_s, top=5)) for scope in (SCOPE, later, theirs)]
        assert left == [False, False, True]
        await cache.add(SCOPE, question(2, now_s=now_s), towards(0.0))
        assert await self.ids(cache, now_s) == ["e2"]

    async def test_of_one_article_alone_they_are_dropped_and_counted(self, cache: CacheStore, now_s: float) -> None:
        for n, answer in enumerate(("vpn@1", "vpn@2", "vpn-old@1")):
            await cache.add(SCOPE, question(n, answer, now_s=now_s), towards(0.0))
        assert await cache.drop("acme", "vpn@2") == 1
        assert sorted(await self.ids(cache, now_s)) == ["e0", "e2"]
        assert await cache.drop("other", "vpn") == 0
        assert await cache.drop("acme", "vpn") == 1
        assert await self.ids(cache, now_s) == ["e2"]
        assert await cache.drop("acme") == 1
        assert await cache.drop("acme") == 0

    async def test_checks_are_remembered_by_answer_and_scope(self, cache: CacheStore) -> None:
        for right in (True, False, False):
            await cache.checked(SCOPE, "vpn@1", right=right, max_false_hit=0.006)
        standing = await cache.standing(SCOPE, "vpn@1")
        assert (standing.checks, standing.wrong, standing.in_a_row) == (3, 2, 2)
        assert await cache.standing(SCOPE, "vpn@2") == AnswerStanding()
        assert await cache.standing(replace(SCOPE, tenant="other"), "vpn@1") == AnswerStanding()

    async def test_of_checks_at_once_none_is_lost(self, cache: CacheStore) -> None:
        await asyncio.gather(*(cache.checked(SCOPE, "vpn@1", right=True, max_false_hit=0.006) for _ in range(5)))
        assert (await cache.standing(SCOPE, "vpn@1")).checks == 5

    async def test_of_many_equal_questions_at_once_one_is_asked(self, cache: CacheStore) -> None:
        asked = 0

        async def one() -> str | None:
            nonlocal asked
            flight = await cache.board(SCOPE, "q")
            if not flight.leads:
                return flight.answer
            asked += 1
            await asyncio.sleep(0.05)
            await cache.land(SCOPE, "q", "vpn@1")
            return "vpn@1"

        assert set(await asyncio.gather(*(one() for _ in range(200)))) == {"vpn@1"}
        assert asked == 1

    async def test_where_the_first_fails_the_next_one_asks(self, cache: CacheStore) -> None:
        asked = 0

        async def one() -> str | None:
            nonlocal asked
            flight = await cache.board(SCOPE, "q")
            if not flight.leads:
                return flight.answer
            asked += 1
            answer = None if asked < 3 else "vpn@1"
            await asyncio.sleep(0.01)
            await cache.land(SCOPE, "q", answer)
            return answer

        answers = await asyncio.gather(*(one() for _ in range(20)))
        assert (asked, answers.count(None), answers.count("vpn@1")) == (3, 2, 18)

    async def test_other_questions_and_scopes_do_not_wait(self, cache: CacheStore) -> None:
        assert (await cache.board(SCOPE, "q")).leads
        assert (await cache.board(SCOPE, "other")).leads
        assert (await cache.board(replace(SCOPE, tenant="other"), "q")).leads
