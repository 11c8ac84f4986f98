"""Whether a start may go on with its blueprint: another one than the last that was accepted needs somebody's word."""

from datetime import datetime

from pydantic import BaseModel

from domain.errors import BlueprintNotAcceptedError
from domain.installation.rules import BlueprintRules, differences

FIRST_START = "first start"
"""Who accepted the first blueprint of an installation: nobody had to."""
_TOLD_AT_MOST = 12


class Acceptance(BaseModel):
    """One blueprint that was accepted, on record: which rules, by whom and when."""

    rules: BlueprintRules
    by: str
    at: datetime


def accepted_now(last: Acceptance | None, rules: BlueprintRules, *, by: str | None, now: datetime) -> Acceptance | None:
    """Return the acceptance that goes on record with this start, None where the last one stands.

    The version decides: it changes with every byte of the folder, words and letters too, since customers read them and
    rules rest on them.

    Args:
        last: the newest on record; None: there is none yet, the first start needs no word.
        rules: of the blueprint that the start has.
        by: who accepts another blueprint; None: nobody does.
        now: the time that is put on record.

    Raises:
        BlueprintNotAcceptedError: it is another blueprint, and nobody accepts it; the message says what differs.
    """
    if last is None:
        return Acceptance(rules=rules, by=by or FIRST_START, at=now)
    if last.rules.version == rules.version:
        return None
    if by is None:
        raise BlueprintNotAcceptedError(refusal(last, rules))
    return Acceptance(rules=rules, by=by, at=now)


def refusal(last: Acceptance, rules: BlueprintRules) -> str:
    """Return in one line what differs from the blueprint in force, and what to do."""
    return (
        f"blueprint {rules.version} is not the one in force, {last.rules.version} (accepted by {last.by}, "
        f"{last.at:%Y-%m-%d %H:%M} UTC): {difference_line(last.rules, rules)}. If that is meant, start with "
        "--accept-blueprint or run `headgate blueprint accept`; if not, let HEADGATE_BLUEPRINT name the folder that "
        "was in force"
    )


def difference_line(before: BlueprintRules, now: BlueprintRules) -> str:
    """Return what differs in one line, the first dozen of it.

    >>> difference_line(BlueprintRules(version="shop@1"), BlueprintRules(version="shop@2"))
    'no setting and no text, only comments or the order of things'
    """
    said = differences(before, now)
    more = f"; and {len(said) - _TOLD_AT_MOST} more" if len(said) > _TOLD_AT_MOST else ""
    return "; ".join(said[:_TOLD_AT_MOST]) + more or "no setting and no text, only comments or the order of things"
