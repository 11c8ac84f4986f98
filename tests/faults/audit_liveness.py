"""The promises of liveness, L1 to L7, as pure functions over what the harness saw."""

from collections import defaultdict
from collections.abc import Iterable

from tests.faults.records import Breach, Breaches, CaseRun, Evidence, Injected, Sent

TERMINAL = frozenset({"done", "rejected", "dead_lettered", "cancelled"})
WAITING = frozenset({"waiting_approval", "waiting_human", "waiting_customer"})
BACK_WITHIN_S = 60.0  # L4
REFUSED_WITHIN_S = 5.0  # L7
CLICK_WITHIN_S = 3.0  # L6
IN_FLIGHT_S = 2.0  # a call that was begun before all workers could know of the 429
MOST_AT_ONCE = 48  # calls of a storm that may be under way at once: the slots of all workers, and those who probe
WINDOW_S = 10.0
PRESSURE = ("disk", "broker")  # places of faults by which the holding pen refuses
RESTART_S = 30.0  # so long after a fault of those a process may still be on its way back
ALL_LIFTED = "all faults lifted"
BREAKS_ANSWERS = ("gateway", "sender wire", "everything", "network", "harness")  # by which answers are lost or late


def every_taken_webhook_ends(seen: Evidence) -> Breaches:
    """L1: each webhook answered 2xx is in exactly one terminal state, or waits with its deadline ahead."""
    runs: dict[str, list[CaseRun]] = defaultdict(list)
    for run in seen.runs:
        runs[run.event_id].append(run)
    replays: dict[str, int] = defaultdict(int)
    for letter in seen.letters:
        replays[letter.event_id] += 1
    for event_id in sorted(seen.taken()):
        of_it = sorted(runs.get(event_id, []), key=lambda run: run.started)
        if not of_it:
            yield Breach("L1", "lost", event_id, "answered 2xx, and there is no case")
            continue
        if len(of_it) > 1 + replays[event_id]:
            states = [run.state for run in of_it]
            yield Breach("L1", "twice", event_id, f"{len(of_it)} cases for one event: {states}")
        yield from _ending(of_it[-1], seen.now)


def _ending(run: CaseRun, now: float) -> Breaches:
    if run.status == "running" and run.state in WAITING:
        if run.waits_until is None or run.waits_until <= now:
            yield Breach("L1", "no_deadline", run.event_id, f"{run.state}, and its deadline is {run.waits_until}")
    elif run.status == "running":
        yield Breach("L1", "not_settled", run.event_id, f"is {run.state} still: {run.problem or 'nobody says why'}")
    elif run.status not in {"completed", "canceled"} or run.state not in TERMINAL:
        yield Breach("L1", "no_ending", run.event_id, f"its workflow is {run.status}, its state {run.state}")


def nothing_is_stuck(seen: Evidence) -> Breaches:
    """L2: no workflow hangs on a task that keeps failing, no activity goes on past its budget."""
    for workflow_id, problem in seen.stuck.items():
        yield Breach("L2", "stuck", workflow_id, problem)


def the_pen_is_drained(seen: Evidence) -> Breaches:
    """L3: nothing waits in the pen; every dead letter says what it is and why, and its replay has ended."""
    for what, count in seen.pen.items():
        if count:
            yield Breach("L3", "not_drained", what, f"{count} {what} in the holding pen")
    for letter in seen.letters:
        lacking = [n for n in ("source", "case_id", "reason") if not getattr(letter, n)]
        if letter.kind == "transient" and letter.attempts < 1:
            lacking.append("attempts")
        if lacking:
            yield Breach("L3", "incomplete_letter", letter.dead_letter_id, f"lacks {', '.join(lacking)}")
        if letter.status == "open":
            yield Breach("L3", "letter_open", letter.dead_letter_id, f"replayed in vain: {letter.reason[:120]}")


def back_after_a_restart(seen: Evidence) -> Breaches:
    """L4: within a minute of a kill, or of the end of all faults, something new is taken and something finished."""
    for fault in seen.injected:
        if not fault.name.startswith("kill ") and fault.name != ALL_LIFTED:
            continue
        for what, took in (("taken", first_taken(seen, fault)), ("finished", first_finished(seen, fault))):
            if _was_followed(seen, fault):
                continue  # what held it up cannot be told
            if took is None or took > BACK_WITHIN_S * seen.patience:
                said = "never" if took is None else f"after {took:.0f} s"
                yield Breach("L4", f"not_{what}", fault.name, f"the first webhook was {what} {said}")


def _was_followed(seen: Evidence, fault: Injected) -> bool:
    others = [o for o in seen.injected if o is not fault and o.name != ALL_LIFTED and o.place != "harness"]
    return any(o.until > fault.until and o.since < fault.until + BACK_WITHIN_S for o in others)


