"""Effects that the provider called pending: asked about again, settled, or booked back."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import Database
from adapters.store.guards import KINDS
from adapters.store.tables import effects, entries, settlements
from adapters.store.words import add_word
from domain.money.amount import Money
from domain.money.effect import OVERDUE, PendingEffect, Settling, next_look
from domain.words_to_people import word_on_failed_refund, word_on_overdue_refund

_PENDING = settlements.c.state == Settling.PENDING


class SqlSettling:
    """`SettlingStore` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, limit: int, now: datetime) -> list[PendingEffect]:
        """Return pending effects that are to be asked about now, those that wait longest first."""
        wanted = (
            sa.select(effects, settlements.c.since, settlements.c.looks)
            .join(effects, effects.c.key == settlements.c.effect_key)
            .where(_PENDING, settlements.c.look_at <= now)
            .order_by(settlements.c.look_at, effects.c.key)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [
            PendingEffect(
                key=row["key"],
                case_id=row["case_id"],
                kind=row["kind"],
                provider_ref=row["provider_ref"],
                money=Money(minor=row["amount_minor"], currency=row["currency"]),
                since=row["since"],
                looks=row["looks"],
            )
            for row in rows
        ]

    def put_off(self, effect: PendingEffect, now: datetime) -> None:
        """Ask about it again later; people are told once of one that is overdue."""
        later = {"looks": effect.looks + 1, "look_at": next_look(effect.looks + 1, now)}

        def work(connection: Connection) -> None:
            if _change(connection, effect.key, later) and now - effect.since > OVERDUE:
                add_word(connection, word_on_overdue_refund(effect, now))

        self._database.writing(work)

    def settle(self, key: str, now: datetime) -> None:
        """Record that the money arrived; repeatable."""
        values = {"state": Settling.SETTLED, "ended_at": now}
        self._database.writing(lambda connection: _change(connection, key, values))

    def fail(self, effect: PendingEffect, why: str, now: datetime) -> None:
        """Record that it failed: with a correction in the books, and a word to people. Repeatable."""
        values = {"state": Settling.FAILED, "why": why[:500], "ended_at": now}

        def work(connection: Connection) -> None:
            self._database.lock(connection, f"case:{effect.case_id}")
            if _change(connection, effect.key, values):
                _book_back(connection, effect, now)
                add_word(connection, word_on_failed_refund(effect, why, now))

        self._database.writing(work)


def _change(connection: Connection, key: str, values: dict[str, object]) -> bool:
    """Change a settlement that is still pending; return whether it was."""
    change = sa.update(settlements).where(settlements.c.effect_key == key, _PENDING).values(**values)
    return connection.execute(change).rowcount == 1


def _book_back(connection: Connection, effect: PendingEffect, now: datetime) -> None:
    """Book the two entries of an effect the other way round, under a posting of their own."""
    rules = KINDS[effect.kind]
    for account, side in ((rules.credit, "debit"), (rules.debit, "credit")):
        connection.execute(
            sa.insert(entries).values(
                posting=f"{effect.key}/failed",
                effect_key=effect.key,
                account=account,
                side=side,
                amount_minor=effect.money.minor,
                currency=effect.money.currency,
                at=now,
            )
        )
