"""What a call writes: its row, what it holds and what its budgets then say, all in the transaction of the caller."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.spend.statements import ADD, CHARGE, ENDED, ENDED_AT_ONCE, HELD_AT_ONCE, as_lists
from adapters.spend.tables import model_calls, spend_holds


class Posting(NamedTuple):
    """What is added to one account; `cap` is the one in force, None leaves it."""

    scope: str
    unit: str
    window: str
    held: int
    used: int = 0
    cap: int | None = None
    charged: int | None = None

    def given(self) -> dict[str, Any]:  # Any: values of columns
        """Return it as statements take it."""
        key = {"of_scope": self.scope, "of_unit": self.unit, "of_window": self.window}
        return key | {"more_used": self.used, "more_held": self.held, "rule": self.cap, "was": self.charged}


def write_held(connection: Connection, row: dict[str, Any], moves: Sequence[Posting]) -> None:  # Any: values of columns
    """Write a call and what it holds in accounts that the caller has locked."""
    given = [move.given() for move in moves]
    if moves and connection.dialect.name == "postgresql":
        connection.execute(HELD_AT_ONCE, row | as_lists(given) | {"of_call": row["call_id"]})
        return
    connection.execute(sa.insert(model_calls), row)
    if moves:
        connection.execute(ADD, given)
        holds = [{**_account(move), "call_id": row["call_id"], "reserved": move.held} for move in moves]
        connection.execute(sa.insert(spend_holds), holds)


def write_end(
    connection: Connection,
    call_id: str,
    values: dict[str, Any],  # Any: values of columns
    moves: Sequence[Posting],
) -> None:
    """End a call, which the caller has locked, in all its accounts."""
    given = [move.given() for move in moves]
    if moves and connection.dialect.name == "postgresql":
        connection.execute(ENDED_AT_ONCE, values | as_lists(given) | {"of_call": call_id})
        return
    connection.execute(ENDED, values | {"of_call": call_id})
    if moves:
        connection.execute(ADD, given)
        connection.execute(CHARGE, [one | {"of_call": call_id} for one in given])


def _account(move: Posting) -> dict[str, str]:
    return {"scope": move.scope, "unit": move.unit, "window": move.window}
