"""Fixtures of the tests beside this file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.actions.pay import (
    PayActivities,
)
from adapters.store import Store, open_store
from tests.contracts.store_samples import (
    seed_samples,
    stored_case,
)
from tests.fakes.rail import FakeRail
from tests.unit.activities.store_parts import Clock, nobody_cancels


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    seed_samples(opened, tmp_path)
    opened.cases.admit([stored_case("e1"), stored_case("e2")])
    yield opened
    opened.close()


@pytest.fixture
def rail() -> FakeRail:
    return FakeRail()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pay(store: Store, rail: FakeRail, clock: Clock) -> PayActivities:
    return PayActivities(store.ledger, {"refund": rail}, clock, withdrawn=nobody_cancels)
