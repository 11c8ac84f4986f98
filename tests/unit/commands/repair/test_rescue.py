"""`headgate rescue` and `headgate cases close` of a case that was ended past Headgate."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from adapters.rescue.open_cases import SqlOpenCases
from adapters.store import Store, open_store
from client.case_rows import CaseRow
from commands.rescue import rescuing
from commands.rescue.command import lines_of
from commands.rescue.rescuing import end_from_outside, rescue_cases
from commands.rescue.strays import Strays
from commands.work.cases import _close_if_worked
from domain.authority.rescue import RescueReport
from domain.case import CaseAnswer, CaseState, HumanDecision, Lane
from domain.errors import ImpossibleError, NotReachableError, RefusedError, UnknownCaseError
from domain.intake import IntakeState
from domain.money.approval import Standing
from ports.incoming.inbox import InboxItem
from tests.contracts.store_ledger import intend
from tests.contracts.store_samples import (
    NOW,
    action,
    approval_request,
    approval_result,
    big_action,
    outcome,
    seed_samples,
    stored_case,
)
from tests.fakes.inbox import FakeInbox
from tests.fakes.temporal import FakeRun, FakeTemporal

RUNNING, COMPLETED, CANCELED, TERMINATED, FAILED = (
    WorkflowExecutionStatus[name] for name in ("RUNNING", "COMPLETED", "CANCELED", "TERMINATED", "FAILED")
)


def case(name: str) -> str:
    return f"case/shop/{name}"


class FakeIntake:  # says whether it is paused, or nothing
    paused, answers = False, True

    async def state(self, within: timedelta) -> IntakeState:
        if self.answers:
            return IntakeState(paused=self.paused)
        raise NotReachableError("no case worker answered")


class World:
    """A store, a pen and a Temporal that can lose what they have."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = open_store(f"sqlite:///{folder}/store.db")
        seed_samples(self.store, folder)
        self.inbox = FakeInbox()
        self.temporal = FakeTemporal()
        self.waited: list[float] = []
        # Any: as far as rescuing uses them.
        open_cases = SqlOpenCases(self.store.database)
        self.parts: Any = SimpleNamespace(store=self.store, inbox=self.inbox, open_cases=open_cases)
        self.intake = FakeIntake()
        self.headgate: Any = SimpleNamespace(temporal=self.temporal, cases=self.temporal, intake=self.intake)
        self.told: list[str] = []

    async def admit(self, *names: str, acknowledged: bool = True) -> None:
        """Let cases in, as the intake does."""
        for name in names:
            item = InboxItem(case(name), "shop", name, "application/json", b'{"text": "hi"}', "00", NOW)
            await self.inbox.put(item)
            self.store.cases.admit([stored_case(name)])
            if acknowledged:
                await self.inbox.ack([case(name)])

    async def wait(self, seconds: float) -> None:
        """Let the intake work meanwhile: whatever is in the pen comes into the store and is started."""
        self.waited.append(seconds)
        for item in await self.inbox.lease(100, 60):
            self.store.cases.admit([stored_case(item.event_id)])
            self.temporal.runs.setdefault(item.case_id, FakeRun(RUNNING))
            await self.inbox.ack([item.case_id])

    async def rescue(self, *, dry_run: bool = False) -> RescueReport:
        return await rescue_cases(self.parts, self.headgate, dry_run=dry_run, wait=self.wait, tell=self.told.append)

    def runs(self, name: str, status: WorkflowExecutionStatus, state: CaseState | None = None, replay: int = 0) -> None:
        ended = outcome(name, state, replay) if state is not None else None
        self.temporal.runs[case(name)] = FakeRun(status, ended)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path)
    yield found
    found.store.close()


def lose_cases(world: World) -> None:
    with world.store.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM cases")


