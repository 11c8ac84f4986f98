"""Questions that may wait: when they go into a batch, when they are asked live, and what is owed; sad paths first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.models.wires.batch_results import CALL_S
from domain.batches import sending
from domain.batches.going import Move, goes_to_batch, live_at, next_look, next_move, to_be_cancelled
from domain.batches.owed import ItemEnd, Owing, owed
from domain.batches.sending import Found, Recourse, after_silence, together
from domain.model_call import Price
from domain.model_steps import BatchRules, ModelStep

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
RULES = BatchRules(steps=(ModelStep.CLAIM,), deadline_s=3600)
HALF = Price(model="m", input=2, output=8, cached_input=0.5, batch=0.5)
STEPS = st.sampled_from(ModelStep)


# --- into a batch ---


@given(step=STEPS, may_wait=st.booleans())
def test_nothing_goes_into_a_batch_unless_the_blueprint_says_so(step: ModelStep, may_wait: bool) -> None:
    assert not goes_to_batch(BatchRules(), step, HALF, may_wait=may_wait)


@pytest.mark.parametrize(
    ("step", "price", "may_wait"),
    [
        (ModelStep.ROUTE, HALF, True),
        ("no step", HALF, True),
        (ModelStep.CLAIM, HALF, False),
        (ModelStep.CLAIM, Price(model="m", input=2, output=8), True),
    ],
)
def test_what_is_asked_live(step: str, price: Price, may_wait: bool) -> None:
    assert not goes_to_batch(RULES, step, price, may_wait=may_wait)


def test_a_question_that_may_wait_goes_into_a_batch() -> None:
    assert goes_to_batch(RULES, ModelStep.CLAIM, HALF, may_wait=True)


@pytest.mark.parametrize(
    "odd",
    [
        {"deadline_s": 3599},
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


@given(after_s=st.floats(0, 10**5), deadline_s=st.floats(3600, 86_400), look_every_s=st.floats(10, 600))
def test_a_step_looks_again_later_but_not_after_it_is_to_ask_live(
    after_s: float, deadline_s: float, look_every_s: float
) -> None:
    rules = BatchRules(deadline_s=deadline_s, look_every_s=look_every_s)
    now = NOW + timedelta(seconds=after_s)
    look = next_look(rules, NOW, now)
    assert look.at <= live_at(rules, NOW)
    assert 0 <= look.spread_s <= 600
    assert look.at + timedelta(seconds=look.spread_s) < NOW + timedelta(seconds=deadline_s)
    if now < live_at(rules, NOW):
        assert look.at > now


@given(deadline_s=st.floats(3600, 86_400))
def test_it_is_asked_live_before_its_deadline_with_time_for_an_answer(deadline_s: float) -> None:
    rules = BatchRules(deadline_s=deadline_s)
    late, deadline = live_at(rules, NOW), NOW + timedelta(seconds=deadline_s)
    assert timedelta(minutes=14) <= deadline - late <= timedelta(hours=1)
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


@given(st.lists(st.integers(1, 20), max_size=40))
def test_every_question_goes_out_once_the_oldest_first_and_within_the_limits(sizes: list[int]) -> None:
    waiting = [(f"{n:04d}", size) for n, size in enumerate(sizes)]
    batches, left = [], waiting
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "MOST_ITEMS", 4)
        patch.setattr(sending, "MOST_BYTES", 15)
        while left:
            batches.append(together(left))
            left = left[len(batches[-1]) :]
    assert [item_id for batch in batches for item_id in batch] == [item_id for item_id, _ in waiting]
    for batch in batches:
        assert 1 <= len(batch) <= 4
        assert len(batch) == 1 or sum(dict(waiting)[item_id] for item_id in batch) <= 15


def test_a_batch_is_on_its_way_or_known_to_be_not_before_others_look_for_it() -> None:
    assert sending.SEND_WITHIN + 2 * timedelta(seconds=CALL_S) < sending.SEEN_AFTER


@pytest.mark.parametrize("later_s", [0, 86_400])
def test_a_batch_that_may_be_under_way_is_not_written_off(later_s: int) -> None:
    assert after_silence(Found.UNTELLABLE, later_s) is Recourse.LOOK_AGAIN
    assert after_silence(Found.YES, later_s) is Recourse.ADOPT


def test_a_batch_never_came_there_once_the_provider_would_have_shown_it() -> None:
    assert after_silence(Found.NO, 30) is Recourse.LOOK_AGAIN
    assert after_silence(Found.NO, sending.SEEN_AFTER.total_seconds()) is Recourse.NOT_TAKEN
