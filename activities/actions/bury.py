"""Keep what was given up on, and have people told of it."""

from temporalio import activity

from domain.deadletter import DeadLetter
from ports.store import DeadLetterStore


class BuryActivities:
    """Dead letters."""

    def __init__(self, dead_letters: DeadLetterStore) -> None:
        self._dead_letters = dead_letters

    @activity.defn
    def bury(self, letter: DeadLetter) -> None:
        """Store a dead letter with the word to people, once.

        Raises:
            TransientError: the store cannot be reached.
        """
        self._dead_letters.bury(letter)
