"""`CustomerRecords` over an outside system: its facts, copied into the store, together with what Headgate paid back."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.records.mirror import Mirror
from adapters.records.source import Deadline, RecordsSource
from adapters.store.database import Database
from adapters.store.effects import with_own_part
from adapters.store.tables import cases
from domain.errors import OvertakenError, RecordsMovedError, TransientError
from domain.money.lookup import Facts, find_address, look_up
from domain.money.records import Account
from domain.money.refund_action import RefundAction

LOOKS = 3
"""So often a look is begun anew because somebody else looked later."""

T = TypeVar("T")


class OutsideRecords:
    """`CustomerRecords` over an outside system.

    Whatever an account says of an order was copied into the store's own tables before anybody decides on it: the
    ledger checks a refund against that copy, in the transaction that writes the refund down.
    """

    def __init__(self, source: RecordsSource, database: Database) -> None:
        self._source = source
        self._database = database
        self._mirror = Mirror(database, source.name, counts_ours=source.refunded_includes_headgate)

    def find_account(
        self,
        *,
        tenant: str,
        customer_id: str | None,
        sender_email: str | None,
        order_id: str | None,
        now: datetime,
        case_id: str | None = None,
    ) -> Account:
        """Find the customer and the order named, and what was refunded; see `ports.store.CustomerRecords`.

        Raises:
            TransientError, ToldToWaitError: the system or the store cannot be asked now.
            ConfigurationError: the system is not as the mapping says, or refuses us.
            RefusedError: the system changed what a refund of Headgate rests on.
        """

        def look(seen_at: datetime, deadline: Deadline) -> Account:
            with self._source.view(deadline) as view:
                facts = look_up(
                    view, tenant=tenant, customer_id=customer_id, sender_email=sender_email, order_id=order_id
                )
            if facts.customer is None or facts.order is None:
                with self._database.reading() as connection:
                    return with_own_part(connection, facts, case_id=case_id, now=now)
            return self._database.writing(lambda connection: self._kept(connection, facts, seen_at, now, case_id))

        return self._not_overtaken(look)

    def address_of(self, *, tenant: str, customer_id: str) -> str | None:
        """Return the e-mail address of a customer; see `ports.store.CustomerRecords`. Raises as `find_account` does."""
        with self._source.view(Deadline()) as view:
            return find_address(view, tenant=tenant, customer_id=customer_id)

    def look_again(self, action: RefundAction) -> None:
        """Copy anew what a payment that is about to begin rests on: between decision and payment may lie days.

        Raises:
            RecordsMovedError: the order or its charge is gone, or went to somebody else.
            RefusedError: a charge that a refund rests on has other terms now.
            TransientError, ToldToWaitError, ConfigurationError: as `find_account`.
        """

        def look(seen_at: datetime, deadline: Deadline) -> None:
            with self._database.reading() as connection:
                tenant = connection.execute(sa.select(cases.c.tenant).where(cases.c.case_id == action.case_id)).scalar()
                if tenant is None:  # the ledger refuses what has no cause
                    return
                owner = self._mirror.owner(connection, tenant, action.order_id)
            with self._source.view(deadline) as view:
                order = view.order(tenant, action.order_id)
            if order is None or order.customer_id != owner:
                became = "is not in the records any more" if order is None else f"belongs to {order.customer_id!r} now"
                raise RecordsMovedError(f"order {action.order_id!r} {became}: {action.key!r} has to be decided again")
            if action.charge_id not in {charge.charge_id for charge in order.charges}:
                gone = f"charge {action.charge_id!r} is not one of order {action.order_id!r} any more"
                raise RecordsMovedError(f"{gone}: {action.key!r} has to be decided again")
            self._database.writing(lambda connection: self._mirror.keep(connection, tenant, order, seen_at))

        self._not_overtaken(look)

    def close(self) -> None:
        """Close the connections to the system; those of the store are not ours."""
        self._source.close()

    def _kept(
        self, connection: Connection, facts: Facts, seen_at: datetime, now: datetime, case_id: str | None
    ) -> Account:
        assert facts.customer is not None
        assert facts.order is not None
        customer = facts.customer
        order = self._mirror.keep(connection, customer.tenant, facts.order, seen_at, lang=customer.lang)
        return with_own_part(connection, facts.model_copy(update={"order": order}), case_id=case_id, now=now)

    def _not_overtaken(self, look: Callable[[datetime, Deadline], T]) -> T:
        deadline = Deadline()
        for _ in range(LOOKS):
            try:
                return look(self._mirror.now(), deadline)
            except OvertakenError:
                continue
        raise TransientError("the records of this order were looked at by others all the time: try again")
