"""Brings a database to the tables of this release; any number of processes may try at once."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import Database
from adapters.store.tables import HEAD_REVISION

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = "headgate-migrations"


def upgrade(database: Database) -> None:
    """Run the migrations that are missing, in one transaction, one process at a time.

    Raises:
        TransientError: the database cannot be reached.
    """
    with database.reading() as connection:
        if _revision(connection) == HEAD_REVISION:
            return
    database.writing(lambda connection: _upgrade_locked(database, connection))


def _upgrade_locked(database: Database, connection: Connection) -> None:
    database.lock(connection, _LOCK)
    if _revision(connection) == HEAD_REVISION:  # another process was faster
        return
    # Imported here: only the first start of a release needs Alembic, and it costs a tenth of a second.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
