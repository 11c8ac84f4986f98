"""The kill switch for effects: every intention reads its last change, so it works at once for all processes."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Connection

from adapters.store.database import Database
from adapters.store.tables import switch_changes

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
            row = _last(connection, EFFECTS_STOPPED)
        if row is None:
            return SwitchState()
        return SwitchState(stopped=row.is_on, changed_by=row.changed_by, reason=row.reason, at=row.at)

    def set_effects(self, *, stopped: bool, by: str, reason: str, now: datetime) -> SwitchState:
        """Stop all new effects, or let them happen again; who, when and why of every change is kept.

        Raises:
            ValueError: it does not say who or why.
        """
        if not by.strip() or not reason.strip():
            raise ValueError(f"by {by!r}, reason {reason!r}: the kill switch needs a name and a reason")

        def work(connection: Connection) -> None:
            last = _last(connection, EFFECTS_STOPPED)
            # Setting it again to what it is changes nothing: the audit asks since when effects were stopped.
            if last is None or last.is_on is not stopped:
                values = {"name": EFFECTS_STOPPED, "is_on": stopped, "changed_by": by, "reason": reason, "at": now}
                connection.execute(sa.insert(switch_changes), values)

        self._database.writing(work)
        return self.effects()


def why_on(connection: Connection, name: str) -> str | None:
    """Return who turned a switch on and why; None where it is off, or was never set."""
    row = _last(connection, name)
    return f"by {row.changed_by}: {row.reason}" if row is not None and row.is_on else None


def _last(connection: Connection, name: str) -> sa.Row[Any] | None:  # Any: a row of all columns
    last = sa.select(switch_changes).where(switch_changes.c.name == name).order_by(switch_changes.c.id.desc()).limit(1)
    return connection.execute(last).one_or_none()
