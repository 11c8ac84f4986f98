"""Questions that may wait: when they go into a batch, when they are asked live, and what is owed; sad paths first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.batches import sending
from domain.batches.going import BatchRules, Move, goes_to_batch, live_at, next_move, to_be_cancelled
from domain.batches.owed import ItemEnd, Owing, owed
from domain.batches.sending import Found, QuestionToSend, Recourse, after_silence, gathered
from domain.model_call import Price
from domain.model_steps import ModelStep
from domain.turns import Priority

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
RULES = BatchRules(steps=(ModelStep.CLAIM,), deadline_s=3600)
HALF = Price(model="m", input=2, output=8, cached_input=0.5, batch=0.5)
STEPS = st.sampled_from(ModelStep)


# --- into a batch ---


@given(step=STEPS, priority=st.sampled_from(Priority))
def test_nothing_goes_into_a_batch_unless_the_blueprint_says_so(step: ModelStep, priority: Priority) -> None:
    assert not goes_to_batch(BatchRules(), step, priority, HALF)


@pytest.mark.parametrize(
    ("step", "priority", "price", "asked"),
    [
        (ModelStep.ROUTE, Priority.MAY_WAIT, HALF, 0),
        (ModelStep.CLAIM, Priority.NORMAL, HALF, 0),
        (ModelStep.CLAIM, Priority.URGENT, HALF, 0),
        (ModelStep.CLAIM, Priority.MAY_WAIT, Price(model="m", input=2, output=8), 0),
        (ModelStep.CLAIM, Priority.MAY_WAIT, HALF, 1),
    ],
)
def test_what_is_asked_live(step: ModelStep, priority: Priority, price: Price, asked: int) -> None:
    assert not goes_to_batch(RULES, step, priority, price, asked=asked)


def test_the_first_question_of_a_step_that_may_wait_goes_into_a_batch() -> None:
    assert goes_to_batch(RULES, ModelStep.CLAIM, Priority.MAY_WAIT, HALF)


@pytest.mark.parametrize(
    "odd",
    [
        {"deadline_s": 0},
        {"deadline_s": 86_401},
        {"deadline_s": float("nan")},
        {"look_every_s": 0},
        {"look_every_s": float("inf")},
        {"steps": ["nothing"]},
        {"step": ["claim"]},
    ],
)
def test_rules_that_cannot_be_kept_are_refused(odd: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BatchRules.model_validate(odd)


# --- live instead ---


@pytest.mark.parametrize("end", [end for end in ItemEnd if end is not ItemEnd.ANSWERED])
def test_a_question_that_got_no_answer_is_asked_live_at_once(end: ItemEnd) -> None:
    assert next_move(RULES, NOW, end, NOW, live=False) is Move.ASK_LIVE


@given(end=st.none() | st.sampled_from(ItemEnd), after_s=st.floats(0, 10**6))
def test_an_answer_is_not_used_once_its_step_asks_live(end: ItemEnd | None, after_s: float) -> None:
    assert next_move(RULES, NOW, end, NOW + timedelta(seconds=after_s), live=True) is Move.ASK_LIVE


@given(deadline_s=st.floats(600, 86_400))
def test_it_is_asked_live_before_its_deadline_with_time_for_an_answer(deadline_s: float) -> None:
    rules = BatchRules(deadline_s=deadline_s)
    late, deadline = live_at(rules, NOW), NOW + timedelta(seconds=deadline_s)
    assert timedelta(seconds=149) <= deadline - late <= timedelta(hours=1)
    assert next_move(rules, NOW, None, late - timedelta(seconds=1), live=False) is Move.WAIT
    assert next_move(rules, NOW, None, late, live=False) is Move.ASK_LIVE


def test_an_answer_that_is_late_is_used_where_nobody_asked_again() -> None:
    assert next_move(RULES, NOW, ItemEnd.ANSWERED, NOW + timedelta(days=1), live=False) is Move.USE


def test_a_batch_is_cancelled_once_nobody_waits_for_it() -> None:
    assert not to_be_cancelled([True, False])
    assert to_be_cancelled([False, False])
    assert not to_be_cancelled([]), "of one whose questions are not known nothing is known"


# --- money ---


def test_what_nobody_knows_is_charged_in_full_and_no_other() -> None:
    free = {end for end in ItemEnd if owed(end) is Owing.NOTHING}
    assert free == {ItemEnd.REFUSED, ItemEnd.EXPIRED, ItemEnd.CANCELLED}
    assert {end for end in ItemEnd if owed(end) is Owing.USED} == {ItemEnd.ANSWERED}


def test_a_batch_costs_its_share_of_the_list_and_an_unknown_share_costs_all() -> None:
    assert HALF.in_batch().cost_micros(100, 10, 40) * 2 == HALF.cost_micros(100, 10, 40) == 220
    assert Price(model="m", input=2, output=8).in_batch().cost_micros(100, 10) == 280


@pytest.mark.parametrize("share", [0, -0.5, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValidationError):
        Price(model="m", input=1, output=1, batch=share)


# --- sending ---


def waiting(number: int, model: str = "m", size: int = 1) -> QuestionToSend:
    return QuestionToSend(f"{number:04d}", model, size, NOW + timedelta(seconds=number))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 20)), max_size=40))
def test_every_question_goes_out_once_with_its_own_model_and_within_the_limits(sizes: list[tuple[str, int]]) -> None:
    items = [waiting(n, model, size) for n, (model, size) in enumerate(sizes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "MOST_ITEMS", 4)
        patch.setattr(sending, "MOST_BYTES", 15)
        batches = gathered(items[::-1])
    assert sorted(item for batch in batches for item in batch) == sorted(items)
    for batch in batches:
        assert len({item.model for item in batch}) == 1
        assert len(batch) <= 4
        assert len(batch) == 1 or sum(item.size for item in batch) <= 15
        assert batch == sorted(batch, key=lambda w: w.since)


@pytest.mark.parametrize("later_s", [0, 86_400])
def test_a_batch_that_may_be_under_way_is_never_sent_again(later_s: int) -> None:
    now = NOW + timedelta(seconds=later_s)
    assert after_silence(Found.UNTELLABLE, NOW, now) is Recourse.LOOK_AGAIN
    assert after_silence(Found.YES, NOW, now) is Recourse.ADOPT


def test_a_batch_is_sent_again_once_the_provider_would_have_shown_it() -> None:
    assert after_silence(Found.NO, NOW, NOW + timedelta(seconds=30)) is Recourse.LOOK_AGAIN
    assert after_silence(Found.NO, NOW, NOW + sending.SEEN_AFTER) is Recourse.SEND_AGAIN
