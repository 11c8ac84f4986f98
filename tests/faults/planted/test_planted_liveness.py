"""The audit of liveness, the table and T1 are tried themselves: each planted breach is found."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults.own_word import differences
from tests.faults.planted.clean_record import NOW, SMALL, T, clean, paid, run, sent
from tests.faults.records import Evidence, Injected, ModelCall, PayTry, Sent, Told
from tests.faults.table import as_markdown, breaches_of, growth_of, rows_of

Lie = Callable[[Evidence], object]
KEY = "case/shop/small/refund"

LIES: list[tuple[str, str, Lie]] = [
    ("L1", "lost", lambda e: e.sent.append(sent("gone", 20))),
    ("L1", "lost", lambda e: e.sent.append(sent("gone", 20, kind="duplicate"))),
    ("L1", "twice", lambda e: e.runs.extend([run("question", 300), run("question", 320)])),
    ("L1", "not_settled", lambda e: _change_run(e, "small", status="running", state="running", closed=None)),
    ("L1", "no_ending", lambda e: _change_run(e, "small", status="failed")),
    ("L1", "no_ending", lambda e: _change_run(e, "small", status="terminated", state="waiting_human")),
    ("L1", "no_ending", lambda e: _change_run(e, "small", state="running")),
    ("L1", "no_deadline", lambda e: _change_run(e, "open", waits_until=NOW - 1)),
    ("L1", "no_deadline", lambda e: _change_run(e, "open", waits_until=None)),
    ("L2", "stuck", lambda e: e.stuck.update({"case/shop/open": "its workflow task fails, attempt 9"})),
    ("L3", "not_drained", lambda e: e.pen.update(ready=1)),
    ("L3", "not_drained", lambda e: e.pen.update(leased=1)),
    ("L3", "incomplete_letter", lambda e: _change_letter(e, reason="")),
    ("L3", "incomplete_letter", lambda e: _change_letter(e, attempts=0)),
    ("L3", "letter_open", lambda e: _change_letter(e, status="open")),
    ("L4", "not_finished", lambda e: _without_ends_after(e, 295)),
    ("L4", "not_taken", lambda e: _without_sent_after(e, 390)),
    ("L4", "not_taken", lambda e: _without_sent_after(e, 290)),
    ("L5", "too_early", lambda e: e.calls.append(ModelCall(T + 205, T + 206, 200))),
    ("L5", "too_early", lambda e: e.calls.append(ModelCall(T + 209.9, T + 210.1, 429))),
    ("L5", "hot_loop", lambda e: e.calls.extend(ModelCall(T + 250 + n / 10, T + 251, 429) for n in range(60))),
    ("L5", "two_layers", lambda e: e.calls.append(ModelCall(T + 250, T + 251, 200, retries=1))),
    ("L5", "payment_too_early", lambda e: e.tries.extend(_tries(20, 22, until=25))),
    ("L6", "told_twice", lambda e: e.told.append(Told("another", "approval wanted: Refund", "large", T + 45))),
    ("L7", "slow", lambda e: e.sent.append(_slow("small", 202))),
    ("L7", "slow", lambda e: e.sent.append(_slow("small", 503))),
    ("L7", "no_answer", lambda e: e.sent.append(_slow("small", 0))),
    ("L7", "no_retry_after", lambda e: e.sent.append(sent("small", 500, 503))),
]


def _change_run(seen: Evidence, event_id: str, **changed: object) -> None:
    seen.runs = [
        replace(one, **changed) if one.event_id == event_id else one  # type: ignore[arg-type]
        for one in seen.runs
    ]


def _change_letter(seen: Evidence, **changed: object) -> None:
    seen.letters[0] = replace(seen.letters[0], **changed)  # type: ignore[arg-type]


def _without_ends_after(seen: Evidence, began: float) -> None:
    seen.runs = [replace(one, closed=T + 900) if one.started >= T + began else one for one in seen.runs]


def _without_sent_after(seen: Evidence, at: float) -> None:
    seen.sent = [one for one in seen.sent if one.at < T + at]


def _tries(*at: float, until: float) -> list[PayTry]:
    return [PayTry(KEY, "d", T + n, "refused 429", T + until) for n in at]


def _slow(event_id: str, status: int) -> Sent:
    return sent(event_id, 103, status, answered=T + 108.5, retry_after="5")


@pytest.mark.parametrize(("promise", "kind", "lie"), LIES, ids=[f"{p}-{k}-{n}" for n, (p, k, _) in enumerate(LIES)])
def test_a_planted_breach_is_found(promise: str, kind: str, lie: Lie) -> None:
    seen = clean()
    lie(seen)
    assert (promise, kind) in {(breach.promise, breach.kind) for breach in breaches_of(seen)}


def test_every_check_of_liveness_has_a_lie() -> None:
    assert {promise for promise, _, _ in LIES} == {f"L{n}" for n in range(1, 8)}


def test_a_case_that_was_replayed_may_have_a_second_run() -> None:
    seen = clean()
    seen.runs.append(run("small", 400))
    assert breaches_of(seen) == []


def test_what_another_fault_holds_up_is_not_told_of_a_kill() -> None:
    seen = clean()
    _without_ends_after(seen, 295)
    seen.injected = [*seen.injected[:2], Injected("freeze Temporal", "temporal", T + 310, T + 330)]
    assert breaches_of(seen) == []


def test_a_429_that_may_never_have_been_heard_binds_nobody() -> None:
    seen = clean()
    seen.calls.append(ModelCall(T + 205, T + 206, 200))
    seen.injected.append(Injected("kill worker-model", "worker-model", T + 200.5, T + 200.5))
    found = [breach.subject for breach in breaches_of(seen) if breach.promise == "L5"]
    assert found == [], "both answers of 429 came within a second of the kill"


def test_the_table_counts_what_was_under_way_during_a_fault() -> None:
    seen = clean()
    seen.sent.append(sent("gone", 105))
    seen.effects.append(paid(SMALL, 106, key="case/shop/gone/refund"))
    rows = {row.fault: row for row in rows_of(seen, breaches_of(seen))}
    disk, whole, killed = rows["disk full"], rows["the whole run"], rows["kill worker-case"]
    assert (disk.sent, disk.taken, disk.lost, disk.times) == (2, 1, 1, 1)
    assert (whole.lost, whole.doubled) == (1, 1)
    assert (killed.lost, killed.taken_after_s, killed.finished_after_s) == (0, 1.1, 5.0)
    assert "| disk full | 1 | 2 | 1 | 1 |" in "\n".join(as_markdown(rows.values()))


def test_where_the_products_own_word_differs_is_said() -> None:
    seen = clean()
    word = {"checked": {"S1": 2}, "violations": []}
    counts = {
        "inbox": {"accepted": 7},
        "refunded_minor": {"USD": 605_000},
        "cases": {"done": 3, "waiting_approval": 1, "waiting_customer": 1},
    }
    assert differences(seen, [], word, counts) == []
    assert differences(seen, [], {}, counts)
    assert differences(seen, [], word | {"checked": {"S1": 1}}, counts)
    assert differences(seen, [], word | {"violations": [{"promise": "S2"}]}, counts)
    assert differences(seen, [], word, counts | {"inbox": {"accepted": 8}})
    assert differences(seen, [], word, counts | {"refunded_minor": {"USD": 1}})
    assert differences(seen, [], word, counts | {"cases": {}})
    seen.effects.append(paid(SMALL, 25))
    assert len(differences(seen, breaches_of(seen), word, counts)) > 2


def test_memory_that_grows_is_seen_and_a_restart_is_no_growth() -> None:
    mb = 1024**2
    flat = [(T + n * 5, "gateway", 1, 100 * mb) for n in range(200)]
    grows = [(T + n * 5, "worker-case", 2, 100 * mb + n * mb) for n in range(200)]
    young = [(T + n, "worker-case", 3, 300 * mb) for n in range(10)]
    found = {growth.role: growth for growth in growth_of([*flat, *grows, *young])}
    assert found["gateway"].flat
    assert not found["worker-case"].flat
    assert found["worker-case"].life_s == 995
