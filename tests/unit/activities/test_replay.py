"""Replaying dead letters: each one once, whoever else is at it, on the input as it was edited."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.actions.replay import ReplayActivities, ReplayBatchRequest
from activities.intake.reading import MessageReader
from adapters.cleaning.cleaner import DocumentCleaner
from adapters.dead_letters.orders import SqlReplayOrders
from adapters.store import Store, open_store
from client.starting import TemporalCaseStarter
from domain.authority.on_record import why_a_person
from domain.blueprint import CasePolicy
from domain.case import CaseState
from domain.dead_letters.choosing import LetterFilter
from domain.dead_letters.editing import LetterEdit
from domain.dead_letters.replaying import ReplayOrder
from domain.deadletter import DeadLetter, DeadLetterStatus
from domain.errors import (
    ConfigurationError,
    FailureKind,
    ImpossibleError,
    NotEndedError,
    PoisonError,
    RefusedError,
    TransientError,
)
from domain.writers.machine_words import MachineWords
from tests.contracts.store_samples import NOW, case_input, outcome, stored_case
from tests.fakes.blueprint import WORDS

FIRST, SECOND = "case/shop/e1/dead/1", "case/shop/e2/dead/1"
CURRENT = CasePolicy(version="now@1")


class Starts:
    """A Temporal that takes starts; `on_start` happens at each. `running` are the memos of runs that are in the way."""

    def __init__(self, *running: dict[str, int]) -> None:
        self.ids: list[str] = []
        self.on_start: Callable[[], object] = lambda: None
        self.running = list(running)

    async def start_workflow(self, *_: object, id: str, **__: object) -> None:  # noqa: A002 - as Temporal names it
        self.on_start()
        if self.running:
            raise WorkflowAlreadyStartedError(id, "CaseWorkflow")
        self.ids.append(id)

    def get_workflow_handle(self, _: str) -> "Starts":
        return self

    async def describe(self) -> "Starts":
        return self

    async def memo(self) -> dict[str, int]:
        return self.running.pop(0)


def buried(store: Store, name: str, *, closed: bool = True, seconds: int = 0) -> str:
    store.cases.admit([stored_case(name, case=case_input(name))])
    if closed:
        store.cases.close(outcome(name, state=CaseState.DEAD_LETTERED), None)
    case_id = f"case/shop/{name}"
    letter = DeadLetter(
        dead_letter_id=f"{case_id}/dead/1", case_id=case_id, source="shop", step="route", kind=FailureKind.TRANSIENT,
        attempts=[], last_error="away", payload_ref=f"store:cases/{case_id}", blueprint_version="x",
        at=NOW + timedelta(seconds=seconds),
    )  # fmt: skip
    store.dead_letters.bury(letter)
    return letter.dead_letter_id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    for number, name in enumerate(("e1", "e2")):
        buried(store, name, seconds=number)
    yield store
    store.close()


def replays(store: Store, temporal: Starts) -> ReplayActivities:
    client: Any = temporal
    reader = MessageReader(DocumentCleaner(WORDS.mail), lambda _: CURRENT, MachineWords(WORDS.mail))
    orders = SqlReplayOrders(store.database)
    starter = TemporalCaseStarter(client)
    return ReplayActivities(store.dead_letters, store.cases, orders, starter, reader, lambda _: CURRENT, lambda: NOW)


def replay(store: Store, temporal: Starts, letter: str = FIRST, blueprint: str = "") -> str:
    return asyncio.run(replays(store, temporal).replay_one(letter, by="dana", blueprint=blueprint))


def edited(store: Store, text: str = "Refund 20", number: int = 1, **changes: object) -> LetterEdit:
    edit = LetterEdit.model_validate(
        {"case_id": "case/shop/e1", "number": number, "dead_letter_id": FIRST, "content_type": "text/plain",
         "body": text.encode(), "by": "dana", "reason": "typo", "at": NOW, **changes}
    )  # fmt: skip
    store.dead_letters.edit(edit)
    return edit


def status(store: Store, letter: str = FIRST) -> DeadLetterStatus:
    return store.dead_letters.show(letter).status


# --- one ----------------------------------------------------------------------------------------------------


def test_a_replay_waits_for_the_end_of_the_run_that_was_given_up(store: Store) -> None:
    """Its ending is on record, its workflow still runs: a start that it turns away must not count as one."""
    temporal = Starts({}, {})
    replay(store, temporal)
    assert temporal.ids == ["case/shop/e1"]
    assert status(store) is DeadLetterStatus.REPLAYED


def test_a_replay_that_somebody_else_began_is_found_begun(store: Store) -> None:
    temporal = Starts({"replay": 1})
    replay(store, temporal)
    assert temporal.ids == []
    assert status(store) is DeadLetterStatus.REPLAYED
    with pytest.raises(ImpossibleError, match="is replayed, only open ones"):
        replay(store, Starts())


def test_a_run_that_does_not_end_keeps_its_letter_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.starting.END_WITHIN_S", 0.0)
    with pytest.raises(TransientError, match="has not ended yet"):
        replay(store, Starts({}))
    assert status(store) is DeadLetterStatus.OPEN
    replay(store, Starts())


def test_a_case_at_its_ending_is_not_replayed_yet(store: Store) -> None:
    letter = buried(store, "e3", closed=False)
    with pytest.raises(NotEndedError):
        replay(store, Starts(), letter)
    assert status(store, letter) is DeadLetterStatus.OPEN


def test_a_replay_that_ended_before_its_letter_was_marked_is_not_run_again(store: Store) -> None:
    store.cases.set_replay("case/shop/e1", 1)
    store.cases.close(outcome("e1", replay=1), None)
    temporal = Starts()
    with pytest.raises(ImpossibleError, match="it has ended"):
        replay(store, temporal)
    assert temporal.ids == []
    assert status(store) is DeadLetterStatus.REPLAYED


def test_a_discarded_letter_is_not_replayed(store: Store) -> None:
    store.dead_letters.discard(FIRST, reason="spam", by="tom", now=NOW)
    with pytest.raises(ImpossibleError, match="discarded"):
        replay(store, Starts())


# --- by which rules -----------------------------------------------------------------------------------------


def test_a_case_keeps_its_own_rules_unless_those_in_force_are_named(store: Store) -> None:
    own = case_input("e1").policy.version
    replay(store, Starts())
    assert store.cases.load("case/shop/e1").case.policy.version == own
    replay(store, Starts(), SECOND, blueprint="now@1")
    assert store.cases.load("case/shop/e2").case.policy == CURRENT


def test_rules_that_this_process_does_not_have_are_refused(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="by the blueprint other@1, and this process has now@1"):
        replay(store, Starts(), blueprint="other@1")
    assert status(store) is DeadLetterStatus.OPEN


# --- edited -------------------------------------------------------------------------------------------------


def test_a_replay_works_with_the_edited_input_and_pays_nothing_without_a_person(store: Store) -> None:
    before = store.cases.load("case/shop/e1")
    edited(store, "Please refund 20, write to zoe@example.org")
    replay(store, Starts())
    after = store.cases.load("case/shop/e1")
    assert after.case.text.startswith("Please refund 20, write to [EMAIL_")
    assert "zoe@example.org" in after.vault.values()
    assert set(before.vault.values()) <= set(after.vault.values()), "no token of an older message is lost"
    assert why_a_person(after.case) == "its input was edited (by dana)"
    assert (after.case.policy, after.case.replay) == (before.case.policy, 1)
    assert (after.body, after.content_type) == (before.body, before.content_type), "what came in is kept for ever"


def test_an_edit_counts_for_the_replay_of_its_letter_and_its_mark_for_all(store: Store) -> None:
    edited(store, "Refund 20")
    replay(store, Starts())
    store.cases.close(outcome("e1", replay=1, state=CaseState.DEAD_LETTERED), None)
    second = store.dead_letters.show(FIRST).letter.model_copy(update={"dead_letter_id": "case/shop/e1/dead/2"})
    store.dead_letters.bury(second)
    replay(store, Starts(), second.dead_letter_id)
    case = store.cases.load("case/shop/e1").case
    assert (case.replay, case.text, case.edited_by) == (2, "Refund 20", ["dana"])


def test_a_crash_after_the_start_replays_the_same_input(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    edited(store, "Refund 20")
    with monkeypatch.context() as broken:
        broken.setattr(store.dead_letters, "mark_replayed", lambda *_, **__: (_ for _ in ()).throw(TransientError("x")))
        with pytest.raises(TransientError):
            replay(store, Starts())
    assert status(store) is DeadLetterStatus.OPEN
    temporal = Starts({"replay": 1})
    replay(store, temporal)
    assert (temporal.ids, store.cases.load("case/shop/e1").case.text) == ([], "Refund 20")


def test_an_edit_that_comes_while_a_replay_begins_is_not_passed_over(store: Store) -> None:
    work = replays(store, Starts())
    renewed = work._renewed(store.dead_letters.show(FIRST), "")
    edited(store, "Refund 20")
    with pytest.raises(TransientError, match="was edited a moment ago"):
        store.cases.set_replay("case/shop/e1", 1, renewed)
    replay(store, Starts())
    assert store.cases.load("case/shop/e1").case.text == "Refund 20"


def test_an_edit_that_cannot_be_read_any_more_keeps_its_letter_open(store: Store) -> None:
    edited(store, "{}", content_type="application/json")
    with pytest.raises(PoisonError):
        replay(store, Starts())
    assert status(store) is DeadLetterStatus.OPEN


# --- many ---------------------------------------------------------------------------------------------------


def placed(store: Store, **chosen: object) -> ReplayOrder:
    order = ReplayOrder(
        replay_id="replay/r1", chosen=LetterFilter.model_validate(chosen), per_second=5, by="dana", at=NOW
    )
    SqlReplayOrders(store.database).place(order)
    return order


def batch(store: Store, temporal: Starts, **request: object) -> Any:
    asked = ReplayBatchRequest.model_validate({"replay_id": "replay/r1", "limit": 10, **request})
    return asyncio.run(replays(store, temporal).replay_batch(asked))


def test_a_run_that_nobody_ordered_does_nothing(store: Store) -> None:
    temporal = Starts()
    with pytest.raises(RefusedError, match="no order to replay has the id 'replay/r1'"):
        batch(store, temporal)
    assert temporal.ids == []


def test_a_letter_that_somebody_replays_meanwhile_is_started_once(store: Store) -> None:
    placed(store)
    temporal = Starts()
    temporal.on_start = lambda: store.dead_letters.mark_replayed(SECOND, "tom", NOW)
    result = batch(store, temporal, limit=1)
    assert (result.begun, result.after.dead_letter_id) == (1, FIRST)
    result = batch(store, temporal, after=result.after)
    assert (result.begun, result.total, result.after) == (0, 1, None)
    assert temporal.ids == ["case/shop/e1"]


def test_a_batch_that_is_tried_again_begins_only_what_was_not_begun(store: Store) -> None:
    order = placed(store)
    replay(store, Starts())  # the first try came so far, under the same order
    store.dead_letters.mark_replayed(FIRST, "dana", NOW, order.replay_id)
    temporal = Starts()
    result = batch(store, temporal)
    assert (temporal.ids, result.begun, result.total) == (["case/shop/e2"], 1, 2)


def test_one_letter_that_cannot_be_begun_holds_up_no_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    buried(store, "e0", closed=False, seconds=-9)
    load = store.dead_letters.edits

    def odd(case_id: str) -> list[LetterEdit]:
        if case_id.endswith("e1"):
            raise ZeroDivisionError("a bug")
        return load(case_id)

    monkeypatch.setattr(store.dead_letters, "edits", odd)
    placed(store)
    result = batch(store, Starts())
    assert (result.begun, result.put_off, result.passed_over) == (1, 2, 0)
    assert result.trouble
    assert status(store) is DeadLetterStatus.OPEN


def test_what_dies_again_is_not_begun_again_by_the_same_run(store: Store) -> None:
    placed(store, until=NOW + timedelta(days=1))
    result = batch(store, Starts(), limit=1)
    store.cases.close(outcome("e1", replay=1, state=CaseState.DEAD_LETTERED), None)
    letter = store.dead_letters.show(FIRST).letter
    again = letter.model_copy(
        update={"dead_letter_id": "case/shop/e1/dead/2", "at": NOW + timedelta(hours=1)},
    )
    store.dead_letters.bury(again)
    temporal = Starts()
    assert batch(store, temporal, after=result.after).begun == 1
    assert temporal.ids == ["case/shop/e2"]
    assert status(store, again.dead_letter_id) is DeadLetterStatus.OPEN


def test_a_run_that_is_stopped_finishes_what_it_began_and_begins_nothing_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the mark in the store and the start of the workflow a case would be nobody's."""
    monkeypatch.setattr("activities.actions.replay.AT_ONCE", 1)
    placed(store)
    temporal = Starts()

    async def stopped() -> None:
        marked, go_on = asyncio.Event(), asyncio.Event()
        start = temporal.start_workflow

        async def held(*arguments: object, **named: Any) -> None:
            marked.set()
            await go_on.wait()
            await start(*arguments, **named)

        monkeypatch.setattr(temporal, "start_workflow", held)
        asked = ReplayBatchRequest(replay_id="replay/r1", limit=10)
        work = asyncio.create_task(replays(store, temporal).replay_batch(asked))
        await marked.wait()
        for _ in range(2):
            work.cancel()
            await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(stopped())
    assert temporal.ids == ["case/shop/e1"]
    assert (status(store), status(store, SECOND)) == (DeadLetterStatus.REPLAYED, DeadLetterStatus.OPEN)


def test_only_what_is_chosen_is_begun(store: Store) -> None:
    placed(store, ids=[SECOND], kinds=["transient"], sources=["shop"], until=NOW + timedelta(seconds=2))
    temporal = Starts()
    assert (batch(store, temporal).begun, temporal.ids) == (1, ["case/shop/e2"])
    progress = SqlReplayOrders(store.database).progress(placed(store))
    assert (progress.begun, progress.left, progress.cases) == (1, 1, {"running": 1})
