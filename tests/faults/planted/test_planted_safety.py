"""The audit of safety is itself tried: each planted breach is found, and a clean record has none."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults.planted.clean_record import FOREIGN, LARGE, OPEN, REFUSED, SMALL, T, clean, paid, run, sent
from tests.faults.records import Booked, Decided, Evidence, Injected, ModelCall, PayTry, Stopped
from tests.faults.table import breaches_of

Lie = Callable[[Evidence], object]


def _not_taken(seen: Evidence, event_id: str) -> None:
    seen.sent = [replace(one, status=503) if one.event_id == event_id else one for one in seen.sent]


def _change_payment(seen: Evidence, **changed: object) -> None:
    seen.effects[0] = replace(seen.effects[0], **changed)  # type: ignore[arg-type]


def _book(seen: Evidence, **changed: object) -> None:
    seen.booked[0] = replace(seen.booked[0], **changed)  # type: ignore[arg-type]


def _decide(seen: Evidence, verdict: str, **changed: object) -> None:
    """Have nothing decided on the large refund but this."""
    only = replace(seen.decided[0], verdict=verdict, **changed)  # type: ignore[arg-type]
    seen.decided = [d for d in seen.decided if d.event_id != LARGE.event_id] + [only]


def _pay_after_cancel(seen: Evidence) -> None:
    seen.decided.append(Decided(OPEN.event_id, "cancel", "faults", T + 65, T + 65.1, True))
    seen.effects.append(paid(OPEN, 70))


LIES: list[tuple[str, str, Lie]] = [
    ("S1", "no_cause", lambda e: e.effects.append(paid(replace(SMALL, event_id="nobody"), 70))),
    ("S1", "no_cause", lambda e: _not_taken(e, "small")),
    ("S1", "other_charge", lambda e: _change_payment(e, charge_id="CH-100009")),
    ("S2", "doubled", lambda e: e.effects.append(paid(SMALL, 25, key="case/shop/small/refund/2"))),
    ("S2", "doubled", lambda e: e.effects.append(paid(SMALL, 25))),
    ("S2", "other_money", lambda e: _change_payment(e, amount_minor=4_999)),
    ("S2", "other_money", lambda e: _change_payment(e, currency="EUR")),
    ("S2", "other_money", lambda e: _change_payment(e, payee="card:mine")),
    ("S2", "not_due", lambda e: e.effects.append(paid(FOREIGN, 25))),
    ("S2", "other_bytes", lambda e: e.tries.append(PayTry(e.tries[0].key, "other", T + 21, "answered 400"))),
    ("S3", "no_approval", lambda e: e.effects.append(paid(OPEN, 70))),
    ("S3", "no_approval", lambda e: _decide(e, "approve", at=T + 61)),  # afterwards
    ("S3", "no_approval", lambda e: _decide(e, "approve", entitled=False, counted=False)),
    ("S3", "no_approval", lambda e: _decide(e, "approve", counted=False)),
    ("S3", "not_entitled", lambda e: _decide(e, "approve", entitled=False)),
    ("S4", "after_refusal", lambda e: e.effects.append(paid(REFUSED, 70))),
    ("S4", "after_refusal", _pay_after_cancel),
    ("S4", "both_counted", lambda e: e.decided.append(Decided("large", "reject", "dana", T + 50, T + 50.6, True))),
    ("S5", "above_charge", lambda e: e.charges.update({SMALL.charge_id: 4_000})),
    ("S5", "above_daily_cap", lambda e: e.caps.update(USD=4_999)),
    ("S5", "after_kill_switch", lambda e: e.stops.append(Stopped(T + 10, T + 30))),
    ("S6", "not_booked", lambda e: e.booked.pop()),
    ("S6", "not_booked", lambda e: _book(e, amount_minor=1)),
    ("S6", "booked_without_effect", lambda e: e.booked.append(Booked("case/shop/x/refund", 1, "USD", "card:1"))),
    ("S6", "changed", lambda e: e.booked_before.append(Booked("case/shop/gone/refund", 1, "USD", "card:1"))),
    ("S6", "unbalanced", lambda e: e.balance.update(USD=-1)),
    ("S7", "taken", lambda e: e.sent.append(sent("h-2", 33, 202, "hostile"))),
    ("S7", "case", lambda e: e.runs.append(run("h-1", 33))),
    ("S7", "model_call", lambda e: e.calls.append(ModelCall(T + 34, T + 35, 200, orders=("ORD-900002",)))),
    ("S7", "stored", lambda e: e.stored.update({"ORD-900002": "inbox.db"})),
    ("S8", "not_409", lambda e: e.sent.append(sent("small", 35, 202, "other_body"))),
    ("S8", "not_409", lambda e: e.sent.append(sent("small", 35, 400, "other_body"))),
    ("S8", "second_body", lambda e: e.calls.append(ModelCall(T + 34, T + 35, 200, orders=("ORD-900001",)))),
    ("S8", "second_body", lambda e: e.stored.update({"ORD-900001": "store.db"})),
    ("S8", "no_alarm", lambda e: e.alarms.clear()),
]


def test_a_clean_record_passes() -> None:
    assert breaches_of(clean()) == []


@pytest.mark.parametrize(("promise", "kind", "lie"), LIES, ids=[f"{p}-{k}-{n}" for n, (p, k, _) in enumerate(LIES)])
def test_a_planted_breach_is_found(promise: str, kind: str, lie: Lie) -> None:
    seen = clean()
    lie(seen)
    assert (promise, kind) in {(breach.promise, breach.kind) for breach in breaches_of(seen)}


def test_an_approval_whose_answer_got_lost_may_have_counted() -> None:
    seen = clean()
    _decide(seen, "approve", counted=None)
    assert breaches_of(seen) == []


def test_what_a_person_approved_does_not_count_against_the_cap() -> None:
    seen = clean()
    seen.caps = {"USD": 5_000}
    assert breaches_of(seen) == []


def test_a_payment_that_was_begun_before_the_stop_may_end_after_it() -> None:
    seen = clean()
    seen.stops = [Stopped(T + 10, T + 30)]
    seen.tries.append(PayTry(seen.effects[0].key, "d", T + 14, "refused 500"))
    assert breaches_of(seen) == []


def test_an_alarm_cannot_be_raised_in_a_log_that_cannot_be_written() -> None:
    seen = clean()
    seen.alarms.clear()
    other = next(one for one in seen.sent if one.kind == "other_body" and one.status == 409)
    seen.injected.append(Injected("disk: no file", "disk", other.at, other.answered))
    assert breaches_of(seen) == []


def test_every_check_of_safety_has_a_lie() -> None:
    assert {promise for promise, _, _ in LIES} == {f"S{n}" for n in range(1, 9)}
