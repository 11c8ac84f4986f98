"""Cases that stand with people for the same reason are sent on together, each for the wait at which it was found."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from client.case_rows import CaseRow
from client.cases import Cases
from domain.case import CaseAnswer, CaseState, CaseStatus, HumanDecision, Lane
from domain.errors import NotReachableError

ROUTE = HumanDecision(verdict=Lane.ROUTE, by="dana", category="Billing")
SPELL = "the router gave no category: not a category"


class WaitingCasesOf(Cases):
    """So many cases with their findings; `wont` do not take a decision, `sick` do not answer."""

    def __init__(self, findings: dict[str, str], *, wont: tuple[str, ...] = (), sick: tuple[str, ...] = ()) -> None:
        nobody: Any = None
        super().__init__(nobody)
        self.findings, self.wont, self.sick = findings, wont, sick
        self.told: dict[str, HumanDecision] = {}

    async def list(
        self, *, state: str | None = None, category: str | None = None, limit: int = 100
    ) -> AsyncIterator[CaseRow]:
        assert state == CaseState.WAITING_HUMAN
        for case_id in self.findings:
            if case_id not in self.told:
                yield CaseRow(case_id=case_id, state=CaseState.WAITING_HUMAN)

    async def status(self, case_id: str) -> CaseStatus:
        await asyncio.sleep(0)
        if case_id in self.sick:
            raise NotReachableError(f"{case_id} does not answer")
        return CaseStatus(
            case_id=case_id, state=CaseState.WAITING_HUMAN, finding=self.findings[case_id], lane=len(case_id)
        )

    async def decide(self, case_id: str, decision: HumanDecision) -> CaseAnswer:
        if case_id in self.wont:
            return CaseAnswer(accepted=False, message="maria was first with close")
        self.told[case_id] = decision
        return CaseAnswer(accepted=True, message="")


def many(count: int) -> dict[str, str]:
    return {f"case/shop/{n}": SPELL if n % 2 else "human: several orders" for n in range(count)}


async def test_only_those_with_the_finding_are_sent_each_for_its_wait_and_a_second_time_none() -> None:
    cases = WaitingCasesOf(many(40))
    done = await cases.route_all("The router gave no category", ROUTE)
    assert (done.looked_at, len(done.routed), done.refused) == (40, 20, {})
    assert {case_id: decision.lane for case_id, decision in cases.told.items()} == {
        case_id: len(case_id) for case_id, finding in cases.findings.items() if finding == SPELL
    }
    again = await cases.route_all("The router gave no category", ROUTE)
    assert (again.looked_at, again.routed, again.refused) == (20, [], {})


async def test_those_that_do_not_take_it_are_named_and_hold_up_nobody() -> None:
    cases = WaitingCasesOf(many(10), wont=("case/shop/3",), sick=("case/shop/4", "case/shop/5"))
    done = await cases.route_all(SPELL, ROUTE)
    assert sorted(done.routed) == ["case/shop/1", "case/shop/7", "case/shop/9"]
    assert done.refused == {
        "case/shop/3": "maria was first with close",
        "case/shop/4": "case/shop/4 does not answer",
        "case/shop/5": "case/shop/5 does not answer",
    }


async def test_a_limit_is_kept_and_a_dry_run_tells_nobody() -> None:
    cases = WaitingCasesOf(many(100))
    assert len((await cases.route_all("*", ROUTE, limit=7, dry_run=True)).routed) == 7
    assert cases.told == {}
    assert len((await cases.route_all(SPELL, ROUTE, limit=7)).routed) == len(cases.told) == 7
