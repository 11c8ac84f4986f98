"""What is said of the intake has been seen there: a signal is taken even where nobody ever works on it."""

from typing import Any

import pytest

from client import intake as client_intake
from client.intake import Intake
from domain.errors import ImpossibleError, NotReachableError
from domain.intake import IntakeState


class Silent:
    """A Temporal that takes signals; `states` are what the intake says of itself, one after another."""

    def __init__(self, *states: IntakeState | Exception) -> None:
        self.states = list(states)
        self.signals: list[str] = []

    def get_workflow_handle(self, _: str) -> "Silent":
        return self

    async def signal(self, name: str, *_: object) -> None:
        self.signals.append(name)

    async def state(self, *_: object) -> IntakeState:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return state


def intake_of(temporal: Silent, monkeypatch: pytest.MonkeyPatch) -> Intake:
    from datetime import timedelta

    monkeypatch.setattr(client_intake, "ANSWER_WITHIN", timedelta(seconds=0.3))
    monkeypatch.setattr(client_intake, "_LOOK_EVERY_S", 0.01)
    temporal_as_any: Any = temporal  # no more of it is used
    intake = Intake(temporal_as_any)
    monkeypatch.setattr(intake, "state", temporal.state)
    return intake


PACED, PAUSED = IntakeState(per_second=5), IntakeState(per_second=5, paused=True)


async def test_it_is_asked_until_it_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    temporal = Silent(PAUSED, PAUSED, PACED)
    assert await intake_of(temporal, monkeypatch).resume() == PACED
    assert temporal.signals == ["resume"]


@pytest.mark.parametrize("told", [NotReachableError("no case worker answered"), PAUSED])
async def test_resumed_is_not_said_of_what_does_not_say_so(
    told: IntakeState | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImpossibleError, match="was asked to go on, but"):
        await intake_of(Silent(told), monkeypatch).resume()


@pytest.mark.parametrize("told", [NotReachableError("no case worker answered"), PACED])
async def test_paused_is_not_said_of_what_does_not_say_so(
    told: IntakeState | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImpossibleError, match="was asked to pause, but"):
        await intake_of(Silent(told), monkeypatch).pause()


async def test_a_pause_that_somebody_took_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    taking = PAUSED.model_copy(update={"taking": True})
    with pytest.raises(ImpossibleError, match="somebody resumed it"):
        await intake_of(Silent(taking, PACED), monkeypatch).pause()


async def test_a_pace_is_not_said_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImpossibleError, match="is at 5 cases per second, not paused"):
        await intake_of(Silent(PACED), monkeypatch).pace(7)
