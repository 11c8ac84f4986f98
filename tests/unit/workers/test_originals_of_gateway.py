"""The gateway opens the store when somebody looks at an original, and never makes one."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.store import open_store
from domain.errors import NotReachableError
from tests.contracts.store_samples import stored_case
from workers.bootstrap import Parts
from workers.config.settings import load_settings
from workers.http_servers import _StoredOriginals


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    monkeypatch.delenv("HEADGATE_STORE_URL", raising=False)
    return Parts(load_settings(data_dir=tmp_path))


def test_a_store_that_is_not_there_is_said_and_not_made(parts: Parts) -> None:
    with pytest.raises(NotReachableError, match="HEADGATE_STORE_URL"):
        _StoredOriginals(parts).load("case/shop/e1")
    assert not (parts.settings.data_dir / "store.db").exists()


def test_the_store_is_opened_once_at_the_first_look(parts: Parts) -> None:
    store = open_store(parts.settings.store)
    store.cases.admit([stored_case(body=b"as it came in")])
    store.close()
    originals = _StoredOriginals(parts)
    assert "store" not in vars(parts)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(originals.load, ["case/shop/e1"] * 8))
    assert {stored.body for stored in found} == {b"as it came in"}
    with pytest.raises(KeyError):
        originals.load("case/shop/none")
    parts.close()
