"""What the store keeps of its installation: its id, where it lives, and every blueprint that was accepted."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import Database
from adapters.store.tables import PlainText, UtcTime, metadata
from domain.installation.acceptance import Acceptance, accepted_now
from domain.installation.home import Home
from domain.installation.rules import BlueprintRules

_LOCK = "installation"

installations = sa.Table(  # one row
    "installations",
    metadata,
    sa.Column("instance_id", sa.Text, primary_key=True),
    sa.Column("made_at", UtcTime, nullable=False),
)

accepted_blueprints = sa.Table(  # the last one is in force
    "accepted_blueprints",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("money_digest", sa.Text, nullable=False),
    sa.Column("rules", PlainText, nullable=False),  # BlueprintRules as JSON
    sa.Column("accepted_by", PlainText, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

homes = sa.Table(  # of the data dir; the last one counts
    "homes",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("path", PlainText, nullable=False),
    sa.Column("inode", PlainText, nullable=False),  # of 64 bits without a sign: text
    sa.Column("at", UtcTime, nullable=False),
)


class SqlInstallation:
    """Reads and writes the installation's record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def instance_id(self, offered: str, now: datetime) -> str:
        """Return the id of the installation that the store belongs to; a store without one takes the offered one."""

        def work(connection: Connection) -> str:
            self._database.lock(connection, _LOCK)
            known: str | None = connection.execute(sa.select(installations.c.instance_id)).scalar_one_or_none()
            if known is None:
                connection.execute(sa.insert(installations), {"instance_id": offered, "made_at": now})
            return known or offered

        return self._database.writing(work)

    def known_id(self) -> str | None:
        """Return the id of the installation that the store belongs to; None where it has none yet."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(installations.c.instance_id)).scalar_one_or_none()

    def home(self) -> Home | None:
        """Return the data dir in which the installation lives; None where no `headgate up` has settled that yet."""
        with self._database.reading() as connection:
            return _home(connection)

    def settle(self, home: Home, *, instead_of: Home | None, now: datetime) -> Home:
        """Put a new home on record unless it is another one than `instead_of` by now; return the one that counts."""

        def work(connection: Connection) -> Home:
            self._database.lock(connection, _LOCK)
            last = _home(connection)
            if last is not None and last != instead_of:
                return last
            connection.execute(sa.insert(homes), {"path": home.path, "inode": str(home.inode), "at": now})
            return home

        return self._database.writing(work)

    def in_force(self) -> Acceptance | None:
        """Return the last blueprint that was accepted; None before the first start."""
        with self._database.reading() as connection:
            return _last(connection)

    def accept(self, rules: BlueprintRules, *, by: str | None, now: datetime) -> Acceptance:
        """Return the acceptance that is in force with this start; a new one goes on record.

        Raises:
            BlueprintNotAcceptedError: it is another blueprint than the last, and nobody accepts it.
        """

        def work(connection: Connection) -> Acceptance:
            self._database.lock(connection, _LOCK)
            last = _last(connection)
            new = accepted_now(last, rules, by=by, now=now)
            if new is None:
                assert last is not None  # `accepted_now` gives the first one
                return last
            values = {
                "version": rules.version,
                "money_digest": rules.money_digest,
                "rules": rules.model_dump_json(),
                "accepted_by": new.by,
                "at": new.at,
            }
            connection.execute(sa.insert(accepted_blueprints), values)
            return new

        return self._database.writing(work)


def _home(connection: Connection) -> Home | None:
    newest = sa.select(homes.c.path, homes.c.inode).order_by(homes.c.id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else Home(path=row.path, inode=int(row.inode))


def _last(connection: Connection) -> Acceptance | None:
    newest = sa.select(accepted_blueprints).order_by(accepted_blueprints.c.id.desc()).limit(1)
    row: sa.Row[Any] | None = connection.execute(newest).one_or_none()  # Any: a row of all columns
    if row is None:
        return None
    return Acceptance(rules=BlueprintRules.model_validate_json(row.rules), by=row.accepted_by, at=row.at)
