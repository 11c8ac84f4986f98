"""Whose turn it is: what waits in the holding pen is let in by weighted turns of tenants, then of their priorities.

A tenant that sends a hundred times as much as another gets as many turns as that one, so it makes nobody else wait for
its flood. Within a tenant `urgent` comes more often than `normal`, and `may_wait` is never starved. The scheduler is
stride scheduling (Waldspurger and Weihl, 1995): who had a turn moves on by 1/weight, and the hindmost is next.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

OWN_LANES = 64
"""So many tenants get a lane of their own in a broker; those that come later share some."""
SHARED_LANES = 16
_Tenant = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_Weight = Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)]


class Priority(StrEnum):
    """How soon a payload wants to be let in, beside others of its tenant."""

    URGENT = "urgent"
    NORMAL = "normal"
    MAY_WAIT = "may_wait"


_LEVELS = {Priority.URGENT: 2, Priority.NORMAL: 3, Priority.MAY_WAIT: 4}
_FIRST_OF = 4  # of so many that are let in together, one may go before all others


def levels(priorities: Sequence[Priority]) -> list[int]:
    """Return the levels of Temporal (1 to 5, the lowest goes first) of cases that are let in together.

    Its levels are strict: what waits on one goes before all of the next, of whatever tenant. So that nobody's flood of
    urgent messages holds up the others, a quarter of a batch may be on the urgent one; the rest is on the common one,
    where tenants have their turns. The first level is left to people.

    >>> levels([Priority.URGENT, Priority.MAY_WAIT]), levels([Priority.URGENT] * 5)
    ([2, 4], [2, 2, 3, 3, 3])
    """
    left = -(-len(priorities) // _FIRST_OF)
    found: list[int] = []
    for priority in priorities:
        level = _LEVELS[priority]
        if priority is Priority.URGENT:
            level = level if left > 0 else _LEVELS[Priority.NORMAL]
            left -= 1
        found.append(level)
    return found


class PenLane(NamedTuple):
    """What waits in line together: the payloads of one tenant (or of several that share) and one priority."""

    tenant: str
    priority: Priority = Priority.NORMAL

    @property
    def name(self) -> str:
        """The lane's name in a pen.

        >>> PenLane("acme.eu", Priority.URGENT).name
        'acme.eu/urgent'
        """
        return f"{self.tenant}/{self.priority}"


def lane_named(name: str) -> PenLane:
    """Return the lane of a name.

    Raises:
        ValueError: it is the name of none.
    """
    tenant, _, priority = name.rpartition("/")
    return PenLane(tenant, Priority(priority))


class TurnRules(BaseModel):
    """The blueprint's `[turns]`: weights of tenants (1 where none is given) and of priorities, and which values of a
    message's field `priority` mean what; letters in either case.
    """

    model_config = ConfigDict(extra="forbid")

    tenants: dict[_Tenant, _Weight] = Field(default_factory=dict)
    urgent: _Weight = 8.0
    normal: _Weight = 4.0
    may_wait: _Weight = 1.0
    urgent_values: list[str] = Field(default=["urgent", "critical", "high", "p1"])
    may_wait_values: list[str] = Field(default=["may_wait", "low", "bulk", "p4"])

    def weight_of(self, priority: Priority) -> float:
        """Return how often a priority has its turn, beside the others of its tenant."""
        weights = {Priority.URGENT: self.urgent, Priority.NORMAL: self.normal, Priority.MAY_WAIT: self.may_wait}
        return weights[priority]

    def priority_of(self, value: str | None) -> Priority:
        """Return what a message's own word for its priority means; one that nobody named means `normal`.

        >>> TurnRules().priority_of("P1 "), TurnRules().priority_of(None), TurnRules().priority_of("ASAP!!")
        (<Priority.URGENT: 'urgent'>, <Priority.NORMAL: 'normal'>, <Priority.NORMAL: 'normal'>)
        """
        word = (value or "").strip().casefold()
        if word and word in map(str.casefold, self.urgent_values):
            return Priority.URGENT
        if word and word in map(str.casefold, self.may_wait_values):
            return Priority.MAY_WAIT
        return Priority.NORMAL


class Turns:
    """Gives out turns, and remembers between batches who had some. One for each process that lets work in."""

    def __init__(self, rules: TurnRules | None = None) -> None:
        self._rules = rules or TurnRules()
        self._tenants = _Stride()
        self._priorities: dict[str, _Stride] = {}

    def take(self, waiting: Mapping[PenLane, int], limit: int) -> list[PenLane]:
        """Return whose turn it is, one after the other: at most `limit`, and of each lane at most what waits in it."""
        left = {lane: count for lane, count in waiting.items() if count > 0}
        self._forget(left)
        turns: list[PenLane] = []
        while left and len(turns) < limit:
            weights = {lane.tenant: self._rules.tenants.get(lane.tenant, 1.0) for lane in left}
            tenant = self._tenants.next(weights)
            own = {str(lane.priority): self._rules.weight_of(lane.priority) for lane in left if lane.tenant == tenant}
            lane = PenLane(tenant, Priority(self._priorities.setdefault(tenant, _Stride()).next(own)))
            turns.append(lane)
            left[lane] -= 1
            if not left[lane]:
                del left[lane]
        return turns

    def _forget(self, left: Mapping[PenLane, int]) -> None:
        """Drop what is known of those who do not wait: an idle tenant saves up no turns, and takes no memory."""
        here = {lane.tenant for lane in left}
        self._tenants.keep_only(here)
        self._priorities = {tenant: stride for tenant, stride in self._priorities.items() if tenant in here}


class _Stride:
    """Stride scheduling over names with weights."""

    def __init__(self) -> None:
        self._passed: dict[str, float] = {}
        self._now = 0.0

    def next(self, weights: Mapping[str, float]) -> str:
        """Return whose turn it is, and count it."""
        # Who comes new, or again, begins where the others are: neither with turns saved up nor behind all of them.
        positions = {name: self._passed.setdefault(name, self._now) for name in weights}
        name = min(sorted(positions), key=positions.__getitem__)
        self._now = positions[name]
        self._passed[name] = self._now + 1.0 / weights[name]
        return name

    def keep_only(self, names: set[str]) -> None:
        """Forget all others whose turns are used up; who had more than his share waits when he comes again."""
        self._passed = {n: at for n, at in self._passed.items() if n in names or at > self._now}


def lane_for(tenant: str, known: set[str]) -> str:
    """Return the name under which a tenant lines up in a broker: its own, or one that late comers share.

    >>> lane_for("acme", set()), lane_for("acme", {f"t{n}" for n in range(OWN_LANES)}).startswith("~")
    ('acme', True)
    """
    if tenant in known or len(known) < OWN_LANES:
        return tenant
    return f"~{sum(tenant.encode()) % SHARED_LANES:02d}"
