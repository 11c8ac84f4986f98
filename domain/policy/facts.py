"""What is known about an action when it is decided: the other half of what a policy needs. None: it is not known."""

from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from domain.money.amount import Money
from domain.policy.rules import Per


class ActionLike(Protocol):
    """What a policy looks at of an action, whatever its kind."""

    @property
    def kind(self) -> str:
        """Names its policy."""
        ...

    @property
    def payee(self) -> str:
        """Who gets the money."""
        ...

    @property
    def money(self) -> Money:
        """How much."""
        ...


class FieldOrigin(StrEnum):
    """Where the value of a field comes from."""

    GIVEN = "given"  # a field of the sender's payload, or word for word in the text
    RECORDS = "records"  # our own
    DERIVED = "derived"  # computed of these
    GUESSED = "guessed"
    MODEL = "model"  # a model wrote it and nothing else says so


UNPROVEN = frozenset({FieldOrigin.GUESSED, FieldOrigin.MODEL})
MONEY_FIELDS = ("payee", "money")
"""The fields whose origin has to be known for an action to go alone."""


class Moved(BaseModel):
    """What went of a kind within some days for a customer, a payee, a source or all, without this action.

    None: it was not counted.
    """

    model_config = ConfigDict(frozen=True)

    per: Per
    days: int = Field(ge=1)
    count: int | None = Field(default=None, ge=0)
    minor: int | None = Field(default=None, ge=0)  # in the action's currency


class ActionFacts(BaseModel):
    """What is known about one action. Minor units of the action's currency.

    Attributes:
        before_minor: what went the same way before (of the same charge or invoice); it counts with the amount.
        origins: where each field comes from, by its name.
        flags: those of the message and the case.
        taints: why the case's text is suspect, in words; any of them needs a person.
        marks: what the rules of its kind found that needs a person, by name.
        customer_had: so many actions of the kind the customer had, ever.
        payee_had: so many the payee had.
        moved: what went within the windows that the policy counts over.
        requester: who asks for it; never decides.
        editors: who edited the input; never decide.
    """

    model_config = ConfigDict(frozen=True)

    before_minor: int | None = Field(default=None, ge=0)
    origins: dict[str, FieldOrigin] | None = None
    flags: frozenset[str] | None = None
    taints: frozenset[str] | None = None
    marks: frozenset[str] | None = None
    customer_had: int | None = Field(default=None, ge=0)
    payee_had: int | None = Field(default=None, ge=0)
    moved: tuple[Moved, ...] = ()
    requester: str = ""
    editors: frozenset[str] = frozenset()

    def moved_within(self, per: Per, days: int) -> Moved | None:
        """Return what went within a window, None if that is not known; of two answers the larger, number by number."""
        found = [one for one in self.moved if (one.per, one.days) == (per, days)]
        counts, minors = (
            [m.count for m in found if m.count is not None],
            [m.minor for m in found if m.minor is not None],
        )
        if not found:
            return None
        return Moved(per=per, days=days, count=max(counts, default=None), minor=max(minors, default=None))


class ProposedAction(BaseModel):
    """An action of any kind that somebody only asks about."""

    kind: str
    payee: str = ""
    money: Money
