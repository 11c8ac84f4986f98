"""How fast a provider may be asked: virtual scheduling over requests and tokens per minute, and what refusals teach.

Each of the two has a theoretical arrival time (`tat`): when the next call could begin if calls came evenly. A call may
begin a burst before it, and moves it on by what the call uses up. So a booking is a time that is only its own, and many
who come at once are put one behind the other.

Everything here is a pure function of a state and a time; `adapters/models/guards/limiter_redis.py` does the same inside
of Redis, number by number, and a property test holds the two together.

Times are seconds since the epoch, all by one clock. A number that is not known is 0.
"""

from dataclasses import dataclass, replace

BURST_REQUESTS_S = 0.5
BURST_TOKENS_S = 1.0
USED_SHARE = 0.97  # of a stated limit: the provider's clock and ours need not agree on where a minute ends
PATIENCE_S = 2.0  # so far ahead a slot is booked; whoever would wait longer comes back later, and books then
QUEUE_S = 600.0  # nobody is told to come back later than this
DEBT_AT_MOST_S = 300.0  # no tat lies further ahead: a clock that was set back must not stop all calls

FALL = 0.5
FALL_TO_SAFE = 0.9  # of a share that was borne for `SETTLED_S`, where growing slowly has found the limit
SETTLED_S = 30.0
LEAST_SHARE = 0.02
GROWTH_PER_S = 0.05 / 60
HOLD_S = 60.0  # after a fall, before growing; doubled by each further one
HOLD_AT_MOST_S = 900.0
HEARSAY_S = 600.0  # so long a limit counts that refusals alone tell: one told wrongly must not last
PAUSE_S = 1.0  # after a refusal that names no time
PAUSE_AT_MOST_S = 10.0  # longer ones are the mood's matter, which people may end
EARLY_S = 0.01  # a sleep may end so much before its time, by another clock
WINDOW_S = 10.0  # over which calls are counted, where no limit is known
GUESS_AT_LEAST_RPM = 600.0  # a quiet house that is refused once has not shown what is borne; more refusals will


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider allows, as the blueprint states it: per minute, and at once; 0: not known."""

    rpm: float = 0.0
    tpm: float = 0.0
    concurrency: int = 0

    def divided(self, processes: int) -> "Limits":
        """Return the share of each of so many processes; one call at once is left to each.

        >>> Limits(rpm=60, tpm=9000, concurrency=5).divided(2)
        Limits(rpm=30.0, tpm=4500.0, concurrency=2)
        """
        n = max(1, processes)
        return Limits(self.rpm / n, self.tpm / n, max(1, self.concurrency // n) if self.concurrency else 0)


@dataclass(frozen=True, slots=True)
class LimiterState:
    """What is known of one provider, model and key. All are numbers, in this order on the wire.

    Attributes:
        requests_tat, tokens_tat: when the next call could begin if calls came evenly.
        queue_tat: when the next of those who are told to come back should come.
        pause_until: no call begins before.
        share: of the limit, after the last fall at `fell_at`; it grows from `hold_s` after it (`share_now`).
        void_at: bookings from before that have not begun are made again: the limit has fallen.
        said_rpm, said_tpm: the provider's own limits, as its last reply had them.
        guess_rpm: requests per minute when it first refused, where no limit is known.
        window_at, window_n, before_n: calls that were booked in this window and in the one before.
        hearsay_until: the provider's own limits are forgotten then, as only refusals told them; 0: replies did.
        unproven: 1 from a fall until a call that began after it was taken; refusals show nothing new meanwhile.
    """

    requests_tat: float = 0.0
    tokens_tat: float = 0.0
    queue_tat: float = 0.0
    pause_until: float = 0.0
    share: float = 1.0
    fell_at: float = 0.0
    hold_s: float = HOLD_S
    void_at: float = 0.0
    said_rpm: float = 0.0
    said_tpm: float = 0.0
    guess_rpm: float = 0.0
    window_at: float = 0.0
    window_n: float = 0.0
    before_n: float = 0.0
    hearsay_until: float = 0.0
    unproven: float = 0.0


@dataclass(frozen=True, slots=True)
class Booked:
    """What came of asking for a slot.

    Attributes:
        stands: whether a slot is booked; otherwise come back after `wait_s`.
        wait_s: until the call may begin, or until whoever has no slot should ask again.
        at: when it was booked.
        request_s, tokens_s: by how much it moved the two times; what is handed back is a part of it.
        full: no slot because as many calls as allowed are under way.
    """

    stands: bool
    wait_s: float
    at: float
    request_s: float = 0.0
    tokens_s: float = 0.0
    full: bool = False


@dataclass(frozen=True, slots=True)
class SaidLimits:
    """What a provider's reply says of its limits; 0 where it says nothing, -1 for a `remaining` that it does not say.

    `reset_s` is when all of a window is free again of which nothing remains.
    """

    rpm: float = 0.0
    tpm: float = 0.0
    remaining_requests: float = -1.0
    remaining_tokens: float = -1.0
    reset_s: float = 0.0


SAID_NOTHING = SaidLimits()


def share_now(state: LimiterState, now: float) -> float:
    """Return the learned share of the limit, from `LEAST_SHARE` to 1.

    >>> fallen = LimiterState(share=0.5, fell_at=1000.0)
    >>> share_now(fallen, 1060.0), round(share_now(fallen, 1120.0), 3), share_now(fallen, 9000.0)
    (0.5, 0.55, 1.0)
    """
    grown_s = now - state.fell_at - state.hold_s
    if state.share >= 1.0 or grown_s <= 0:
        return state.share
    return min(1.0, state.share + grown_s * GROWTH_PER_S)


def rates(state: LimiterState, limits: Limits, now: float) -> tuple[float, float]:
    """Return the requests and the tokens per second that may be used now, 0 for no limit."""
    share = share_now(state, now)
    rpm, tpm = _lower(limits.rpm, state.said_rpm), _lower(limits.tpm, state.said_tpm)
    if rpm == 0 and tpm == 0:
        rpm = state.guess_rpm
    return rpm / 60 * USED_SHARE * share, tpm / 60 * USED_SHARE * share


def book(
    state: LimiterState, limits: Limits, now: float, tokens: float, *, under_way: int = 0
) -> tuple[LimiterState, Booked]:
    """Book a slot for a call of so many tokens at most, if one is free within `PATIENCE_S`.

    Args:
        state: before it; a first one gives no burst, what was asked before it is not known.
        limits: as stated.
        now: the time.
        tokens: input and the most output.
        under_way: calls that hold a lease.
    """
    state = _settled(state, now)
    if limits.concurrency > 0 and under_way >= limits.concurrency:
        return state, Booked(stands=False, wait_s=PATIENCE_S, at=now, full=True)
    per_s, tokens_per_s = rates(state, limits, now)
    request_s = 1 / per_s if per_s > 0 else 0.0
    tokens_s = tokens / tokens_per_s if tokens_per_s > 0 else 0.0
    start = max(now, state.pause_until)
    if per_s > 0:
        start = max(start, state.requests_tat - BURST_REQUESTS_S)
    if tokens_per_s > 0:
        start = max(start, state.tokens_tat - BURST_TOKENS_S)
    if start - now > PATIENCE_S:
        back = max(state.queue_tat, start)
        if back > now + QUEUE_S:  # a second round, spread like the first
            back = min(start, now + QUEUE_S)
        state = replace(state, queue_tat=back + max(request_s, tokens_s))
        return state, Booked(stands=False, wait_s=back - now, at=now)
    state = replace(
        _counted(state, now),
        requests_tat=max(state.requests_tat, start) + request_s,
        tokens_tat=max(state.tokens_tat, start) + tokens_s,
    )
    return state, Booked(stands=True, wait_s=start - now, at=now, request_s=request_s, tokens_s=tokens_s)


def still_stands(state: LimiterState, booked_at: float, now: float) -> bool:
    """Return whether a call whose time has come may begin; otherwise it books again."""
    return booked_at > state.void_at and state.pause_until <= now + EARLY_S


def handed_back(state: LimiterState, tokens_s: float, now: float, taken_at: float = 0.0) -> LimiterState:
    """Give back what was booked and not used, or take what was used beyond it (negative), seconds of tokens.

    `taken_at` is when the call was booked, if the provider answered it.
    """
    unproven = state.unproven if taken_at <= state.void_at else 0.0
    return _bounded(replace(state, tokens_tat=state.tokens_tat - tokens_s, unproven=unproven), now)


def told(state: LimiterState, limits: Limits, said: SaidLimits, now: float) -> LimiterState:
    """Take over what a reply says of the provider's limits: where they are lower than ours they count."""
    before = rates(replace(state, share=1.0), limits, now)
    share = share_now(state, now)
    new = replace(state, said_rpm=said.rpm or state.said_rpm, said_tpm=said.tpm or state.said_tpm)
    after = rates(replace(new, share=1.0), limits, now)
    part = min(_part(before[0], after[0]), _part(before[1], after[1]))
    if (said.rpm > 0 or new.said_rpm == 0) and (said.tpm > 0 or new.said_tpm == 0):
        new = replace(new, hearsay_until=0.0)
    if part < 1.0:  # a refusal may have told us the same before: it does not count twice
        new = _fallen(replace(new, share=min(1.0, share / part)), now)
    nothing_left = 0 <= said.remaining_requests < 1 or 0 <= said.remaining_tokens < 1
    if nothing_left:
        wait = min(said.reset_s or PAUSE_S, PAUSE_S)
        new = replace(new, pause_until=max(new.pause_until, now + wait))
    return new


