"""Cases that wait for a person are shown, whatever is wrong with one of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from client.case_rows import ASKED_AT_ONCE, SHOWN_AT_MOST, CaseRow, CaseViews
from domain.case import CaseMessage, CaseState, CaseStatus
from domain.errors import NotReachableError
from tests.contracts.store_samples import NOW


class FakeCases:
    """So many waiting cases, the newest first; some do not answer, some have gone on meanwhile."""

    def __init__(self, count: int, *, sick: tuple[int, ...] = (), gone_on: tuple[int, ...] = ()) -> None:
        self.ids = [f"case/shop/{number:03}" for number in range(count)]
        self.sick = {self.ids[number] for number in sick}
        self.gone_on = {self.ids[number] for number in gone_on}
        self.ended_outside: set[str] = set()
        self.now = self.most = 0

    async def list(self, *, state: str, limit: int) -> AsyncIterator[CaseRow]:
        assert state == CaseState.WAITING_HUMAN
        for case_id in self.ids[:limit]:
            yield CaseRow(case_id=case_id, state=state)

    async def row(self, case_id: str) -> CaseRow:
        state = "terminated" if case_id in self.ended_outside else CaseState.WAITING_HUMAN
        return CaseRow(case_id=case_id, state=state, tenant="acme", started_at=NOW)

    async def status(self, case_id: str) -> CaseStatus:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        if case_id in self.sick:
            raise NotReachableError(f"{case_id} does not answer")
        state = CaseState.RUNNING if case_id in self.gone_on else CaseState.WAITING_HUMAN
        until = NOW - timedelta(hours=self.ids.index(case_id))  # the oldest is the most urgent
        return CaseStatus(case_id=case_id, state=state, waits_until=until)

    async def message(self, case_id: str) -> CaseMessage:
        return CaseMessage(text="Hello", request=["“Hello”"])


def views_of(cases: FakeCases) -> CaseViews:
    seen: Any = cases
    return CaseViews(seen)


async def test_the_most_urgent_comes_first() -> None:
    found = await views_of(FakeCases(3)).waiting()
    assert [view.case_id for view in found.views] == ["case/shop/002", "case/shop/001", "case/shop/000"]
    assert found.views[0].message.request == ["“Hello”"]
    assert (found.unshown, found.more) == ([], False)


async def test_one_that_does_not_answer_hides_no_other_and_one_that_went_on_is_left_out() -> None:
    found = await views_of(FakeCases(4, sick=(1,), gone_on=(2,))).waiting()
    assert [view.case_id for view in found.views] == ["case/shop/003", "case/shop/000"]
    assert found.unshown == ["case/shop/001"]


async def test_where_none_answers_it_is_said_why() -> None:
    with pytest.raises(NotReachableError, match="case/shop/000 does not answer"):
        await views_of(FakeCases(2, sick=(0, 1))).waiting()


async def test_so_many_are_shown_and_asked_at_once_and_others_are_told_of() -> None:
    cases = FakeCases(SHOWN_AT_MOST + 20)
    found = await views_of(cases).waiting()
    assert len(found.views) == SHOWN_AT_MOST
    assert found.more
    assert cases.most <= ASKED_AT_ONCE
    assert not (await views_of(FakeCases(SHOWN_AT_MOST)).waiting()).more


async def test_a_case_that_was_ended_outside_is_shown_as_such() -> None:
    """Its workflow still says that it waits, since nobody told it."""
    cases = FakeCases(1)
    cases.ended_outside = set(cases.ids)
    view = await views_of(cases).show(cases.ids[0])
    assert (view.state, view.status.state, view.tenant) == ("terminated", CaseState.WAITING_HUMAN, "acme")
    assert (await views_of(cases).waiting()).views == []
