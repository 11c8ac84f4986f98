"""Replaying dead letters: each one once, whoever else is at it."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError

from adapters.store import Store, open_store
from commands.work.replaying import replay_letters
from domain.case import CaseState
from domain.deadletter import DeadLetter, DeadLetterStatus
from domain.errors import FailureKind, NotEndedError, TransientError
from tests.contracts.store_samples import NOW, case_input, outcome, stored_case


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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    for number, name in enumerate(("e1", "e2")):
        store.cases.admit([stored_case(name, case=case_input(name))])
        store.cases.close(outcome(name, state=CaseState.DEAD_LETTERED), None)
        case_id = f"case/shop/{name}"
        store.dead_letters.bury(
            DeadLetter(
                dead_letter_id=f"{case_id}/dead/1", case_id=case_id, source="shop", step="route",
                kind=FailureKind.TRANSIENT, attempts=[], last_error="away", payload_ref=f"store:cases/{case_id}",
                blueprint_version="x", at=NOW + timedelta(seconds=number),
            )
        )  # fmt: skip
    yield store
    store.close()


def replay(store: Store, temporal: Starts, dead_letter_id: str | None = None) -> dict[str, str]:
    parts: Any = SimpleNamespace(store=store)
    headgate: Any = SimpleNamespace(temporal=temporal)
    return asyncio.run(
        replay_letters(parts, headgate, dead_letter_id=dead_letter_id, kind=None, rate=1000, dry_run=False)
    )


def test_a_letter_that_somebody_replays_while_all_are_is_started_once(store: Store) -> None:
    second = "case/shop/e2/dead/1"
    temporal = Starts()
    temporal.on_start = lambda: store.dead_letters.mark_replayed(second, "tom", NOW)
    assert list(replay(store, temporal)) == ["case/shop/e1/dead/1"]
    assert temporal.ids == ["case/shop/e1"]
    with pytest.raises(ValueError, match="is replayed, only open ones"):
        replay(store, Starts(), second)


def test_a_replay_waits_for_the_end_of_the_run_that_was_given_up(store: Store) -> None:
    """Its ending is on record, its workflow still runs: a start that it turns away must not count as one."""
    temporal = Starts({}, {})
    replay(store, temporal, "case/shop/e1/dead/1")
    assert temporal.ids == ["case/shop/e1"]
    assert store.dead_letters.show("case/shop/e1/dead/1").status is DeadLetterStatus.REPLAYED


def test_a_replay_that_somebody_else_began_is_found_begun(store: Store) -> None:
    temporal = Starts({"replay": 1})
    replay(store, temporal, "case/shop/e1/dead/1")
    assert temporal.ids == []
    assert store.dead_letters.show("case/shop/e1/dead/1").status is DeadLetterStatus.REPLAYED


def test_a_run_that_does_not_end_keeps_its_letter_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.starting.END_WITHIN_S", 0.0)
    with pytest.raises(TransientError, match="has not ended yet"):
        replay(store, Starts({}), "case/shop/e1/dead/1")
    assert store.dead_letters.show("case/shop/e1/dead/1").status is DeadLetterStatus.OPEN
    replay(store, Starts(), "case/shop/e1/dead/1")


def test_a_case_at_its_ending_is_told_and_the_others_are_replayed(store: Store) -> None:
    store.cases.admit([stored_case("e3", case=case_input("e3"))])
    case_id = "case/shop/e3"
    store.dead_letters.bury(
        store.dead_letters.show("case/shop/e1/dead/1").letter.model_copy(
            update={"dead_letter_id": f"{case_id}/dead/1", "case_id": case_id, "at": NOW - timedelta(hours=1)}
        )
    )
    temporal = Starts()
    done = replay(store, temporal)
    assert done.pop(f"{case_id}/dead/1") == "not started: 'case/shop/e3' has not ended yet: replay it again in a minute"
    assert len(done) == len(temporal.ids) == 2
    with pytest.raises(NotEndedError):
        replay(store, temporal, f"{case_id}/dead/1")
    assert store.dead_letters.show(f"{case_id}/dead/1").status is DeadLetterStatus.OPEN


def test_a_replay_that_ended_before_its_letter_was_marked_is_not_run_again(store: Store) -> None:
    store.cases.set_replay("case/shop/e1", 1)
    store.cases.close(outcome("e1", replay=1), None)
    temporal = Starts()
    with pytest.raises(ValueError, match="it has ended"):
        replay(store, temporal, "case/shop/e1/dead/1")
    assert temporal.ids == []
    assert store.dead_letters.show("case/shop/e1/dead/1").status is DeadLetterStatus.REPLAYED
    assert list(replay(store, temporal)) == ["case/shop/e2/dead/1"]
