"""The retry ladder at its edges, and what a dead letter must say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.deadletter import Attempt, DeadLetter, FailedStep, next_rung
from domain.errors import FailureKind
from domain.model_call import Usage
from tests.contracts.store_samples import NOW

ATTEMPT = Attempt(step="route", error_type="TransientError", message="away", at=NOW)
LETTER = DeadLetter(
    dead_letter_id="dl-1",
    case_id="case/shop/e1",
    source="shop",
    step="route",
    kind=FailureKind.TRANSIENT,
    attempts=[ATTEMPT, ATTEMPT],
    last_error="away",
    payload_ref="inbox/1",
    blueprint_version="main@1",
    at=NOW,
)


@pytest.mark.parametrize("failures", [0, -1, -100])
@pytest.mark.parametrize("ladder", [[], [60.0], [60.0, 300.0]])
def test_there_is_no_wait_before_the_first_failure(ladder: list[float], failures: int) -> None:
    with pytest.raises(ValueError, match=rf"failures {failures}: expected 1 or more"):
        next_rung(ladder, failures)


@pytest.mark.parametrize("failures", [1, 2, 10**9])
def test_without_a_ladder_the_first_failure_is_the_last(failures: int) -> None:
    assert next_rung([], failures) is None


@pytest.mark.parametrize(("failures", "wait"), [(1, 1.5), (2, 300), (3, 1800), (4, None), (5, None), (10**9, None)])
def test_rungs_are_climbed_in_turn_and_then_no_more(failures: int, wait: float | None) -> None:
    assert next_rung((1.5, 300, 1800), failures) == wait


def test_a_rung_of_no_time_at_all_is_still_a_rung() -> None:
    assert next_rung([0.0, 60.0], 1) == 0.0
    assert next_rung([0.0], 1) is not None


@given(st.lists(st.floats(0, 1e6), max_size=8))
def test_a_ladder_is_climbed_once_from_the_bottom_to_the_top(ladder: list[float]) -> None:
    climbed: list[float] = []
    while (wait := next_rung(ladder, len(climbed) + 1)) is not None:
        climbed.append(wait)
    assert climbed == ladder


@pytest.mark.parametrize(
    "left_out", ["dead_letter_id", "case_id", "source", "step", "kind", "last_error", "payload_ref", "at"]
)
def test_a_dead_letter_that_could_not_be_understood_or_replayed_is_none(left_out: str) -> None:
    with pytest.raises(ValidationError, match=left_out):
        DeadLetter.model_validate(LETTER.model_dump(exclude={left_out}))


@pytest.mark.parametrize("kind", ["", "TRANSIENT", "unknown", None])
def test_a_kind_of_failure_that_nobody_knows_is_refused(kind: object) -> None:
    with pytest.raises(ValidationError, match="kind"):
        DeadLetter.model_validate(LETTER.model_dump() | {"kind": kind})


def test_a_dead_letter_and_a_failed_step_keep_every_attempt_on_the_way() -> None:
    assert DeadLetter.model_validate_json(LETTER.model_dump_json()) == LETTER
    spent = Usage(calls=2, input_tokens=5, cost_micros=9)
    failed = FailedStep(step="route", kind=FailureKind.BAD_ANSWER, message="no", attempts=[ATTEMPT], usage=spent)
    assert FailedStep.model_validate_json(failed.model_dump_json()) == failed


def test_failed_steps_do_not_share_their_attempts() -> None:
    first = FailedStep(step="a", kind=FailureKind.BUG, message="")
    first.attempts.append(ATTEMPT)
    other = FailedStep(step="b", kind=FailureKind.BUG, message="")
    assert other.attempts == []
    assert (other.usage, LETTER.cost_micros) == (Usage(), 0)
