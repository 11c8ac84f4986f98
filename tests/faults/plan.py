"""What is sent, decided before anything is: customers, orders, charges, and what each event may lead to.

Every parcel is lost by the records, so all that was paid for it goes back; which makes what is due plain arithmetic.
"""

import csv
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.faults.records import Asked

SOURCE = "shop"
LIMITS = {"USD": 500_000, "EUR": 500_000, "GBP": 400_000, "JPY": 750_000}  # as the default blueprint has them
CAPS = {"USD": 1_000_000, "EUR": 1_000_000, "GBP": 800_000, "JPY": 1_500_000}
OF_ONE_CUSTOMER = 4  # orders of a greedy customer, of which three fit under the cap
_KINDS = {"small": 46, "question": 30, "large": 12, "greedy": 6, "foreign": 6}  # of a hundred events
_VERDICTS = {"approve": 45, "reject": 20, "both": 10, "requester": 5, "cancel": 10, "leave": 10}
_ASKS = "Hello, my order {order} has never arrived. Please refund it."
_QUESTIONS = (
    "My printer is offline and the print jobs are stuck in the queue.",
    "printer offline again, print jobs stuck in the queue, laptop sees it only sometimes",
)
FIRST_ORDER, FIRST_REFUSED = 100_001, 900_001


@dataclass(frozen=True)
class Event:
    """A webhook to send, what it may lead to, and what people are to say if it halts for approval."""

    asked: Asked
    body: dict[str, Any]
    verdict: str

    @property
    def raw(self) -> bytes:
        """The bytes that are signed and sent."""
        return json.dumps(self.body).encode()


class Plan:
    """Events by seed, as many as wanted; all of their orders are in the records before the first one is sent."""

    def __init__(self, seed: int, count: int) -> None:
        self._rng = random.Random(f"plan {seed}")
        self._order = FIRST_ORDER
        self._greedy = 0
        self._writers: list[str] = []  # customers without an order of their own
        self.orders: list[Asked] = []
        self.events = [self._event(n) for n in range(count)]
        self._refused = FIRST_REFUSED

    def _event(self, number: int) -> Event:
        rng, event_id = self._rng, f"f-{number:06}"
        kind = rng.choices([*_KINDS], [*_KINDS.values()])[0]
        verdict = rng.choices([*_VERDICTS], [*_VERDICTS.values()])[0]
        if kind == "question":
            body = {"channel": "web", "text": rng.choice(_QUESTIONS), "customer": {"id": self._stranger()}}
            return Event(Asked(event_id, kind), body, "leave")
        asked = self._order_of(event_id, kind)
        self.orders.append(asked)
        writes = asked.customer_id
        if kind == "foreign":  # somebody asks for the money of another one's order
            writes = self._stranger()
        text = _ASKS.format(order=asked.order_id)
        return Event(asked, {"channel": "web", "text": text, "customer": {"id": writes}}, verdict)

    def _stranger(self) -> str:
        self._writers.append(f"K-8{len(self._writers):05}")
        return self._writers[-1]

    def _order_of(self, event_id: str, kind: str) -> Asked:
        rng, number = self._rng, self._order
        self._order += 1
        currency, customer = rng.choice([*LIMITS]), f"K-{number}"
        amount = rng.randint(900, 40_000)
        if kind == "large":
            amount = rng.randint(LIMITS[currency], LIMITS[currency] * 19 // 10)
        elif kind == "greedy":
            currency, amount = "USD", 300_000
            customer = f"K-9{self._greedy // OF_ONE_CUSTOMER:05}"
            self._greedy += 1
        return Asked(
            event_id=event_id,
            kind=kind,
            order_id=f"ORD-{number}",
            charge_id=f"CH-{number}",
            amount_minor=amount,
            currency=currency,
            payee=f"card:visa-{number}",
            customer_id=customer,
            due=kind != "foreign",
            needs_approval=kind == "large",
        )

    def refused_body(self) -> tuple[str, bytes]:
        """Return a body for a request that is to be refused, and the order that it alone names."""
        order = f"ORD-{self._refused}"
        self._refused += 1
        body = {"channel": "web", "text": _ASKS.format(order=order), "customer": {"id": "K-800000"}}
        return order, json.dumps(body).encode()

    def write_records(self, folder: Path) -> None:
        """Write the files of `headgate records import`."""
        folder.mkdir(parents=True, exist_ok=True)
        now = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        customers = dict.fromkeys([*self._writers, *(one.customer_id for one in self.orders)])
        tables: dict[str, Iterator[tuple[object, ...]]] = {
            "customers.csv": ((c, f"{c.lower()}@example.com", "Ann Example") for c in customers),
            "orders.csv": ((o.order_id, o.customer_id, "lost", now, _money(o), o.currency) for o in self.orders),
            "charges.csv": ((o.charge_id, o.order_id, _money(o), o.currency, now, o.payee) for o in self.orders),
        }
        heads = {
            "customers.csv": "customer_id,email,name",
            "orders.csv": "order_id,customer_id,status,placed_at,total,currency",
            "charges.csv": "charge_id,order_id,amount,currency,captured_at,payee",
        }
        for name, rows in tables.items():
            with (folder / name).open("w", encoding="utf-8", newline="") as file:
                file.write(heads[name] + "\n")
                csv.writer(file).writerows(rows)


def _money(order: Asked) -> str:
    if order.currency == "JPY":
        return str(order.amount_minor)
    return f"{order.amount_minor // 100}.{order.amount_minor % 100:02}"
