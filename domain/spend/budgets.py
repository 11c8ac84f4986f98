"""Budgets: so much for a scope and a day, in tokens or in money, and which of them a call is charged to."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from domain.spend.runaway import RunawayRules
from domain.spend.windows import is_zone

PRICES_IN = "USD"
"""The currency of the blueprint's prices: money is counted in millionths of it."""

SCOPE = re.compile(r"all|case:\*|(tenant|kind|source):(\*|[A-Za-z0-9][A-Za-z0-9._-]{0,63})", re.ASCII)


class Unit(StrEnum):
    """What a budget counts."""

    TOKENS = "tokens"
    MICROS = "micros"  # of its currency


class Budget(BaseModel):
    """So much that calls of a scope may use in a day: tokens, or millionths of a currency.

    Scopes: `all`; `tenant:acme`, or `tenant:*` for each tenant by itself; `kind:billing` (which agent asks: `router`,
    or a specialist's name); `source:shop`; `case:*`. What names one goes before `*`.
    """

    model_config = ConfigDict(extra="forbid")

    scope: Annotated[str, Field(max_length=80)]
    cap: StrictInt = Field(gt=0, le=10**15)
    unit: Unit
    currency: str = ""
    window: Literal["day"] = "day"
    zone: str = "UTC"
    warn_at: float = Field(default=0.8, gt=0, le=1)


class SpendRules(BaseModel):
    """What a blueprint says of spending."""

    budgets: list[Budget] = Field(default_factory=list)
    runaway: RunawayRules = Field(default_factory=RunawayRules)


class Fault(NamedTuple):
    """A budget that cannot be kept: its position, the key that is wrong, and what to do."""

    number: int
    key: str
    said: str


def first_fault(budgets: Sequence[Budget]) -> Fault | None:
    """Return the first budget that cannot be kept, None if all can."""
    seen: dict[tuple[str, Unit], int] = {}
    for number, budget in enumerate(budgets):
        fault = _fault_of(budget)
        if fault is not None:
            return Fault(number, *fault)
        first = seen.setdefault((budget.scope, budget.unit), number)
        if first != number:
            said = (
                f"the scope {budget.scope!r} has a budget in {budget.unit} already (number {first + 1}): their days "
                "overlap, whatever the zone; remove one of the two"
            )
            return Fault(number, "scope", said)
    return None


def _fault_of(budget: Budget) -> tuple[str, str] | None:
    if not SCOPE.fullmatch(budget.scope):
        said = "expected all, case:*, or tenant:, kind: or source: with a name or *"
        return "scope", f"the scope {budget.scope!r} means nothing: {said}"
    if not is_zone(budget.zone):
        return "zone", f"there is no time zone {budget.zone!r}: expected a name such as 'Europe/Berlin' or 'UTC'"
    if budget.unit is Unit.MICROS and budget.currency != PRICES_IN:
        given = f"the currency {budget.currency!r}" if budget.currency else "no currency"
        said = f'a budget of money has {given}: write currency = "{PRICES_IN}", in which the prices are'
        return ("currency" if budget.currency else "unit"), said
    if budget.unit is Unit.TOKENS and budget.currency:
        return "currency", f"tokens have no currency: remove {budget.currency!r}, or count in micros"
    return None


class Spender(NamedTuple):
    """For whom a call is made."""

    case_id: str
    tenant: str
    kind: str
    source: str


def budgets_of(budgets: Sequence[Budget], spender: Spender) -> list[Budget]:
    """Return the budgets that a call is charged to, each with the scope of this very spender, always in one order.

    >>> few = [Budget(scope=s, cap=c, unit="tokens") for s, c in (("tenant:*", 1), ("tenant:acme", 2), ("all", 3))]
    >>> [(b.scope, b.cap) for b in budgets_of(few, Spender("case/shop/1", "acme", "router", "shop"))]
    [('all', 3), ('tenant:acme', 2)]
    >>> [(b.scope, b.cap) for b in budgets_of(few, Spender("case/shop/1", "other", "router", "shop"))]
    [('all', 3), ('tenant:other', 1)]
    """
    found: dict[tuple[str, Unit], Budget] = {}
    names = {"tenant": spender.tenant, "kind": spender.kind, "source": spender.source, "case": spender.case_id}
    for budget in sorted(budgets, key=lambda b: not b.scope.endswith("*")):  # what names one comes later, and stands
        what, _, name = budget.scope.partition(":")
        own = f"{what}:{names[what]}" if what in names else budget.scope
        if name in ("", "*", names.get(what)):
            found[own, budget.unit] = budget.model_copy(update={"scope": own})
    return [found[key] for key in sorted(found)]


def budgets_named(budgets: Sequence[Budget], scope: str) -> list[Budget]:
    """Return the budgets, one of a unit at most, that a scope without `*` has.

    >>> few = [Budget(scope="tenant:*", cap=1, unit="tokens"), Budget(scope="all", cap=3, unit="tokens")]
    >>> [b.scope for b in budgets_named(few, "tenant:acme")], budgets_named(few, "tenant:*"), budgets_named(few, "shop")
    (['tenant:acme'], [], [])
    """
    what, _, name = scope.partition(":")
    if name == "*":
        return []
    found: dict[Unit, Budget] = {}
    for budget in sorted(budgets, key=lambda b: not b.scope.endswith("*")):
        if budget.scope == scope or (name and budget.scope == f"{what}:*"):
            found[budget.unit] = budget.model_copy(update={"scope": scope})
    return list(found.values())
