"""`headgate ledger reconcile`, on a store of an hour ago beside the embedded provider's own log."""

import asyncio
import json
from pathlib import Path

import pytest

from adapters.rails.embedded import EmbeddedRail
from adapters.store import open_store
from commands.work.overview import ledger_line
from domain.money.amount import Money
from tests.contracts.store_ledger import intend
from tests.contracts.store_samples import NOW, action, seed_samples, stored_case
from tests.unit.commands.command_line import run
from workers.bootstrap import Parts
from workers.config.settings import load_settings


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one case, a log with two payments that it never heard of."""
    monkeypatch.delenv("HEADGATE_STORE_URL", raising=False)
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    seed_samples(store, tmp_path)
    store.cases.admit([stored_case("e1")])
    store.close()
    rail = EmbeddedRail(tmp_path / "rail.db")
    for name in ("e1", "gone"):
        asyncio.run(rail.pay(action(name)))
    return tmp_path


def reconcile(data_dir: Path, *arguments: str) -> tuple[int, str, str]:
    return run("ledger", "reconcile", "--data-dir", str(data_dir), *arguments)


def test_it_says_what_is_missing_books_it_and_has_nothing_to_do_then(data_dir: Path) -> None:
    code, stdout, _ = reconcile(data_dir, "--dry-run")
    assert (code, stdout.splitlines()[-1]) == (0, "2 of 2 payments are missing")
    assert "case/shop/gone/refund: would be booked" in stdout
    code, stdout, _ = reconcile(data_dir)
    assert (code, stdout.splitlines()[-1]) == (0, "2 of 2 payments were booked")
    code, stdout, _ = reconcile(data_dir, "--json")
    assert code == 0
    assert json.loads(stdout) | {"booked": True} == {
        "looked_at": 2, "booked": True, "unbooked": [], "unknown": [], "differs": [], "missing": 0,
    }  # fmt: skip
    assert "case/shop/gone" in run("ledger", "export", "--data-dir", str(data_dir))[1]


def test_other_money_than_the_ledger_says_is_exit_1(data_dir: Path) -> None:
    store = open_store(f"sqlite:///{data_dir}/store.db")
    intend(store, action("e1", money=Money(minor=499, currency="USD")))
    store.close()
    code, stdout, stderr = reconcile(data_dir)
    assert (code, stderr.strip()) == (1, "case/shop/e1/refund: the provider paid other money than the ledger says")
    assert stdout.splitlines()[-1] == "1 of 2 payments were booked"


async def test_the_overview_says_whether_the_ledger_knows_the_providers_newest_payments(data_dir: Path) -> None:
    parts = Parts(load_settings(data_dir=data_dir))
    try:
        assert await ledger_line(parts) == (
            "older than the provider's log by 2 payments or more: payments wait for `headgate ledger reconcile`"
        )
        parts.reconciler.reconcile(await parts.rail.log(), NOW, by="ops")
        assert await ledger_line(parts) == "knows the provider's newest payments"
    finally:
        parts.close()


async def test_where_the_provider_cannot_be_asked_the_overview_says_so(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_RAIL", "stripe")
    parts = Parts(load_settings(data_dir=data_dir))
    assert "Stripe needs an API key" in await ledger_line(parts)