def lose_case_and_body(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty the store's cases, and let the pen have dropped what they said."""

    async def dropped(case_ids: list[str]) -> dict[str, bool]:
        return dict.fromkeys(case_ids, False)

    lose_cases(world)
    monkeypatch.setattr(world.inbox, "acknowledged", dropped)


# --- sad paths ------------------------------------------------------------------------------------------------------


async def test_what_the_store_and_the_pen_have_lost_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.admit("e1")
    lose_case_and_body(world, monkeypatch)
    report = await world.rescue()
    assert (report.lost, report.put_back) == ([case("e1")], [])
    assert "ask its sender" in lines_of(report)[0]


@pytest.mark.parametrize("status", [TERMINATED, FAILED])
async def test_what_was_ended_in_temporals_tools_is_named_with_its_command_and_left(
    world: World, status: WorkflowExecutionStatus
) -> None:
    await world.admit("e1")
    world.runs("e1", status)
    report = await world.rescue()
    assert (report.ended_outside, world.temporal.runs[case("e1")].status) == ([case("e1")], status)
    assert f"headgate cases close {case('e1')} --reason" in lines_of(report)[0]


async def test_a_paused_intake_is_not_waited_for(world: World) -> None:
    await world.admit("e1")
    lose_cases(world)
    world.intake.paused = True
    report = await world.rescue()
    assert (world.waited, report.put_back, report.paused) == ([], [case("e1")], True)
    assert "headgate intake resume" in world.told[-1]
    assert "put back into the holding pen, and the intake is paused" in lines_of(report)[0]


async def test_what_is_waited_for_is_told_before(world: World) -> None:
    await world.admit("e1")
    lose_cases(world)
    world.intake.answers = False  # it may go on all the same
    report = await world.rescue()
    assert (len(world.waited), report.paused) == (1, False)
    assert world.told == [
        "1 cases are back in the holding pen: waiting until the intake has let them in, 120 s at most"
    ]


async def test_what_the_intake_is_about_to_start_is_left_to_it(world: World) -> None:
    """It stands in the store, its workflow is not there yet: a run of ours would take its number."""
    await world.admit("e1", acknowledged=False)
    report = await world.rescue()
    assert (report.begun, world.temporal.runs) == ([], {})


async def test_of_two_rescues_at_once_each_case_is_begun_by_one(world: World) -> None:
    await world.admit("e1")
    [found] = world.parts.open_cases.open_cases()
    assert await rescuing.begin_again(world.parts, world.headgate, found, "why")
    assert not await rescuing.begin_again(world.parts, world.headgate, found, "why")


# --- Temporal is gone -----------------------------------------------------------------------------------------------


async def test_every_open_case_begins_again_once(world: World) -> None:
    await world.admit("e1", "e2", "e3")
    world.store.cases.close(outcome("e3"), None)
    would = await world.rescue(dry_run=True)
    assert (would.begun, would.done, world.temporal.runs) == ([case("e1"), case("e2")], False, {})
    assert lines_of(would)[-1].endswith("(nothing was done: --dry-run)")
    did = await world.rescue()
    assert (did.begun, did.running) == ([case("e1"), case("e2")], 0)
    again = await world.rescue()
    assert (again.begun, again.running) == ([], 2)
    begun = {case_id: run.case.replay for case_id, run in world.temporal.runs.items() if run.case is not None}
    assert begun == {case("e1"): 1, case("e2"): 1}


async def test_a_rescue_that_was_cut_off_is_done_by_the_next(world: World) -> None:
    await world.admit("e1")
    [found] = world.parts.open_cases.open_cases()
    world.parts.open_cases.begin_again(found, "why", NOW)  # and no workflow was started
    assert (await world.rescue()).begun == [case("e1")]
    started = world.temporal.runs[case("e1")].case
    assert started is not None
    assert started.replay == 2


# --- the store is of an hour ago ------------------------------------------------------------------------------------


async def test_what_came_in_since_is_let_in_again_and_its_ending_taken_over(world: World) -> None:
    await world.admit("e1", "e2")
    lose_cases(world)
    world.runs("e1", COMPLETED, CaseState.REJECTED)
    world.runs("e2", RUNNING)
    report = await world.rescue()
    assert (report.put_back, report.ended, report.running) == ([case("e1"), case("e2")], [case("e1")], 1)
    ending = world.store.cases.ending(case("e1"), 0)
    assert ending is not None
    assert ending.state is CaseState.REJECTED
    again = await world.rescue()
    assert (again.put_back, again.ended, again.running) == ([], [], 1)


async def test_an_approval_that_was_decided_meanwhile_waits_for_nobody(world: World) -> None:
    await world.admit("e1")
    request = approval_request(big_action("e1"))
    world.store.ledger.announce(request, NOW)
    world.runs("e1", COMPLETED, CaseState.DONE)
    await world.rescue()
    assert world.store.ledger.record_approval(request, approval_result(request)).standing is Standing.CANCELLED


async def test_a_cancellation_is_taken_over_for_the_run_that_the_store_knows(world: World) -> None:
    await world.admit("e1")
    world.runs("e1", CANCELED, CaseState.CANCELLED)
    assert (await world.rescue()).ended == [case("e1")]
    ending = world.store.cases.ending(case("e1"), 0)
    assert ending is not None
    assert ending.state is CaseState.CANCELLED


# --- store and pen are of an hour ago, Temporal is not ---------------------------------------------------------------


async def test_what_temporal_alone_knows_is_named_and_goes_on_once_its_event_came_again(world: World) -> None:
    await world.admit("e1")
    world.runs("e1", RUNNING)
    world.runs("e2", RUNNING)
    world.runs("e3", COMPLETED, CaseState.DONE)  # it ended: there is nothing to be done
    report = await world.rescue()
    assert (report.only_in_temporal, report.needs_a_word) == ([case("e2")], True)
    [told, counts] = lines_of(report)
    for words in ("runs in Temporal only", "pays nothing", "send the event 'e2' again", "headgate cases cancel"):
        assert words in told
    assert "1 run in Temporal only" in counts
    with pytest.raises(RefusedError, match="never admitted"):
        intend(world.store, action("e2"))
    assert world.store.cases.ending(case("e2"), 0) is None, "nothing is made of what Temporal says"
    await world.admit("e2")
    again = await world.rescue()
    assert (again.only_in_temporal, again.running, again.needs_a_word) == ([], 2, False)


async def test_what_is_let_in_again_is_not_named_besides(world: World) -> None:
    await world.admit("e1")
    lose_cases(world)
    world.runs("e1", RUNNING)
    for dry_run in (True, False):
        report = await world.rescue(dry_run=dry_run)
        assert (report.put_back, report.only_in_temporal) == ([case("e1")], [])


async def test_what_runs_and_is_lost_has_one_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pen has its id and no body: the same event would be called a duplicate."""
    await world.admit("e1")
    lose_case_and_body(world, monkeypatch)
    world.runs("e1", RUNNING)
    report = await world.rescue()
    assert (report.lost, report.only_in_temporal) == ([case("e1")], [case("e1")])
    [told, _] = lines_of(report)
    assert "headgate cases cancel case/shop/e1` ends it; then ask its sender for a new message" in told


# --- ended in Temporal's own tools ----------------------------------------------------------------------------------


async def close(world: World, name: str) -> str:
    return await end_from_outside(world.parts, world.headgate, case(name), by="ops", reason="drill")


async def test_a_terminated_case_is_brought_to_its_end_and_pays_nothing_any_more(world: World) -> None:
    await world.admit("e1")
    world.runs("e1", TERMINATED)
    assert "ends as cancelled" in await close(world, "e1")
    run = world.temporal.runs[case("e1")]
    assert run.case is not None
    assert (run.cancelled, run.case.replay) == ("closed by ops: drill", 1)
    with pytest.raises(RefusedError, match="closed by ops: drill"):
        intend(world.store, action("e1"))


@pytest.mark.usefixtures("strays")
async def test_what_has_its_ending_or_never_was_is_not_closed(world: World) -> None:
    await world.admit("e1")
    world.store.cases.close(outcome("e1"), None)
    with pytest.raises(ImpossibleError, match="on record already"):
        await close(world, "e1")
    with pytest.raises(UnknownCaseError):
        await close(world, "never")
    assert world.temporal.runs == {}


async def test_a_case_that_was_paid_before_is_closed_and_said_to_be_paid(world: World) -> None:
    await world.admit("e1")
    intend(world.store, action("e1"))
    world.store.ledger.execute(action("e1").key, "re_1", NOW)
    world.runs("e1", TERMINATED)
    said = await close(world, "e1")
    assert said.startswith("5.00 USD was paid for it, and stays so; it is closed")
    assert world.temporal.runs[case("e1")].cancelled == "closed by ops: drill"


@pytest.mark.usefixtures("strays")
async def test_of_an_ended_case_the_ending_and_the_money_are_told(world: World) -> None:
    await world.admit("e1")
    intend(world.store, action("e1"))
    world.store.ledger.execute(action("e1").key, "re_1", NOW)
    world.store.cases.close(outcome("e1"), None)
    with pytest.raises(ImpossibleError, match=r"on record already: done, paid 5\.00 USD$"):
        await close(world, "e1")


@pytest.fixture
def strays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a real Temporal does with them: `tests/integration/test_strays.py`."""

    async def find(temporal: FakeTemporal, case_id: str) -> Strays:
        if case_id not in temporal.runs:
            raise UnknownCaseError(case_id)
        if temporal.runs[case_id].status not in (FAILED, TERMINATED):
            raise ImpossibleError(case_id)
        return Strays(case_id, frozenset({"run"}), "failed: no input")

    async def remove(temporal: FakeTemporal, found: Strays) -> None:
        assert forbidden(world, found.case_id.removeprefix("case/shop/")), "the record comes first"
        del temporal.runs[found.case_id]

    monkeypatch.setattr(rescuing, "find_strays", find)
    monkeypatch.setattr(rescuing, "remove_strays", remove)


def forbidden(world: World, name: str) -> str:
    with world.store.database.engine.connect() as connection:
        asked = "SELECT why FROM forbidden_cases WHERE case_id = ?"
        return str(connection.exec_driver_sql(asked, (case(name),)).scalar())


@pytest.mark.usefixtures("strays")
@pytest.mark.parametrize("status", [FAILED, TERMINATED])
async def test_what_no_webhook_brought_is_taken_out_and_never_pays(
    world: World, status: WorkflowExecutionStatus
) -> None:
    """A start by hand whose input does not fit: there is nothing to work on, and it stood in lists for ever."""
    world.runs("forged", status)
    assert "no webhook brought it" in await close(world, "forged")
    assert world.temporal.runs == {}
    assert forbidden(world, "forged") == "closed by ops: drill (failed: no input)"
    with pytest.raises(UnknownCaseError):
        await close(world, "forged")


class OneCase:
    """The cases of a Headgate that has one, in this state; it takes no decision, or only that."""

    def __init__(self, state: str | None, *, accepts: bool = False) -> None:
        self.state = state
        self.accepts = accepts

    async def decide(self, case_id: str, decision: HumanDecision) -> CaseAnswer:
        if self.state is None:
            raise UnknownCaseError(case_id)
        return CaseAnswer(accepted=self.accepts, message=decision.verdict)

    async def row(self, case_id: str) -> CaseRow:
        return CaseRow(case_id=case_id, state=self.state or "")


@pytest.mark.parametrize(
    ("cases", "is_worked"),
    [
        (OneCase("waiting_human", accepts=True), True),
        (OneCase("running"), True),  # it says why it was not closed
        (OneCase("done"), True),
        (OneCase("terminated"), False),
        (OneCase("failed"), False),
        (OneCase(None), False),
    ],
)
async def test_closing_asks_the_case_itself_while_there_is_one_to_ask(cases: OneCase, is_worked: bool) -> None:
    headgate: Any = SimpleNamespace(cases=cases)  # Any: as far as closing uses it
    decision = HumanDecision(verdict=Lane.CLOSE, by="ops")
    assert (await _close_if_worked(headgate, case("e1"), decision) is not None) is is_worked
