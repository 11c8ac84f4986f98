"""How the models in use are, as the intake's pace goes by it."""

from collections.abc import Sequence

from pydantic import BaseModel
from temporalio import activity

from activities.clock import Clock, utc_now
from domain.moods.mood import ModelMood, Trouble
from domain.pacing.pace import IntakeRules, ModelSigns
from ports.models.moods import MoodStore

_SAID = {Trouble.TOLD_TO_WAIT: "says to wait", Trouble.FAILING: "fails", Trouble.MISCONFIGURED: "takes no call of ours"}


class ModelsLookRequest(BaseModel):
    """Nothing is asked but how they are."""


class SignsActivities:
    """The activity by which `IntakeWorkflow` finds its pace.

    Args:
        moods: of all models.
        models: names of those in use; others may be in any mood.
        rules: bounds of the pace.
        clock: the time in UTC.
    """

    def __init__(self, moods: MoodStore, models: Sequence[str], rules: IntakeRules, clock: Clock = utc_now) -> None:
        self._moods = moods
        self._models = frozenset(models)
        self._rules = rules
        self._clock = clock

    @activity.defn
    def look_at_models(self, _: ModelsLookRequest) -> ModelSigns:
        """Return how they are. Raises TransientError if the store cannot be reached."""
        now = self._clock()
        moods = [known.mood for known in self._moods.all_known() if known.mood.shown in self._models]
        limited = [m.shown for m in moods if m.limited_until is not None and m.limited_until > now]
        return ModelSigns(
            trouble=next((_in_words(mood) for mood in moods if mood.trouble is not None), ""),
            limited=limited[0] if limited else "",
            slowest=self._rules.per_second_min,
            fastest=self._rules.per_second_max,
        )


def _in_words(mood: ModelMood) -> str:
    said = _SAID.get(mood.trouble, "is not well") if mood.trouble is not None else "is well"
    return f"{mood.shown} {said}"
