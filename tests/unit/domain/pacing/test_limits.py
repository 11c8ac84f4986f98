"""Virtual scheduling, and what refusals teach: against a provider that lets refused calls count."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pacing.limits import (
    BURST_REQUESTS_S,
    BURST_TOKENS_S,
    GUESS_AT_LEAST_RPM,
    HEARSAY_S,
    HOLD_AT_MOST_S,
    LEAST_SHARE,
    PATIENCE_S,
    PAUSE_AT_MOST_S,
    QUEUE_S,
    USED_SHARE,
    LimiterState,
    Limits,
    SaidLimits,
    book,
    handed_back,
    rates,
    refused,
    share_now,
    still_stands,
    told,
)  # fmt: skip

NOW = 1_000_000.0
RPM_600 = Limits(rpm=600)


def test_with_no_limit_known_no_call_waits() -> None:
    state = LimiterState()
    for _ in range(1000):
        state, booked = book(state, Limits(), NOW, 5000)
        assert booked.stands
        assert booked.wait_s == 0


def test_the_first_calls_of_a_limiter_get_no_burst() -> None:
    state, first = book(LimiterState(), RPM_600, NOW, 100)
    state, second = book(state, RPM_600, NOW, 100)
    assert first.wait_s == 0
    assert second.wait_s == pytest.approx(60 / 600 / USED_SHARE)


def test_many_at_once_are_put_one_behind_the_other() -> None:
    state = LimiterState()
    waits = []
    for _ in range(100):
        state, booked = book(state, RPM_600, NOW, 100)
        if booked.stands:
            waits.append(booked.wait_s)
    assert waits == sorted(set(waits))
    assert waits[-1] <= PATIENCE_S


def test_who_would_wait_too_long_books_nothing_and_comes_back_evenly() -> None:
    state = LimiterState()
    backs = []
    for _ in range(200):
        tat = state.requests_tat
        state, booked = book(state, RPM_600, NOW, 100)
        if not booked.stands:
            assert state.requests_tat == tat
            backs.append(booked.wait_s)
    assert backs[0] > PATIENCE_S
    steps = [later - earlier for earlier, later in pairwise(backs)]
    assert steps == pytest.approx([60 / 600 / USED_SHARE] * len(steps), abs=1e-5)


def test_nobody_is_told_to_come_back_after_more_than_the_bound() -> None:
    state = LimiterState()
    for _ in range(3000):
        state, booked = book(state, Limits(rpm=60), NOW, 100)
        assert booked.wait_s <= QUEUE_S


def test_tokens_wait_too_and_what_was_not_used_is_handed_back() -> None:
    limits = Limits(tpm=60_000)
    state, first = book(LimiterState(), limits, NOW, 1000)
    _, without = book(state, limits, NOW, 1000)
    assert without.wait_s == pytest.approx(1000 / (1000 * USED_SHARE))
    state = handed_back(state, first.tokens_s * 0.9, NOW)
    _, after = book(state, limits, NOW, 1000)
    assert after.wait_s == pytest.approx(without.wait_s * 0.1)


def test_what_was_used_beyond_the_booking_is_paid_for_by_those_who_come_later() -> None:
    limits = Limits(tpm=60_000)
    state, first = book(LimiterState(), limits, NOW, 500)
    _, before = book(state, limits, NOW, 500)
    _, after = book(handed_back(state, -first.tokens_s, NOW), limits, NOW, 500)
    assert after.wait_s == pytest.approx(2 * before.wait_s)


def test_a_call_larger_than_a_minutes_tokens_is_made_all_the_same() -> None:
    _, booked = book(LimiterState(), Limits(tpm=100), NOW, 32_000)
    assert booked.stands


def test_as_many_as_are_allowed_at_once() -> None:
    limits = Limits(concurrency=2)
    assert book(LimiterState(), limits, NOW, 100, under_way=1)[1].stands
    _, third = book(LimiterState(), limits, NOW, 100, under_way=2)
    assert third.full
    assert not third.stands


def test_a_refusal_halves_the_rate_for_everyone_and_voids_what_has_not_begun() -> None:
    state, sleeping = book(LimiterState(), RPM_600, NOW, 100)
    state, sleeping = book(state, RPM_600, NOW, 100)
    assert still_stands(state, sleeping.at, NOW + sleeping.wait_s)
    before = rates(state, RPM_600, NOW)[0]
    state = refused(state, RPM_600, NOW, 0.0, NOW + 0.05)
    assert rates(state, RPM_600, NOW)[0] == pytest.approx(before / 2)
    assert not still_stands(state, sleeping.at, NOW + sleeping.wait_s)


def test_refusals_of_calls_from_before_the_fall_count_once() -> None:
    state, _ = book(LimiterState(), RPM_600, NOW, 100)
    for _ in range(30):
        state = refused(state, RPM_600, NOW, 0.0, NOW + 0.1)
    assert state.share == 0.5
    state = handed_back(state, 0, NOW + 0.2, NOW + 0.15)
    assert refused(state, RPM_600, NOW + 0.2, 0.0, NOW + 0.3).share == 0.25


@pytest.mark.parametrize("wait_s", [0.0, 0.3, 5.0, 3600.0, 1e300])
@pytest.mark.parametrize("reset_s", [0.0, 2.0, 1e300])
def test_a_pause_is_bounded(wait_s: float, reset_s: float) -> None:
    said = SaidLimits(remaining_requests=0, reset_s=reset_s)
    state = refused(LimiterState(), RPM_600, NOW, wait_s, NOW, said)
    assert NOW < state.pause_until <= NOW + PAUSE_AT_MOST_S


def test_a_refusal_without_a_time_pauses_until_the_window_that_is_used_up_ends() -> None:
    said = SaidLimits(remaining_requests=0, reset_s=4.0)
    assert refused(LimiterState(), RPM_600, NOW, 0.0, NOW, said).pause_until == NOW + 4
    assert refused(LimiterState(), RPM_600, NOW, 6.0, NOW, said).pause_until == NOW + 6, "its own time counts first"


def test_a_refusal_that_tells_a_lower_limit_is_kept_to_and_not_halved_on_top() -> None:
    state, first = book(LimiterState(), RPM_600, NOW, 10)
    state, sleeping = book(state, RPM_600, NOW, 10)
    said = SaidLimits(rpm=240)
    state = refused(state, RPM_600, first.at, 0.0, NOW + 0.05, said)
    assert rates(state, RPM_600, NOW + 1)[0] == pytest.approx(4 * USED_SHARE)
    assert not still_stands(state, sleeping.at, NOW + sleeping.wait_s), "booked at the old rate"
    late = refused(state, RPM_600, first.at, 0.0, NOW + 0.06, said)
    assert late.share == state.share == 1.0, "calls under way are refused for the same reason"
    again = refused(state, RPM_600, NOW + 2, 0.0, NOW + 2.1, said)
    assert again.share == 0.5, "refused at the limit that it tells: somebody else uses it, too"


@pytest.mark.parametrize("said", [SaidLimits(rpm=600), SaidLimits(rpm=6000), SaidLimits(rpm=590), SaidLimits(tpm=0)])
def test_a_refusal_whose_limits_slow_nothing_down_halves_the_rate_as_one_that_tells_none(said: SaidLimits) -> None:
    state, _ = book(LimiterState(), RPM_600, NOW, 10)
    after = refused(state, RPM_600, NOW, 0.0, NOW + 1, said)
    assert rates(after, RPM_600, NOW + 1)[0] <= 5 * USED_SHARE


def test_a_limit_that_nobody_knew_is_learned_from_the_refusal() -> None:
    state, _ = book(LimiterState(), Limits(), NOW, 10)
    state = refused(state, Limits(), NOW, 0.0, NOW + 1, SaidLimits(tpm=60_000))
    assert rates(state, Limits(), NOW + 1) == (0, pytest.approx(1000 * USED_SHARE))
    assert state.guess_rpm == 0
    assert refused(state, Limits(), NOW, 0.0, NOW + 1.1).share == 1.0, "one round of calls under way"


def test_a_limit_that_one_refusal_told_wrongly_does_not_last() -> None:
    state = refused(LimiterState(), RPM_600, NOW, 0.0, NOW, SaidLimits(rpm=1))
    state, _ = book(state, RPM_600, NOW + HEARSAY_S - 1, 10)
    assert rates(state, RPM_600, NOW + HEARSAY_S - 1)[0] == pytest.approx(USED_SHARE / 60)
    state, _ = book(state, RPM_600, NOW + HEARSAY_S + 1, 10)
    assert rates(state, RPM_600, NOW + HEARSAY_S + 1)[0] == pytest.approx(10 * USED_SHARE)


@pytest.mark.parametrize(("said", "lasts"), [(SaidLimits(rpm=60), True), (SaidLimits(tpm=9e9), False)])
def test_a_limit_of_a_refusal_that_replies_tell_too_lasts(said: SaidLimits, lasts: bool) -> None:
    state = refused(LimiterState(), RPM_600, NOW, 0.0, NOW, SaidLimits(rpm=60))
    state = told(state, RPM_600, said, NOW + 5)
    state, _ = book(state, RPM_600, NOW + 2 * HEARSAY_S, 10)
    assert (rates(state, RPM_600, NOW + 2 * HEARSAY_S)[0] < 2) is lasts


def test_a_late_refusal_still_tells_the_limit() -> None:
    state = refused(LimiterState(), RPM_600, NOW, 0.0, NOW)
    state = refused(state, RPM_600, NOW - 1, 0.0, NOW + 0.1, SaidLimits(rpm=60))
    assert rates(state, RPM_600, NOW + 1)[0] == pytest.approx(1 * USED_SHARE)


def test_a_share_never_falls_to_nothing_and_grows_back_to_all() -> None:
    state = LimiterState()
    for n in range(100):
        state = refused(state, RPM_600, NOW + n, 0.0, NOW + n)
        state = handed_back(state, 0, NOW + n + 0.5, NOW + n + 0.5)
    assert state.share == LEAST_SHARE
    assert state.hold_s == HOLD_AT_MOST_S
    assert share_now(state, NOW + 86_400) == 1.0
    later, _ = book(state, RPM_600, NOW + 86_400, 10)
    assert later.share == 1.0
    assert later.hold_s < HOLD_AT_MOST_S


def test_without_a_known_limit_a_refusal_makes_one_of_what_was_asked() -> None:
    state = LimiterState()
    for n in range(100):
        state, _ = book(state, Limits(), NOW + n * 0.1, 10)
    state = refused(state, Limits(), NOW + 9.9, 0.0, NOW + 10)
    assert rates(state, Limits(), NOW + 10)[0] == pytest.approx(10 * 0.5 * USED_SHARE, rel=0.05)


def test_one_refusal_in_a_quiet_house_does_not_make_it_crawl() -> None:
    state, _ = book(LimiterState(), Limits(), NOW, 10)
    state = refused(state, Limits(), NOW, 0.0, NOW + 5)
    assert rates(state, Limits(), NOW + 5)[0] == pytest.approx(GUESS_AT_LEAST_RPM / 60 * 0.5 * USED_SHARE)


def test_a_provider_that_refuses_every_call_for_a_while_makes_the_rate_fall_once() -> None:
    state = LimiterState()
    for n in range(24):
        state, _ = book(state, Limits(), NOW + n / 24, 10)
    state = refused(state, Limits(), NOW, 0, NOW + 1)
    allowed = rates(state, Limits(), NOW + 1)
    now = NOW + 1
    for wait_s in (1.5, 2, 4, 8, 20, 60, 300):
        now += wait_s
        state, one = book(state, Limits(), now, 10)
        assert one.stands
        state = refused(state, Limits(), one.at, 0, now + 0.1)
    assert rates(state, Limits(), now + 0.1) == allowed
    assert share_now(state, now + 60) == 0.5, "it grows from the end of it on"


def test_once_a_call_was_taken_the_next_refusal_makes_the_rate_fall_again() -> None:
    state = refused(LimiterState(), RPM_600, NOW, 0, NOW)
    state = handed_back(state, 0, NOW + 1, NOW - 1)
    assert refused(state, RPM_600, NOW + 2, 0, NOW + 3).share == 0.5, "that one had begun before the fall"
    state = handed_back(state, 0, NOW + 4, NOW + 2)
    assert refused(state, RPM_600, NOW + 5, 0, NOW + 6).share == 0.25


def test_the_providers_own_limit_counts_where_it_is_lower_only() -> None:
    state, _ = book(LimiterState(), RPM_600, NOW, 10)
    lower = told(state, RPM_600, SaidLimits(rpm=300), NOW)
    assert rates(lower, RPM_600, NOW)[0] == pytest.approx(5 * USED_SHARE)
    assert not still_stands(lower, NOW, NOW + 1)
    higher = told(lower, RPM_600, SaidLimits(rpm=6000), NOW + 1)
    assert rates(higher, RPM_600, NOW)[0] == pytest.approx(10 * USED_SHARE)


def test_a_limit_that_a_refusal_taught_already_does_not_count_twice() -> None:
    state, _ = book(LimiterState(), RPM_600, NOW, 10)
    state = refused(state, RPM_600, NOW, 0.0, NOW + 1)
    state = told(state, RPM_600, SaidLimits(rpm=300), NOW + 1.1)
    assert rates(state, RPM_600, NOW + 1.1)[0] == pytest.approx(5 * USED_SHARE)


def test_where_nothing_remains_nobody_asks_for_a_moment() -> None:
    state = told(LimiterState(), RPM_600, SaidLimits(remaining_requests=0, reset_s=60), NOW)
    assert 0 < state.pause_until - NOW <= 1


def test_a_clock_that_was_set_back_does_not_stop_all_calls() -> None:
    state, _ = book(LimiterState(), RPM_600, NOW, 10)
    _, booked = book(state, RPM_600, NOW - 86_400, 10)
    assert booked.wait_s <= QUEUE_S
    state = refused(state, RPM_600, NOW, 0.0, NOW)
    assert refused(state, RPM_600, NOW - 80_000, 0.0, NOW - 80_000).pause_until <= NOW


@given(
    rpm=st.floats(1, 1e5),
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=60),
    tokens=st.lists(st.floats(1, 5000), min_size=60, max_size=60),
    tpm=st.one_of(st.just(0.0), st.floats(100, 1e6)),
)
def test_no_window_ever_holds_more_than_its_rate_and_one_burst(
    rpm: float, gaps: list[float], tokens: list[float], tpm: float
) -> None:
    limits, state, now = Limits(rpm=rpm, tpm=tpm), LimiterState(), NOW
    begun: list[tuple[float, float]] = []
    for gap, size in zip(gaps, tokens, strict=False):
        now += gap
        state, booked = book(state, limits, now, size)
        if booked.stands:
            begun.append((now + booked.wait_s, size))
    per_s, tokens_per_s = rates(state, limits, now)
    for n in range(len(begun)):
        for m in range(n, len(begun)):
            span = begun[m][0] - begun[n][0]
            assert m - n <= per_s * (span + BURST_REQUESTS_S) + 1e-2
            if tpm:  # the last one may be as large as it likes: it is paid for afterwards
                assert sum(s for _, s in begun[n:m]) <= tokens_per_s * (span + BURST_TOKENS_S) + 1


class Provider:
    """A provider whose refused calls count, too; holds `burst` seconds of its limit at most, and owes as much."""

    def __init__(self, per_s: float, burst_s: float = 1.0) -> None:
        self.per_s, self.burst_s, self.level, self.at = per_s, burst_s, per_s * burst_s, NOW

    def takes(self, now: float) -> bool:
        most = self.per_s * self.burst_s
        self.level, self.at = min(most, self.level + (now - self.at) * self.per_s), now
        ok = self.level >= 1
        self.level = max(-most, self.level - 1)
        return ok


def _run(
    provider: Provider, limits: Limits, halve_at: float, seconds: float, *, tells: bool = False
) -> list[tuple[float, bool]]:
    """Ask as fast as the limiter lets, with answers after 0.3 s; return when, and whether the provider took it, which
    may tell its limit when it does not.
    """
    state, now, calls = LimiterState(), NOW, []
    answers: list[tuple[float, float, bool]] = []
    while now < NOW + seconds:
        if now >= NOW + halve_at and halve_at:
            provider.per_s, halve_at = provider.per_s / 2, 0
        while answers and answers[0][0] <= now:
            _, begun, ok = answers.pop(0)
            if not ok:
                said = SaidLimits(rpm=provider.per_s * 60 if tells else 0.0)
                state = refused(state, limits, begun, 0.0, now, said)
        new, booked = book(state, limits, now, 1)
        if booked.stands and booked.wait_s == 0:
            state = new
            ok = provider.takes(now)
            calls.append((now - NOW, ok))
            answers.append((now + 0.3, now, ok))
            continue
        now += min(booked.wait_s, 0.05) + 1e-9
    return calls


def test_it_uses_what_there_is_and_nothing_is_refused() -> None:
    calls = _run(Provider(10), RPM_600, 0, 120)
    assert all(ok for _, ok in calls)
    assert len(calls) >= 0.95 * 10 * 120


@pytest.mark.parametrize("per_s", [5.0, 20.0, 50.0])
def test_after_the_limit_is_halved_under_one_in_a_hundred_is_refused(per_s: float) -> None:
    calls = _run(Provider(per_s), Limits(rpm=per_s * 60), 60, 900)
    after = [ok for at, ok in calls if at >= 60]
    late = [ok for at, ok in calls if at >= 120]
    in_time = [ok for at, ok in calls if 60 <= at < 120]
    assert in_time.count(False) <= max(1.0, 0.3 * per_s + 2), "one round of calls under way"
    assert late.count(False) < 0.01 * len(late)
    assert after.count(False) < 0.01 * len(after) + 2
    assert len(late) >= 0.8 * per_s / 2 * 780


@pytest.mark.parametrize("per_s", [5.0, 20.0])
def test_refusals_that_tell_the_limit_leave_next_to_nothing_unused(per_s: float) -> None:
    """Replies tell nothing here: it is forgotten now and then, and told again."""
    calls = _run(Provider(per_s), Limits(rpm=per_s * 60), 60, 1500, tells=True)
    late = [ok for at, ok in calls if at >= 120]
    assert late.count(False) < 0.01 * len(late)
    assert late.count(True) >= 0.95 * per_s / 2 * 1380


def test_numbers_stay_numbers() -> None:
    state = LimiterState()
    for n in range(50):
        state, _ = book(state, Limits(rpm=1e-3, tpm=1e-3, concurrency=1), NOW + n, 32_000)
        state = refused(handed_back(state, -1e12, NOW + n), RPM_600, NOW + n, math.inf, NOW + n)
    assert all(math.isfinite(getattr(state, name)) for name in replace(state).__dataclass_fields__)
