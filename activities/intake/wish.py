"""Keep what people wish of the intake where it outlives Temporal's state."""

from temporalio import activity

from activities.clock import Clock, utc_now
from domain.intake import IntakeWish
from ports.wishes import IntakeWishes


class WishActivities:
    """The other activity of `IntakeWorkflow`."""

    def __init__(self, wishes: IntakeWishes, clock: Clock = utc_now) -> None:
        self._wishes = wishes
        self._clock = clock

    @activity.defn
    def keep_wish(self, wish: IntakeWish) -> None:
        """Keep it in place of the last one. Raises TransientError if the store cannot be reached."""
        self._wishes.keep(wish, self._clock())
