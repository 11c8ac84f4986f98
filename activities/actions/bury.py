"""Keep what was given up on, and tell a person once."""

import asyncio

from temporalio import activity

from activities.clock import Clock, utc_now
from domain.deadletter import DeadLetter
from ports.people import Supervisor
from ports.store import DeadLetterStore


class BuryActivities:
    """Dead letters."""

    def __init__(self, dead_letters: DeadLetterStore, supervisor: Supervisor, clock: Clock = utc_now) -> None:
        self._dead_letters = dead_letters
        self._supervisor = supervisor
        self._clock = clock

    @activity.defn
    async def bury(self, letter: DeadLetter) -> None:
        """Store a dead letter and alert once.

        A crash between the alert and its record alerts again rather than never; the id in the alert tells a repetition.

        Raises:
            TransientError: the store cannot be reached.
        """
        await asyncio.to_thread(self._dead_letters.bury, letter)
        if not await asyncio.to_thread(self._dead_letters.to_alert, letter.dead_letter_id):
            return
        await self._supervisor.alert(
            f"dead letter: {letter.case_id} gave up at {letter.step}",
            f"{letter.kind} after {len(letter.attempts)} attempts: {letter.last_error[:300]}",
            {
                "alert_id": letter.dead_letter_id,
                "case_id": letter.case_id,
                "dead_letter_id": letter.dead_letter_id,
                "step": letter.step,
                "kind": letter.kind,
            },
        )
        await asyncio.to_thread(self._dead_letters.alerted, letter.dead_letter_id, self._clock())
