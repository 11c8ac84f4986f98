"""What becomes of a case that the store has as open, by what Temporal says of its workflow."""

from enum import StrEnum

from pydantic import BaseModel, Field

from domain.audit.facts import ExecutionStatus
from domain.case import TERMINAL_STATES, CaseOutcome, CaseState


class Rescue(StrEnum):
    """What is done with an open case."""

    LEAVE = "leave"  # its workflow runs
    BEGIN_AGAIN = "begin_again"  # nobody works it any more
    TAKE_ENDING = "take_ending"  # it ended, and the store lost that
    ENDED_OUTSIDE = "ended_outside"  # somebody ended it in Temporal's own tools: a person says what becomes of it


class RescueReport(BaseModel):
    """What a rescue found, or with `done` did; ids of cases.

    Attributes:
        put_back: the store lacks them, and the holding pen lets them in once more.
        paused: the intake is paused: what is let in once more waits until it is resumed.
        lost: the store lacks them, and the pen has dropped what they said.
        running: so many open cases have a workflow that runs.
        begun: started again from the store.
        ended: their ending was taken over from Temporal.
        ended_outside: ended in Temporal's own tools.
        only_in_temporal: they run, and the store does not have them, nor could the pen give them back; among them may
            be some of the lost ones.
    """

    done: bool = False
    put_back: list[str] = Field(default_factory=list)
    paused: bool = False
    lost: list[str] = Field(default_factory=list)
    running: int = 0
    begun: list[str] = Field(default_factory=list)
    ended: list[str] = Field(default_factory=list)
    ended_outside: list[str] = Field(default_factory=list)
    only_in_temporal: list[str] = Field(default_factory=list)

    @property
    def needs_a_word(self) -> bool:
        """Whether some of the cases are left to a person."""
        return bool(self.lost or self.ended_outside or self.only_in_temporal)

    def note(self, case_id: str, rescue: Rescue) -> None:
        """Count an open case in."""
        if rescue is Rescue.LEAVE:
            self.running += 1
            return
        lists = {
            Rescue.BEGIN_AGAIN: self.begun,
            Rescue.TAKE_ENDING: self.ended,
            Rescue.ENDED_OUTSIDE: self.ended_outside,
        }
        lists[rescue].append(case_id)


def rescue_of(status: ExecutionStatus | None, outcome: CaseOutcome | None, *, replay: int) -> Rescue:
    """Return what is done with a case that is open in the store in its run `replay`.

    Args:
        status: of its newest workflow in Temporal, None where there is none.
        outcome: how that ended, None where it has not.
        replay: the run that the store knows.
    """
    if status is None:
        return Rescue.BEGIN_AGAIN
    if status is ExecutionStatus.RUNNING:
        return Rescue.LEAVE
    if status not in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELED):
        return Rescue.ENDED_OUTSIDE
    # A dead letter that the store has lost cannot be replayed: the case is worked once more.
    if outcome is None or outcome.state is CaseState.DEAD_LETTERED or outcome.state not in TERMINAL_STATES:
        return Rescue.BEGIN_AGAIN
    # The ending of an earlier run is none of this one's.
    return Rescue.TAKE_ENDING if outcome.replay >= replay else Rescue.BEGIN_AGAIN
