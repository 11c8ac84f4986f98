"""Replaying dead letters: each one once, whoever else is at it."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.store import Store, open_store
from adapters.store.dead_letters import DeadLetterStatus
from domain.case import CaseState
from domain.deadletter import DeadLetter
from domain.errors import FailureKind
from tests.store_contract.samples import NOW, case_input, outcome, stored_case
from workers.replaying import replay_letters


class Starts:
    """A Temporal that takes starts; `on_start` happens at each."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.on_start: Callable[[], object] = lambda: None

    async def start_workflow(self, *_: object, id: str, **__: object) -> None:  # noqa: A002 - as Temporal names it
        self.ids.append(id)
        self.on_start()


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


def test_a_replay_that_ended_before_its_letter_was_marked_is_not_run_again(store: Store) -> None:
    store.cases.set_replay("case/shop/e1", 1)
    store.cases.close(outcome("e1", replay=1), None)
    temporal = Starts()
    with pytest.raises(ValueError, match="it has ended"):
        replay(store, temporal, "case/shop/e1/dead/1")
    assert temporal.ids == []
    assert store.dead_letters.show("case/shop/e1/dead/1").status is DeadLetterStatus.REPLAYED
    assert list(replay(store, temporal)) == ["case/shop/e2/dead/1"]
