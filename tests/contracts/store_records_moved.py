"""Which refusals of a ledger say that the records moved, on any database. Sub-classed with a `store` fixture."""

import pytest
import sqlalchemy as sa

from adapters.store import Store
from adapters.store.tables import charges
from domain.errors import RecordsMovedError, RefusedError
from domain.money.amount import Money
from tests.contracts.store_ledger import approve, intend
from tests.contracts.store_samples import action, stored_case


class RecordsMovedContract:
    """What is decided again by the policy, and what only a person can mend."""

    @pytest.fixture(autouse=True)
    def _admitted(self, store: Store) -> None:
        store.cases.admit([stored_case("e1")])

    @pytest.mark.parametrize(
        ("changes", "moved"),
        [
            ({"money": Money(minor=2_001, currency="USD")}, True),
            ({"payee": "card:thief"}, False),
            ({"charge_id": "CH-9"}, False),
            ({"money": Money(minor=500, currency="EUR")}, False),
            ({"key": "case/shop/e1"}, False),
        ],
    )
    def test_only_what_the_records_can_have_moved_may_be_decided_again(
        self, store: Store, changes: dict[str, object], moved: bool
    ) -> None:
        with pytest.raises(RefusedError) as told:
            intend(store, action(**changes))
        assert (type(told.value) is RecordsMovedError) is moved

    @pytest.mark.parametrize("approved", [False, True])
    def test_a_charge_that_is_disputed_by_now_is_decided_again(self, store: Store, approved: bool) -> None:
        """Else the customer has the money twice: from the bank, and from us."""
        asked = action()
        approval_id = approve(store, asked) if approved else None
        with store.database.engine.begin() as connection:
            connection.execute(sa.update(charges).where(charges.c.charge_id == "CH-1").values(disputed=True))
        with pytest.raises(RecordsMovedError, match="'CH-1' is disputed now"):
            intend(store, asked, approval_id)
