"""A pace of the intake that finds itself: up by steps while the models are well, down by a part when not."""

from pydantic import BaseModel, Field

LOOK_EVERY_S = 10.0
STEPS = 60  # from the slowest pace to the fastest: ten minutes of good times
FALL = 0.5  # a model refuses or fails
FALL_LIMITED = 0.8  # calls wait longer for their slot than a call may
FALL_EVERY_S = 30.0  # what was let in before shows for so long


class IntakeRules(BaseModel):
    """Between which paces the intake finds its own, cases per second."""

    per_second_min: float = Field(default=0.5, ge=0.001, le=10_000, allow_inf_nan=False)
    per_second_max: float = Field(default=50.0, ge=0.001, le=10_000, allow_inf_nan=False)


class ModelSigns(BaseModel):
    """How the models in use are, and the bounds of the pace.

    Attributes:
        trouble: why fewer cases should come, in words: a model refuses or fails. Empty: none does.
        limited: which model's calls come back because no slot is free. Empty: none's.
        slowest, fastest: cases per second.
    """

    trouble: str = ""
    limited: str = ""
    slowest: float
    fastest: float


def next_pace(per_second: float, signs: ModelSigns, *, used: bool, since_fall_s: float) -> tuple[float, str]:
    """Return the next pace, cases per second, and why it changed; no reason where it did not.

    Args:
        per_second: the pace until now.
        signs: of the models.
        used: whether as much came in as the pace let in; an idle pace does not grow.
        since_fall_s: since the pace fell last.

    >>> well = ModelSigns(slowest=1, fastest=31)
    >>> next_pace(10.0, well, used=True, since_fall_s=600), next_pace(10.0, well, used=False, since_fall_s=600)
    ((10.5, 'the models are well'), (10.0, ''))
    >>> next_pace(10.0, well.model_copy(update={"trouble": "m says to wait"}), used=True, since_fall_s=600)
    (5.0, 'm says to wait')
    """
    slowest, fastest = min(signs.slowest, signs.fastest), signs.fastest
    if not slowest <= per_second <= fastest:
        return min(max(per_second, slowest), fastest), "the blueprint's bounds"
    if signs.trouble or signs.limited:
        if since_fall_s < FALL_EVERY_S:
            return per_second, ""
        new = max(slowest, round(per_second * (FALL if signs.trouble else FALL_LIMITED), 3))
        why = signs.trouble or f"calls of {signs.limited} wait for its limit"
    else:
        if not used:
            return per_second, ""
        new, why = min(fastest, round(per_second + (fastest - slowest) / STEPS, 3)), "the models are well"
    return (new, why) if new != per_second else (per_second, "")
