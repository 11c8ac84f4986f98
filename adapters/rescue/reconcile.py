"""Book what the payment provider's log has and the ledger lacks: under the case's key, as the provider did it."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.approvals import approval_of
from adapters.store.database import Database
from adapters.store.guards import KINDS
from adapters.store.ledger import SqlLedger, book
from adapters.store.tables import cases, charges, effects, orders, settlements
from adapters.store.words import add_word
from domain.audit.facts import RailEntry
from domain.authority.reconciling import Match, ReconcileReport, match_of
from domain.case import case_of
from domain.errors import ConfigurationError
from domain.inbound.webhook import DEFAULT_TENANT
from domain.money.effect import RECONCILED, LedgerState, Settling, next_look
from domain.words_to_people import word_on_reconciled


class SqlReconciler:
    """Brings the ledger up to the provider's log; the oldest payment first, so that a crash leaves it behind still."""

    def __init__(self, database: Database, ledger: SqlLedger) -> None:
        self._database = database
        self._ledger = ledger

    def reconcile(self, log: Sequence[RailEntry], now: datetime, *, by: str, dry_run: bool = False) -> ReconcileReport:
        """Compare the whole log, oldest first, with the ledger and book what is missing; repeatable. People are told.

        Raises:
            ConfigurationError: a payment is of a kind that the ledger does not know.
            TransientError: the store cannot be reached.
        """
        report = ReconcileReport(booked=not dry_run)
        for entry in log:
            match = self._match(entry)
            if not dry_run and match is Match.UNBOOKED:
                self._ledger.execute(entry.key, entry.reference, now, pending=entry.pending)
            if not dry_run and match is Match.UNKNOWN:
                self._adopt(entry, now)
            report.note(entry.key, match)
        if report.missing and not dry_run:
            last = (report.unknown or report.unbooked)[-1]
            word = word_on_reconciled(last, report.missing, by, now)
            self._database.writing(lambda connection: add_word(connection, word))
        return report

    def _match(self, entry: RailEntry) -> Match:
        row = self._ledger.find(entry.key)
        return match_of(entry, row.effect if row else None, row.state if row else None)

    def _adopt(self, entry: RailEntry, now: datetime) -> None:
        if entry.kind not in KINDS:
            raise ConfigurationError(f"{entry.key!r} is of kind {entry.kind!r}: expected one of {sorted(KINDS)}")

        def work(connection: Connection) -> None:
            self._database.lock(connection, f"case:{case_of(entry.key)}")
            if connection.execute(sa.select(effects.c.key).where(effects.c.key == entry.key)).first() is not None:
                return
            connection.execute(sa.insert(effects).values(**_effect_of(connection, entry)))
            if entry.pending:
                first = {"effect_key": entry.key, "state": Settling.PENDING, "since": entry.at, "looks": 0}
                connection.execute(sa.insert(settlements).values(**first, look_at=next_look(0, now)))
            book(connection, entry.kind, entry.key, entry.amount_minor, entry.currency, now)

        self._database.writing(work)


def _effect_of(connection: Connection, entry: RailEntry) -> dict[str, object]:
    """Return the row of a payment as far as log and records tell: its action is not known any more."""
    case_id = case_of(entry.key)
    charge = connection.execute(
        sa.select(charges.c.tenant, charges.c.order_id, orders.c.customer_id)
        .join(orders, sa.and_(orders.c.tenant == charges.c.tenant, orders.c.order_id == charges.c.order_id))
        .where(charges.c.charge_id == entry.charge_id)
    ).one_or_none()
    tenant = connection.execute(sa.select(cases.c.tenant).where(cases.c.case_id == case_id)).scalar()
    return {
        "key": entry.key,
        "case_id": case_id,
        "step": RECONCILED,
        "kind": entry.kind,
        "tenant": tenant or (charge.tenant if charge else DEFAULT_TENANT),
        "customer_id": charge.customer_id if charge else None,
        "order_id": charge.order_id if charge else None,
        "charge_id": entry.charge_id,
        "amount_minor": entry.amount_minor,
        "currency": entry.currency,
        "payee": entry.payee,
        "digest": entry.digest,
        "action": None,
        "approval_id": approval_of(connection, case_id, entry.digest),
        "state": LedgerState.EXECUTED,
        "provider_ref": entry.reference,
        "why": "booked from the provider's log",
        "intended_at": entry.at,
        "executed_at": entry.at,
    }