def refused(
    state: LimiterState, limits: Limits, begun_at: float, wait_s: float, now: float, said: SaidLimits = SAID_NOTHING
) -> LimiterState:
    """Fall after a refusal: to the limits that it tells, where these are what slows calls down; else by a share.

    Calls that had begun before the last fall are refused for the same reason as it. So are those that begin after it,
    until one is taken: a provider that refuses each single one for a while is waited for, it is not asked too fast.

    Args:
        state: before it.
        limits: as stated.
        begun_at: when the call that was refused was booked.
        wait_s: as the provider named it; 0: it named none, and the end of a window that is used up counts.
        now: the time.
        said: what the refusal tells of the provider's limits.
    """
    state = _settled(state, now)
    pause = now + min(wait_s if wait_s > 0 else said.reset_s if said.reset_s > 0 else PAUSE_S, PAUSE_AT_MOST_S)
    state = replace(state, pause_until=max(state.pause_until, pause))
    is_late, before = begun_at <= state.void_at, rates(state, limits, now)
    state = told(state, limits, said, now)
    if said.rpm > 0 or said.tpm > 0:
        state = replace(state, hearsay_until=now + HEARSAY_S)
    if is_late:
        return state
    after = rates(state, limits, now)
    if _slower(before[0], after[0]) or _slower(before[1], after[1]):
        return _fallen(state, now)
    if state.unproven:
        return _fallen(replace(state, fell_at=now), now)
    share = share_now(state, now)
    borne = share_now(state, now - SETTLED_S) if now - state.fell_at >= SETTLED_S else 0.0
    found_by_growing = state.share < 1.0 and 0 < borne < share
    to = max(FALL_TO_SAFE * borne, FALL * share) if found_by_growing else FALL * share
    hold = min(state.hold_s * 2, HOLD_AT_MOST_S) if state.share < 1.0 else HOLD_S
    guess = state.guess_rpm
    if max(rates(state, limits, now)) == 0:
        guess = max(GUESS_AT_LEAST_RPM, _seen_per_s(state, now) * 60)
    fallen = replace(state, share=max(LEAST_SHARE, to), hold_s=hold, fell_at=now, guess_rpm=guess, unproven=1.0)
    return _fallen(fallen, now)


