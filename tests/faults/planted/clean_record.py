"""A record in which every promise was kept, and small changes to it, for the tests of the audit itself."""

from dataclasses import replace
from typing import Any

from tests.faults.audit_liveness import ALL_LIFTED
from tests.faults.records import (
    Asked,
    Booked,
    CaseRun,
    Decided,
    Effect,
    Evidence,
    Injected,
    Letter,
    ModelCall,
    PayTry,
    Sent,
    Stopped,
    Told,
)

T = 1_796_000_000.0  # when it began, Unix seconds
NOW = T + 1000


def asked(event_id: str, number: int, amount: int, **changed: Any) -> Asked:
    """Return what an event asks: all of a charge, which is due."""
    return replace(
        Asked(
            event_id, "small", f"ORD-{number}", f"CH-{number}", amount, "USD", f"card:{number}", f"K-{number}", due=True
        ),
        **changed,
    )


def sent(event_id: str, at: float, status: int = 202, kind: str = "event", **changed: Any) -> Sent:
    """Return a try to hand in a webhook, answered after a tenth of a second."""
    return replace(Sent(event_id, kind, f"digest of {event_id}", T + at, T + at + 0.1, status), **changed)


def paid(due: Asked, at: float, **changed: Any) -> Effect:
    """Return just the payment that was due."""
    key = f"case/shop/{due.event_id}/refund"
    return replace(
        Effect(key, f"re_{due.event_id}", due.charge_id, due.amount_minor, due.currency, due.payee, T + at), **changed
    )


def run(event_id: str, began: float, state: str = "done", **changed: Any) -> CaseRun:
    """Return a case that took ten seconds."""
    ended = T + began + 10
    return replace(CaseRun(event_id, f"run-{event_id}", "completed", state, T + began, ended), **changed)


SMALL, LARGE = asked("small", 100_001, 5_000), asked("large", 100_002, 600_000, kind="large", needs_approval=True)
REFUSED, OPEN = (
    asked("refused", 100_003, 700_000, kind="large", needs_approval=True),
    asked("open", 100_004, 900_000, kind="large", needs_approval=True),
)
FOREIGN = asked("foreign", 100_005, 4_000, kind="foreign", due=False)
QUESTION = Asked("question", "question")
ASKED = (SMALL, LARGE, REFUSED, OPEN, FOREIGN, QUESTION)


def clean() -> Evidence:
    """Return a record without a single breach."""
    payments = [paid(SMALL, 20), paid(LARGE, 60)]
    at_taken = {one.event_id: 10.0 + n for n, one in enumerate(ASKED)}
    return Evidence(
        asked=list(ASKED),
        sent=[
            *(sent(name, at) for name, at in at_taken.items()),
            sent("small", 12, kind="duplicate"),
            sent("small", 30, 409, "other_body", order_id="ORD-900001"),
            sent("h-1", 31, 401, "hostile", order_id="ORD-900002"),
            sent("late", 105, 503, retry_after="5"),
            sent("question-2", 301),
            sent("question", 401),
        ],
        effects=payments,
        tries=[PayTry(one.key, "d", one.at, "executed") for one in payments],
        calls=[
            ModelCall(T + 200, T + 200.1, 429, until=T + 210),
            ModelCall(T + 201, T + 201.1, 429, until=T + 211),  # was under way
            ModelCall(T + 211.5, T + 212, 200, orders=("ORD-100001",)),
        ],
        decided=[
            Decided("large", "approve", "finance", T + 50, T + 50.5, True),
            Decided("large", "reject", "dana", T + 50, T + 50.6, False),
            Decided("large", "approve", "K-100002", T + 49, T + 49.1, False, entitled=False),
            Decided("refused", "reject", "finance", T + 55, T + 55.5, True),
        ],
        told=[Told("case/shop/large/approval/1", "approval wanted: Refund", "large", T + 40)],
        injected=[
            Injected("disk full", "disk", T + 100, T + 110),
            Injected("kill worker-case", "worker-case", T + 300, T + 300),
            Injected(ALL_LIFTED, "cycle", T + 400, T + 400),
        ],
        stops=[Stopped(T + 500, T + 510)],
        runs=[
            run("small", 12),
            run("large", 15),
            run("refused", 15, "rejected"),
            run("open", 16, "waiting_approval", status="running", closed=None, waits_until=NOW + 3600),
            run("foreign", 17, "waiting_customer", status="running", closed=None, waits_until=NOW + 3600),
            run("question", 295),
            run("question-2", 395),
        ],
        letters=[Letter("dl-1", "shop", "case/shop/small", "the provider was away", 4, "replayed", "transient")],
        pen={"ready": 0, "leased": 0},
        booked=[Booked(one.key, one.amount_minor, one.currency, one.payee) for one in payments],
        booked_before=[Booked(payments[0].key, 5_000, "USD", SMALL.payee)],
        balance={"USD": 0},
        alarms={"small"},
        caps={"USD": 1_000_000},
        charges={one.charge_id: one.amount_minor for one in ASKED if one.charge_id},
        now=NOW,
    )