def first_taken(seen: Evidence, fault: Injected) -> float | None:
    """Return how long after a fault was lifted the first new webhook was answered 2xx, seconds."""
    begun = [one.answered for one in seen.sent if one.taken and one.kind == "event" and one.at >= fault.until]
    return min(begun) - fault.until if begun else None


def first_finished(seen: Evidence, fault: Injected) -> float | None:
    """Return how long after a fault was lifted the first case ended, seconds."""
    ended = [run.closed for run in seen.runs if run.closed is not None and run.closed >= fault.until]
    return min(ended) - fault.until if ended else None


def models_are_left_alone(seen: Evidence) -> Breaches:
    """L5: no call before the time that a 429 named, no hot loop where it named none, one layer of retries."""
    calls = sorted(seen.calls, key=lambda call: call.at)
    grace = IN_FLIGHT_S * seen.patience
    for told in calls:
        if told.status != 429 or told.until is None or _could_be_missed(seen, told.answered):
            continue
        early = [c for c in calls if told.answered + grace < c.at < told.until - 0.001]
        if early:
            text = f"{len(early)} calls, the first {told.until - early[0].at:.1f} s before the time that was named"
            yield Breach("L5", "too_early", f"429 at {told.answered:.1f}", text)
    unnamed = [c.at for c in calls if c.status == 429 and c.until is None]
    for at in unnamed:
        within = sum(at <= other < at + WINDOW_S for other in unnamed)
        if within > MOST_AT_ONCE:
            yield Breach("L5", "hot_loop", f"429 at {at:.1f}", f"{within} calls within {WINDOW_S:.0f} s")
            break
    if doubly := [call for call in calls if call.retries]:
        yield Breach("L5", "two_layers", "model client", f"{len(doubly)} calls were retries of the client's own")


def payments_wait_as_told(seen: Evidence) -> Breaches:
    """L5 for the provider: the same payment does not come again before the time that a 429 named."""
    for told in seen.tries:
        if told.until is None or _could_be_missed(seen, told.at):
            continue
        early = [t for t in seen.tries if t.key == told.key and told.at + 0.05 < t.at < told.until - 0.001]
        if early:
            text = f"tried {len(early)} times before the time that was named"
            yield Breach("L5", "payment_too_early", told.key, text)


def _could_be_missed(seen: Evidence, at: float) -> bool:
    """Return whether something else broke so near that the answer may never have been heard."""
    return any(
        fault.since - 1 <= at <= fault.until + 1
        for fault in seen.injected
        if fault.name.startswith(("kill ", "freeze ", "network", "disk")) or "wire" in fault.place
    )


def one_message_per_approval(seen: Evidence) -> Breaches:
    """L6: each approval that is wanted is told by one message, under whatever many tries."""
    ids: dict[str, set[str]] = defaultdict(set)
    for word in seen.told:
        if word.subject.startswith("approval wanted"):
            ids[word.event_id].add(word.alert_id)
    for event_id, alerts in ids.items():
        if len(alerts) > 1 + sum(letter.event_id == event_id for letter in seen.letters):
            yield Breach("L6", "told_twice", event_id, f"{len(alerts)} messages want the same approval")


def refusals_are_quick(seen: Evidence) -> Breaches:
    """L7: while the pen refuses, each sender is answered within 5 s; every 503 and 429 says when to come again."""
    pressure = [fault for fault in seen.injected if fault.place in PRESSURE]
    broken = [fault for fault in seen.injected if fault.place in BREAKS_ANSWERS]
    limit = REFUSED_WITHIN_S * seen.patience
    for one in seen.sent:
        if one.status in {429, 503} and one.retry_after is None:
            yield Breach("L7", "no_retry_after", one.event_id, f"answered {one.status} without Retry-After")
        if not _during(one, pressure) or _during(one, broken, RESTART_S):
            continue
        took = one.answered - one.at
        if one.status == 0:
            yield Breach("L7", "no_answer", one.event_id, f"no answer within {took:.1f} s while the pen refused")
        elif took > limit:
            yield Breach("L7", "slow", one.event_id, f"{one.status} after {took:.1f} s while the pen refused")


def _during(one: Sent, faults: Iterable[Injected], after_s: float = 0.0) -> bool:
    return any(fault.since <= one.answered and one.at <= fault.until + after_s for fault in faults)


LIVENESS = (
    every_taken_webhook_ends,
    nothing_is_stuck,
    the_pen_is_drained,
    back_after_a_restart,
    models_are_left_alone,
    payments_wait_as_told,
    one_message_per_approval,
    refusals_are_quick,
)