def _fallen(state: LimiterState, now: float) -> LimiterState:
    """Void what was booked and has not begun: it is booked again at the new rate, without a burst."""
    begin = max(now, state.pause_until)
    return replace(state, void_at=now, requests_tat=begin + BURST_REQUESTS_S)


def _settled(state: LimiterState, now: float) -> LimiterState:
    if state.requests_tat == 0 and state.tokens_tat == 0:  # nothing is known of what was asked just before
        return replace(state, requests_tat=now + BURST_REQUESTS_S, tokens_tat=now + BURST_TOKENS_S)
    if state.share < 1.0 and share_now(state, now) >= 1.0:
        state = replace(state, share=1.0, hold_s=HOLD_S, guess_rpm=0.0, unproven=0.0)
    if 0 < state.hearsay_until <= now:
        state = replace(state, said_rpm=0.0, said_tpm=0.0, hearsay_until=0.0)
    return _bounded(state, now)


def _bounded(state: LimiterState, now: float) -> LimiterState:
    most = now + DEBT_AT_MOST_S
    return replace(
        state,
        requests_tat=min(state.requests_tat, most),
        tokens_tat=min(state.tokens_tat, most),
        pause_until=min(state.pause_until, now + PAUSE_AT_MOST_S),
        fell_at=min(state.fell_at, now),
        void_at=min(state.void_at, now),
        hearsay_until=min(state.hearsay_until, now + HEARSAY_S),
    )


def _counted(state: LimiterState, now: float) -> LimiterState:
    age = now - state.window_at
    if 0 <= age < WINDOW_S:
        return replace(state, window_n=state.window_n + 1)
    before = state.window_n if 0 <= age < 2 * WINDOW_S else 0.0
    return replace(state, window_at=now, window_n=1.0, before_n=before)


def _seen_per_s(state: LimiterState, now: float) -> float:
    return max(state.before_n / WINDOW_S, state.window_n / max(now - state.window_at, 1.0))


def _lower(stated: float, said: float) -> float:
    if stated == 0 or said == 0:
        return max(stated, said)
    return min(stated, said)


def _slower(before: float, after: float) -> bool:
    """Return whether a rate fell enough to be why nothing is refused any more; 0 is no limit."""
    return after > 0 and (before == 0 or after <= FALL_TO_SAFE * before)


def _part(before: float, after: float) -> float:
    return after / before if before > 0 and after > 0 else 1.0
