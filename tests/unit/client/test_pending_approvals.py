"""What waits for a decision is listed, whatever is wrong with one of the requests."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from client.approvals import ASKED_AT_ONCE, Approvals
from domain.errors import NotReachableError
from domain.money.approval import ApprovalView
from tests.contracts.store_samples import NOW, approval_request, big_action


class Lister:
    """A Temporal that lists approvals."""

    def __init__(self, count: int) -> None:
        self.ids = [f"case/shop/{number:03}/approval/1" for number in range(count)]

    async def list_workflows(self, query: str) -> AsyncIterator[SimpleNamespace]:
        for approval_id in self.ids:
            yield SimpleNamespace(id=approval_id)


class Asked(Approvals):
    """Approvals that answer slowly, but for those that are sick."""

    def __init__(self, count: int, *sick: int) -> None:
        temporal: Any = Lister(count)
        super().__init__(temporal)
        self.sick = {temporal.ids[number] for number in sick}
        self.now = self.most = 0

    async def show(self, approval_id: str) -> ApprovalView:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        if approval_id in self.sick:
            raise NotReachableError(f"{approval_id} does not answer")
        request = approval_request(big_action())
        return ApprovalView(
            approval_id=approval_id, case_id="case/shop/e1", brief=request.brief, digest=request.digest,
            amount=request.action.money, requested_at=NOW, expires_at=NOW + timedelta(hours=1),
        )  # fmt: skip


async def test_one_that_does_not_answer_hides_no_other_and_is_told() -> None:
    pending = await Asked(3, 1).pending()
    assert [view.approval_id for view in pending.views] == ["case/shop/000/approval/1", "case/shop/002/approval/1"]
    assert pending.unshown == ["case/shop/001/approval/1"]


async def test_where_none_answers_it_is_said_why() -> None:
    with pytest.raises(NotReachableError, match="case/shop/000/approval/1 does not answer"):
        await Asked(2, 0, 1).pending()


async def test_only_so_many_are_asked_at_once() -> None:
    approvals = Asked(100)
    assert len((await approvals.pending()).views) == 100
    assert approvals.most == ASKED_AT_ONCE
