"""How many people an action needs, as a scale: of two answers the stricter one holds, in whatever order they come."""

from collections.abc import Iterable
from enum import StrEnum


class Needs(StrEnum):
    """What has to happen before an action is done, the laxest first."""

    NOBODY = "nobody"
    ONE = "one_person"
    TWO = "two_people"
    REFUSED = "refused"  # no approval makes it go: a person works the case another way

    @property
    def people(self) -> int:
        """How many different people have to approve; none where it goes alone, or not at all."""
        return {Needs.ONE: 1, Needs.TWO: 2}.get(self, 0)

    @property
    def strictness(self) -> int:
        """Its place on the scale."""
        return _SCALE.index(self)

    def __str__(self) -> str:
        return self.value.replace("_", " ")


_SCALE = tuple(Needs)


def strictest(needs: Iterable[Needs]) -> Needs:
    """Return the strictest of some, `NOBODY` of none.

    >>> strictest([Needs.ONE, Needs.TWO, Needs.NOBODY]) is Needs.TWO
    True
    """
    return max(needs, key=lambda one: one.strictness, default=Needs.NOBODY)
