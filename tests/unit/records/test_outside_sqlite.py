"""Outside records over a store on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.store import Store, open_store
from tests.contracts.outside import OutsideContract


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


class TestOutsideOverSqlite(OutsideContract):
    pass
