"""The statements of each call, written once: building them anew would cost more than the database does."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from adapters.spend.tables import model_calls, spend_accounts, spend_changes, spend_holds
from adapters.store.database import ServerNow
from adapters.store.tables import UtcTime, cases
from domain.spend.calls import CallState

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_STORY_OF = 3  # calls before a case was stopped

_a, _c, _h = spend_accounts.c, model_calls.c, spend_holds.c

# --- an account ----------------------------------------------------------------------------------------------

_THIS = sa.and_(
    _a.scope == sa.bindparam("of_scope"), _a.unit == sa.bindparam("of_unit"), _a.window == sa.bindparam("of_window")
)
_ORDER = (_a.scope, _a.unit, _a.window)
"""In which everybody locks them, as the database sorts."""

STANDINGS = sa.select(spend_accounts).where(sa.tuple_(*_ORDER).in_(sa.bindparam("keys", expanding=True)))
"""Accounts as they stand, for one look."""
ACCOUNTS = STANDINGS.order_by(*_ORDER).with_for_update()
"""Accounts that nobody else changes before this transaction ends: what fits now still fits when it is added."""
CAP = sa.update(spend_accounts).where(_THIS).values(cap=sa.bindparam("rule"))
ADD = (
    sa.update(spend_accounts)
    .where(_THIS)
    .values(
        used=_a.used + sa.bindparam("more_used"),
        held=_a.held + sa.bindparam("more_held"),
        cap=sa.func.coalesce(sa.bindparam("rule", type_=sa.BigInteger), _a.cap),
    )
)

# --- a call --------------------------------------------------------------------------------------------------

CHARGE = (
    sa.update(spend_holds)
    .where(
        _h.call_id == sa.bindparam("of_call"),
        _h.scope == sa.bindparam("of_scope"),
        _h.unit == sa.bindparam("of_unit"),
    )
    .values(charged=sa.bindparam("was"))
)
OPEN = (
    sa.select(
        *(_c.state, _c.reserved_tokens, _c.reserved_micros, _c.lease_until),
        *(_h.scope, _h.unit, _h.window, _h.reserved),
        ServerNow().label("now"),
    )
    .join_from(model_calls, spend_holds, _h.call_id == _c.call_id, isouter=True)
    .where(_c.call_id == sa.bindparam("of_call"))
    .order_by(_h.scope, _h.unit)
    .with_for_update(of=model_calls)
)
"""A call that nobody else changes before this transaction ends, once for each account that it is held in."""
ENDED = sa.update(model_calls).where(_c.call_id == sa.bindparam("of_call"))
SENT = (
    sa.update(model_calls)
    .where(_c.call_id == sa.bindparam("of_call"), _c.state == CallState.HELD)
    .values(
        state=CallState.SENT,
        sent_at=sa.bindparam("now", type_=UtcTime),
        lease_until=sa.bindparam("until", type_=UtcTime),
    )
    .returning(_c.call_id)
)

# --- what a case asked since a person last let it go on -------------------------------------------------------

_CASE = sa.bindparam("of_case", type_=sa.Text)
_SINCE = sa.select(sa.func.max(spend_changes.c.at)).where(spend_changes.c.about == _CASE).scalar_subquery()
_RELEASED = sa.select(sa.func.count()).select_from(spend_changes).where(spend_changes.c.about == _CASE)
_TENANT = sa.select(cases.c.tenant).where(cases.c.case_id == _CASE)
WHOSE = sa.select(_TENANT.scalar_subquery().label("tenant"), ServerNow().label("now"))
_OF_CASE = sa.and_(
    _c.case_id == _CASE,
    sa.or_(_c.state == CallState.SENT, _c.tokens_in + _c.tokens_out > 0),  # what was turned away does not count
    _c.at > sa.func.coalesce(_SINCE, sa.literal(_NEVER, UtcTime)),
)
_OTHER_STEP = sa.and_(
    _c.question == sa.bindparam("question"), _c.asked_by != "", _c.asked_by != sa.bindparam("asked_by")
)
SO_FAR = sa.select(
    sa.func.count().label("calls"),
    sa.func.coalesce(sa.func.sum(_c.tokens_in + _c.tokens_out), 0).label("tokens"),
    sa.func.count(sa.distinct(sa.case((_OTHER_STEP, _c.asked_by)))).label("same_question"),
    _RELEASED.scalar_subquery().label("released"),
    _TENANT.scalar_subquery().label("tenant"),
    ServerNow().label("now"),
).where(_OF_CASE)
LAST_ASKED = sa.select(_c.step, _c.model, _c.question, _c.at).where(_OF_CASE).order_by(_c.at.desc()).limit(_STORY_OF)

# --- on PostgreSQL, where each statement is a round trip: all that a call writes in one ---------------------------

_GIVEN = [
    *(("of_scope", sa.Text), ("of_unit", sa.Text), ("of_window", sa.Text), ("more_used", sa.BigInteger)),
    *(("more_held", sa.BigInteger), ("rule", sa.BigInteger), ("was", sa.BigInteger)),
]
_given = (
    sa.func.unnest(*(sa.bindparam(f"all_{name}", type_=ARRAY(kind)) for name, kind in _GIVEN))
    .table_valued(*(sa.column(name, kind) for name, kind in _GIVEN), name="given")
    .render_derived()
)
_g = _given.c
_locked = (
    sa.select(_given)
    .join_from(
        _given,
        spend_accounts,
        sa.and_(_a.scope == _g.of_scope, _a.unit == _g.of_unit, _a.window == _g.of_window),
    )
    .order_by(*_ORDER)
    .with_for_update(of=spend_accounts)
    .cte("locked")
)
_l = _locked.c
_added = (
    sa.update(spend_accounts)
    .where(_a.scope == _l.of_scope, _a.unit == _l.of_unit, _a.window == _l.of_window)
    .values(used=_a.used + _l.more_used, held=_a.held + _l.more_held, cap=sa.func.coalesce(_l.rule, _a.cap))
    .cte("added")
)
_held = (
    sa.insert(spend_holds)
    .from_select(
        ["call_id", "scope", "unit", "window", "reserved"],
        sa.select(sa.bindparam("of_call", type_=sa.Text), _g.of_scope, _g.of_unit, _g.of_window, _g.more_held),
    )
    .cte("held")
)
_charged = (
    sa.update(spend_holds)
    .where(_h.call_id == sa.bindparam("of_call"), _h.scope == _g.of_scope, _h.unit == _g.of_unit)
    .values(charged=_g.was)
    .cte("charged")
)
HELD_AT_ONCE = sa.insert(model_calls).add_cte(_added, _held)
ENDED_AT_ONCE = ENDED.add_cte(_added, _charged)


# Any: values of columns of several types.
def as_lists(moves: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the changes of accounts as those two statements take them; `rule` and `was` may be left out."""
    return {f"all_{name}": [move.get(name) for move in moves] for name, _ in _GIVEN}
