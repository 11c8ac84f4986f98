"""What people last wished of the intake, on SQL."""

from datetime import datetime

import sqlalchemy as sa

from adapters.store.database import Database, upsert
from adapters.store.tables import PlainText, UtcTime, metadata
from domain.intake import IntakeWish

INBOX = "default"  # there is one

intake_wishes = sa.Table(
    "intake_wishes",
    metadata,
    sa.Column("inbox", PlainText, primary_key=True),
    sa.Column("wish", PlainText, nullable=False),  # IntakeWish as JSON
    sa.Column("at", UtcTime, nullable=False),
)


class SqlIntakeWishes:
    """`IntakeWishes` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, wish: IntakeWish, now: datetime) -> None:
        """Keep a wish in place of the last one."""
        row = {"inbox": INBOX, "wish": wish.model_dump_json(), "at": now}
        self._database.writing(lambda connection: upsert(connection, intake_wishes, [row]))

    def last(self) -> IntakeWish | None:
        """Return the last wish; None before the first."""
        with self._database.reading() as connection:
            found = connection.execute(sa.select(intake_wishes.c.wish)).scalar_one_or_none()
        return None if found is None else IntakeWish.model_validate_json(found)
