"""The kill switch for effects: a row that every intention reads, so it works at once for all processes."""

from datetime import datetime

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Connection

from adapters.store.database import Database
from adapters.store.rows import insert_first
from adapters.store.tables import switches

EFFECTS_STOPPED = "effects_stopped"


class SwitchState(BaseModel):
    """Whether effects are stopped, and who said so, why and when."""

    stopped: bool = False
    changed_by: str = ""
    reason: str = ""
    at: datetime | None = None


class SqlSwitches:
    """Reads and sets the kill switch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def effects(self) -> SwitchState:
        """Return where the kill switch stands."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(switches).where(switches.c.name == EFFECTS_STOPPED)).one_or_none()
        if row is None:
            return SwitchState()
        return SwitchState(stopped=row.is_on, changed_by=row.changed_by, reason=row.reason, at=row.at)

    def set_effects(self, *, stopped: bool, by: str, reason: str, now: datetime) -> SwitchState:
        """Stop all new effects, or let them happen again; who and why is kept.

        Raises:
            ValueError: it does not say who or why.
        """
        if not by.strip() or not reason.strip():
            raise ValueError(f"by {by!r}, reason {reason!r}: the kill switch needs a name and a reason")

        def work(connection: Connection) -> None:
            values = {"is_on": stopped, "changed_by": by, "reason": reason, "at": now}
            if insert_first(connection, switches, {"name": EFFECTS_STOPPED, **values}):
                return
            # Setting it again to what it is keeps the first time: the audit asks since when effects were stopped.
            connection.execute(
                sa.update(switches)
                .where(switches.c.name == EFFECTS_STOPPED, switches.c.is_on.is_not(stopped))
                .values(**values)
            )

        self._database.writing(work)
        return self.effects()


def why_on(connection: Connection, name: str) -> str | None:
    """Return who turned a switch on and why; None where it is off, or was never set."""
    row = connection.execute(
        sa.select(switches.c.is_on, switches.c.changed_by, switches.c.reason).where(switches.c.name == name)
    ).one_or_none()
    return f"by {row.changed_by}: {row.reason}" if row is not None and row.is_on else None
