"""The statements of each call, written once: building them anew would cost more than the database does."""

from datetime import UTC, datetime

import sqlalchemy as sa

from adapters.spend.tables import model_calls, spend_accounts, spend_changes, spend_holds
from adapters.store.tables import UtcTime, cases
from domain.spend.calls import CallState

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_STORY_OF = 3  # calls before a case was stopped

_a, _c, _h = spend_accounts.c, model_calls.c, spend_holds.c

# --- an account ----------------------------------------------------------------------------------------------

_THIS = sa.and_(
    _a.scope == sa.bindparam("of_scope"), _a.unit == sa.bindparam("of_unit"), _a.window == sa.bindparam("of_window")
)
_CAP = sa.case((_a.cap_by == "", sa.bindparam("rule", type_=sa.BigInteger)), else_=_a.cap)
_AMOUNT = sa.bindparam("amount", type_=sa.BigInteger)

HOLD = (
    sa.update(spend_accounts)
    .where(_THIS, _a.used + _a.held + _AMOUNT <= _CAP)
    .values(held=_a.held + _AMOUNT, cap=_CAP)
    .returning(*_a)
)
"""Hold an amount if it fits, and return the account: never checked and then added."""
SEE = sa.update(spend_accounts).where(_THIS).values(cap=_CAP).returning(*_a)
"""Return an account with the cap that is in force."""
ADD = (
    sa.update(spend_accounts)
    .where(_THIS)
    .values(used=_a.used + sa.bindparam("more_used"), held=_a.held + sa.bindparam("more_held"))
)

# --- a call --------------------------------------------------------------------------------------------------

HOLDS = sa.select(spend_holds).where(_h.call_id == sa.bindparam("of_call"))
CHARGE = (
    sa.update(spend_holds)
    .where(
        _h.call_id == sa.bindparam("of_call"),
        _h.scope == sa.bindparam("of_scope"),
        _h.unit == sa.bindparam("of_unit"),
    )
    .values(charged=sa.bindparam("was"))
)
LOCKED = sa.select(model_calls).where(_c.call_id == sa.bindparam("of_call")).with_for_update()
"""A call that nobody else changes before this transaction ends."""
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
).where(_OF_CASE)
LAST_ASKED = sa.select(_c.step, _c.model, _c.question, _c.at).where(_OF_CASE).order_by(_c.at.desc()).limit(_STORY_OF)
