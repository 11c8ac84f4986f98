"""Only customers on record vouch for an answer, each as one, whatever their id was written like."""

from pathlib import Path

import pytest

from activities.models.vouching import VouchingCustomers
from adapters.store import Store, open_store
from domain.errors import TransientError
from ports.store import CustomerRecords
from tests.contracts.store_samples import NOW, case_input, seed_samples, stored_case


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    seed_samples(opened, tmp_path)
    return opened


def named(store: Store, customer_id: str | None, email: str | None = None) -> str | None:
    case = case_input("v").model_copy(update={"customer_id": customer_id})
    store.cases.admit([stored_case("v", case=case, sender_email=email)])
    return VouchingCustomers(lambda: store.records, lambda: store.cases, lambda: NOW).id_of(case)


@pytest.mark.parametrize("sent", ["made-up-1", "C-99", "#", None])
def test_an_id_on_no_record_is_nobody(store: Store, sent: str | None) -> None:
    assert named(store, sent) is None


def test_somebody_else_s_id_is_nobody(store: Store) -> None:
    assert named(store, "C-1", "bob@example.com") is None


@pytest.mark.parametrize("sent", ["C-1", "#C-1", " C-1", "##C-1"])
def test_one_customer_is_one_however_they_write_their_id(store: Store, sent: str) -> None:
    assert named(store, sent, "ann@example.com") == "c-1"


def test_an_address_alone_vouches_for_nothing(store: Store) -> None:
    """An address of a mail can be written by anybody."""
    assert named(store, None, "ann@example.com") is None


def test_records_and_cases_that_cannot_be_read_vouch_for_nothing(store: Store) -> None:
    def away() -> CustomerRecords:
        raise TransientError("away")

    case = case_input("v").model_copy(update={"customer_id": "C-1"})
    assert VouchingCustomers(lambda: store.records, lambda: store.cases).id_of(case) is None, "never admitted"
    store.cases.admit([stored_case("v", case=case)])
    assert VouchingCustomers(away, lambda: store.cases).id_of(case) is None
