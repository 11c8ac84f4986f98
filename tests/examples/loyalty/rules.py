"""The rules of the example specialist: how many points a birthday is worth."""

from pydantic import BaseModel


class Birthday(BaseModel):
    """What the records say."""

    member: bool
    years: int = 0


def points(birthday: Birthday) -> int:
    """Return the points that a member gets for a birthday; none for who is no member."""
    return 100 + 10 * birthday.years if birthday.member else 0
