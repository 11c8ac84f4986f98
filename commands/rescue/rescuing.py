"""Bring every case to somebody who works it: from the holding pen, from the store, or to the ending that it had."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from client.case_filters import case_filter
from client.refusals import describe
from client.starting import TemporalCaseStarter
from commands.rescue.strays import Strays, find_strays, remove_strays
from domain.audit.facts import ExecutionStatus
from domain.authority.rescue import Rescue, RescueReport, rescue_of
from domain.case import CaseState
from domain.case_details import paid_line
from domain.errors import ImpossibleError, NotReachableError, UnknownCaseError

if TYPE_CHECKING:
    from client.headgate import Headgate
    from domain.case import CaseOutcome
    from ports.rescue import OpenCase
    from workers.bootstrap import Parts

PAGE = 1000
LET_IN_WITHIN_S = 120.0
LOOK_EVERY_S = 1.0
PAUSE_LOOKS = 10  # with every tenth look the intake is asked whether somebody has paused it
INTAKE_ANSWERS_WITHIN = timedelta(seconds=3)
AT_ONCE = 16  # cases that Temporal is asked about
_SOON = ", whose lists may show it a minute longer"
RUNNING = "ExecutionStatus = 'Running'"
ENDED = "its case had ended, and the store lost that"
WHY = "its workflow was gone, and the case began again"


async def rescue_cases(
    parts: "Parts",
    headgate: "Headgate",
    *,
    dry_run: bool = False,
    rate: float = 20.0,
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    tell: Callable[[str], None] = lambda _: None,
) -> RescueReport:
    """Look at every case that was accepted and see to it that it comes to an end; repeatable.

    Args:
        parts: store and holding pen.
        headgate: connected.
        dry_run: only say what would be done.
        rate: so many cases are begun again per second.
        wait: sleeps so many seconds.
        tell: says what is waited for.

    Raises:
        NotReachableError, TransientError: a part is away; doing it again is safe.
    """
    report = RescueReport(done=not dry_run)
    await _look_into_the_pen(parts, report)
    if report.put_back and not dry_run:
        await parts.inbox.put_back(report.put_back)
        report.paused = not await _until_let_in(parts, headgate, report.put_back, wait, tell)
    found = await asyncio.to_thread(parts.open_cases.open_cases)
    in_pen = await _not_let_in_yet(parts, found)
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(case: "OpenCase") -> "tuple[OpenCase, Rescue, CaseOutcome | None]":
        async with gate:
            return case, *await _looked_at(headgate, case)

    for case, what, outcome in await asyncio.gather(*(look(case) for case in found if case.case_id not in in_pen)):
        if not dry_run and what is Rescue.BEGIN_AGAIN:
            if not await begin_again(parts, headgate, case, WHY):
                continue
            await wait(1 / rate)
        if not dry_run and what is Rescue.TAKE_ENDING and outcome is not None:
            await asyncio.to_thread(parts.open_cases.end_waits, case.case_id, ENDED, datetime.now(UTC))
            await asyncio.to_thread(parts.store.cases.close, outcome, None)
        report.note(case.case_id, what)
    await _look_into_temporal(parts, headgate, report)
    return report


async def begin_again(parts: "Parts", headgate: "Headgate", case: "OpenCase", why: str) -> bool:
    """Start the next run of an open case from the store; False where somebody else did, or it ended meanwhile."""
    again = await asyncio.to_thread(parts.open_cases.begin_again, case, why, datetime.now(UTC))
    if again is None:
        return False
    await TemporalCaseStarter(headgate.temporal).start_again(again)
    return True


async def end_from_outside(parts: "Parts", headgate: "Headgate", case_id: str, *, by: str, reason: str) -> str:
    """Bring a case to its end that was ended in Temporal's own tools, or whose workflow is gone; return what was done.

    Nothing is paid any more from the first step on. A run of it settles what may have been paid and records the ending.
    What no webhook brought has no case to end: its runs are taken out of Temporal, and who said so, why and how they
    ended stays in the ledger.

    Raises:
        UnknownCaseError: no such case.
        ImpossibleError: its ending is on record, or somebody else began it again.
    """
    found = {case.case_id: case for case in await asyncio.to_thread(parts.open_cases.open_cases)}
    case = found.get(case_id)
    why = f"closed by {by}: {reason or 'no reason given'}"
    if case is None:
        return await _end_stray(parts, headgate, case_id, why)
    await asyncio.to_thread(parts.store.ledger.forbid, case_id, why, datetime.now(UTC))
    if not await begin_again(parts, headgate, case, why):
        raise ImpossibleError(f"{case_id}: somebody else began it again just now; look at it and close it then")
    await headgate.temporal.get_workflow_handle(case_id).cancel(reason=why)
    if paid := await asyncio.to_thread(_paid, parts, case_id):
        return f"{paid} was paid for it, and stays so; it is closed as cancelled, and nothing more is paid"
    return "it ends as cancelled: what may have been paid is settled first, which takes two minutes where that is open"


async def _end_stray(parts: "Parts", headgate: "Headgate", case_id: str, why: str) -> str:
    """End what Temporal has under the id of a case that the store does not have as open."""
    if not await asyncio.to_thread(parts.open_cases.lacking, [case_id]):
        ended = await asyncio.to_thread(_ending, parts, case_id)
        raise ImpossibleError(f"{case_id}: its ending is on record already: {ended}")
    how = await _take_out(parts, headgate, await find_strays(headgate.temporal, case_id), why)
    return f"no webhook brought it, so there is no case to end: its run ({how}) is taken out of Temporal{_SOON}"


async def _take_out(parts: "Parts", headgate: "Headgate", strays: Strays, why: str) -> str:
    """Put on record why, then remove; return how they ended."""
    said = f"{why} ({strays.how})"
    await asyncio.to_thread(parts.store.ledger.forbid, strays.case_id, said, datetime.now(UTC))
    await remove_strays(headgate.temporal, strays)
    return strays.how


def _ending(parts: "Parts", case_id: str) -> str:
    """Return how a case ended by the store, and what was paid for it."""
    replay = parts.store.cases.load(case_id).case.replay
    ended = parts.store.cases.ending(case_id, replay)
    paid = _paid(parts, case_id)
    return (ended.state if ended is not None else "ended") + (f", paid {paid}" if paid else "")


def _paid(parts: "Parts", case_id: str) -> str:
    return paid_line([row.effect for row in parts.store.ledger.effects_of(case_id) if row.paid])


async def _look_into_the_pen(parts: "Parts", report: RescueReport) -> None:
    """Find what was accepted and let in, and that the store does not have."""
    last = ""
    while page := await parts.inbox.accepted(last, PAGE):
        last = page[-1]
        lacking = await asyncio.to_thread(parts.open_cases.lacking, page)
        for case_id, has_body in (await parts.inbox.acknowledged(lacking)).items():
            (report.put_back if has_body else report.lost).append(case_id)


async def _look_into_temporal(parts: "Parts", headgate: "Headgate", report: RescueReport) -> None:
    """Find what runs and what neither store nor pen has: both may have been put back from before it came in.

    No row is made of what Temporal says: whoever reaches its port could have started that. The ledger pays nothing for
    a case without a row.
    """
    running = [found.id async for found in headgate.temporal.list_workflows(f"{case_filter()} AND {RUNNING}")]
    lacking = await asyncio.to_thread(parts.open_cases.lacking, running)
    report.only_in_temporal = sorted(set(lacking) - set(report.put_back))


async def _until_let_in(
    parts: "Parts",
    headgate: "Headgate",
    case_ids: list[str],
    wait: Callable[[float], Awaitable[None]],
    tell: Callable[[str], None],
) -> bool:
    """Wait until the intake is done with these cases; what takes longer is seen to by the next rescue.

    Returns:
        False at once where the intake is paused: it lets nothing in.
    """
    tell(
        f"{len(case_ids)} cases are back in the holding pen: waiting until the intake has let them in, "
        f"{LET_IN_WITHIN_S:.0f} s at most"
    )
    for look in range(int(LET_IN_WITHIN_S / LOOK_EVERY_S)):
        if len(await parts.inbox.acknowledged(case_ids)) == len(case_ids):
            return True
        if look % PAUSE_LOOKS == 0 and await _is_paused(headgate):
            tell("the intake is paused, so they wait there: `headgate intake resume` lets them in")
            return False
        await wait(LOOK_EVERY_S)
    tell("not all of them are in yet: `headgate intake show` says how fast they come, the next rescue sees to the rest")
    return True


async def _is_paused(headgate: "Headgate") -> bool:
    """Return whether the intake says that it is paused; where it says nothing, it may come in."""
    try:
        return (await headgate.intake.state(INTAKE_ANSWERS_WITHIN)).paused
    except (NotReachableError, UnknownCaseError):
        return False


async def _not_let_in_yet(parts: "Parts", found: "list[OpenCase]") -> set[str]:
    """Return those that the intake is about to start by itself: they are in the store, and in the pen still."""
    first_runs = [case.case_id for case in found if not case.replay]
    done = await parts.inbox.acknowledged(first_runs)
    undone = [case_id for case_id in first_runs if case_id not in done]
    return {case_id for case_id in undone if await parts.inbox.kept(case_id) is not None}


async def _looked_at(headgate: "Headgate", case: "OpenCase") -> "tuple[Rescue, CaseOutcome | None]":
    """Return what is to be done with an open case, and the ending to take over if it is that."""
    try:
        description = await describe(headgate.temporal, case.case_id)
    except UnknownCaseError:
        return rescue_of(None, None, replay=case.replay), None
    status = ExecutionStatus(description.status.name.lower()) if description.status is not None else None
    outcome = None
    if status in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELED):
        outcome = await headgate.cases.outcome(case.case_id)
    if outcome is not None and status is ExecutionStatus.CANCELED:  # what it was in says its store, not its workflow
        outcome = outcome.model_copy(update={"state": CaseState.CANCELLED, "replay": case.replay})
    return rescue_of(status, outcome, replay=case.replay), outcome
