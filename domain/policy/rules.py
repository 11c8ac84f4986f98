"""The rules for one kind of action as data: `policy/KIND.toml` of a blueprint.

Amounts are minor units by currency, times are seconds. Nothing here has a default that lets an action go alone: what
is not said needs a person.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.policy.needs import Needs

ANY_CURRENCY = "*"
"""The currency of a limit that holds in each, as those of `[[approval.approvers]]` do. No policy file may say it."""

NEVER_ALONE = frozenset({"wire", "account_change", "deletion"})
"""Kinds that need a person whatever their policy says: what they do cannot be called back."""
POLICY_KINDS = frozenset({"refund", "credit"}) | NEVER_ALONE
"""The kinds that a policy can be written for."""

_YEAR_S = 366 * 86_400.0
_Seconds = Annotated[float, Field(gt=0, le=_YEAR_S, allow_inf_nan=False)]
_Currency = Annotated[str, Field(pattern=r"^([A-Z]{3}|\*)$")]
_Minor = Annotated[int, Field(ge=0, le=10**15)]
MinorBy = dict[_Currency, _Minor]
SomePeople = Literal[Needs.ONE, Needs.TWO, Needs.REFUSED]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True)


class AmountRange(_Table):
    """Amounts of a currency from `from_minor` on and below `below_minor` (None: without an end), and what they need.

    An amount counts with all that went the same way before: what is asked for in two parts is one amount.
    """

    currency: _Currency
    from_minor: _Minor = 0
    below_minor: _Minor | None = None
    needs: Needs

    def holds(self, minor: int) -> bool:
        """Return whether an amount lies in it."""
        return self.from_minor <= minor and (self.below_minor is None or minor < self.below_minor)


class Per(StrEnum):
    """Over what a velocity is counted."""

    CUSTOMER = "customer"
    PAYEE = "payee"
    SOURCE = "source"
    EVERYTHING = "everything"


class Velocity(_Table):
    """So much of a kind goes within some days, today (UTC) included, this action too; beyond it, people are needed.

    A currency that is not in `most_minor` has no such limit.
    """

    per: Per
    days: int = Field(ge=1, le=366)
    most_count: int | None = Field(default=None, ge=0)
    most_minor: MinorBy = Field(default_factory=dict)
    beyond: SomePeople = Needs.ONE


class Decider(_Table):
    """Who may decide, by name or by role, up to an amount of each currency named; or `any_amount`."""

    name: str = ""
    role: str = ""
    limits_minor: MinorBy = Field(default_factory=dict)
    any_amount: bool = False

    def may(self, minor: int, currency: str) -> bool:
        """Return whether an amount is within the limit; a currency without a limit is not."""
        if self.any_amount:
            return True
        limit = self.limits_minor.get(currency, self.limits_minor.get(ANY_CURRENCY))
        return limit is not None and minor <= limit


class ActionPolicy(_Table):
    """When an action of a kind goes alone, and else who decides, for how long, and who is asked next.

    Attributes:
        ranges: what an amount needs. A currency without ranges needs what the strictest of all ranges does.
        velocities: how much may go within some days.
        guessed: what a guessed field, or one that a model wrote, needs; `guessed_fields` names stricter ones.
        tainted: what a case needs whose text is suspect; `flags` says it of single flags of the message, also of such
            as are harmless by themselves.
        first_time_customer: what the first action of its kind for a customer needs.
        first_time_payee: the same for whoever gets the money.
        deciders: who may decide. Never who asked for it, nor who edited the input.
        expires_after_s: for how long a request waits; then it is refused.
        remind_every_s: how often the deciders are reminded.
        ask_next: names or roles of the deciders that are asked, too, once `ask_next_after_s` have passed.
        on_expiry: what becomes of a request that nobody decided. There is no other word for it.
    """

    ranges: tuple[AmountRange, ...] = ()
    velocities: tuple[Velocity, ...] = ()
    guessed: SomePeople = Needs.ONE
    guessed_fields: dict[str, SomePeople] = Field(default_factory=dict)
    tainted: SomePeople = Needs.ONE
    flags: dict[str, SomePeople] = Field(default_factory=dict)
    first_time_customer: Needs = Needs.ONE
    first_time_payee: Needs = Needs.ONE
    deciders: tuple[Decider, ...] = ()
    expires_after_s: _Seconds = 2 * 86_400.0
    remind_every_s: _Seconds = 8 * 3_600.0
    ask_next: tuple[str, ...] = ()
    ask_next_after_s: _Seconds | None = None
    on_expiry: Literal["reject"] = "reject"

    def of_currency(self, currency: str) -> list[AmountRange]:
        """Return the ranges of a currency, the smallest amounts first."""
        return sorted(
            (r for r in self.ranges if r.currency == currency), key=lambda r: (r.from_minor, r.needs.strictness)
        )

    def with_people(self, roles: Mapping[str, tuple[str, ...]]) -> "ActionPolicy":
        """Return it with the members of each role by name, as a case takes it along.

        Who stands there by name as well has the limit of that entry alone. Of several roles of a person each counts.
        """
        own = {decider.name.casefold() for decider in self.deciders if decider.name}
        people: list[Decider] = []
        for decider in self.deciders:
            if not decider.role:
                people.append(decider)
                continue
            members = [name for name in roles.get(decider.role, ()) if name.casefold() not in own]
            people += [decider.model_copy(update={"name": name, "role": ""}) for name in members]
        named = [member for asked in self.ask_next for member in roles.get(asked, (asked,))]
        return self.model_copy(update={"deciders": tuple(people), "ask_next": tuple(dict.fromkeys(named))})


def first_gap(ranges: list[AmountRange]) -> tuple[AmountRange | None, str] | None:
    """Return what is wrong with the ranges of one currency, smallest amounts first, and where; None: each amount lies
    in exactly one of them, and a larger one never needs less.
    """
    expected, before = 0, Needs.NOBODY
    for number, one in enumerate(ranges):
        if one.below_minor is not None and one.below_minor <= one.from_minor:
            return one, f"ends at {one.below_minor}, not above from_minor ({one.from_minor}): name a larger below_minor"
        if one.from_minor < expected:
            return one, f"begins at {one.from_minor}, where the one before it ends at {expected}: they overlap"
        if one.from_minor > expected:
            return one, f"begins at {one.from_minor}: nothing is said of the amounts from {expected} on"
        if one.needs.strictness < before.strictness:
            return one, f"needs {one.needs}, less than smaller amounts ({before}): name at least that"
        if one.below_minor is None:
            following = ranges[number + 1 : number + 2]
            said = "begins where one without below_minor stands already: they overlap"
            return (following[0], said) if following else None
        expected, before = one.below_minor, one.needs
    last = ranges[-1] if ranges else None
    return last, f"ends at {expected}, and nothing is said of larger amounts: leave its below_minor out"
