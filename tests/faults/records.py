"""What the harness itself wrote down, outside the product: the only thing that its audit believes.

Times are Unix seconds of this machine, money is in minor units.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Asked:
    """What an event asks for, by the harness's own books; without a charge it asks for no money.

    `due`: the records bear it out. `needs_approval`: the amount is at or above the limit.
    """

    event_id: str
    kind: str
    order_id: str = ""
    charge_id: str = ""
    amount_minor: int = 0
    currency: str = ""
    payee: str = ""
    customer_id: str = ""
    due: bool = False
    needs_approval: bool = False


@dataclass(frozen=True)
class Sent:
    """One try to hand in a webhook. `kind` is event, duplicate, other_body or hostile; `status` 0: no answer came."""

    event_id: str
    kind: str
    digest: str
    at: float
    answered: float
    status: int
    retry_after: str | None = None
    order_id: str = ""  # named in this body, which tells a body from another one wherever it turns up

    @property
    def taken(self) -> bool:
        """Whether it was answered 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Effect:
    """Something that the provider executed."""

    key: str
    reference: str
    charge_id: str
    amount_minor: int
    currency: str
    payee: str
    at: float

    @property
    def event_id(self) -> str:
        """The event that its key names: `case/{source}/{event}/…`."""
        parts = self.key.split("/")
        return parts[2] if len(parts) > 2 else self.key


@dataclass(frozen=True)
class PayTry:
    """A request to pay that reached the provider; `until` is the time that a 429 named, None where none."""

    key: str
    digest: str
    at: float
    outcome: str
    until: float | None = None


@dataclass(frozen=True)
class ModelCall:
    """A request that reached the model server; `until` as in `PayTry`, `retries` as the client's own header says."""

    at: float
    answered: float
    status: int
    until: float | None = None
    retries: int = 0
    orders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decided:
    """What a person said on an approval, or a cancellation; `counted` None: the answer got lost."""

    event_id: str
    verdict: str  # approve, reject or cancel
    by: str
    at: float
    answered: float
    counted: bool | None
    entitled: bool = True


@dataclass(frozen=True)
class Told:
    """A word that reached the supervisor's webhook."""

    alert_id: str
    subject: str
    event_id: str
    at: float


@dataclass(frozen=True)
class Injected:
    """A fault from when it was injected until it was lifted. `place`: what it touched; `fired` how often."""

    name: str
    place: str
    since: float
    until: float
    fired: int = 1
    detail: str = ""


@dataclass(frozen=True)
class CaseRun:
    """A run of a case's workflow as Temporal tells it; `waits_until` is the deadline of one that waits."""

    event_id: str
    run_id: str
    status: str
    state: str | None
    started: float
    closed: float | None = None
    waits_until: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class Letter:
    """A dead letter."""

    dead_letter_id: str
    source: str
    case_id: str
    reason: str
    attempts: int
    status: str
    kind: str = ""

    @property
    def event_id(self) -> str:
        """The event whose case it is of."""
        return self.case_id.rpartition("/")[2]


@dataclass(frozen=True)
class Booked:
    """An executed effect in the product's ledger."""

    key: str
    amount_minor: int
    currency: str
    payee: str


@dataclass(frozen=True)
class Stopped:
    """A time for which the kill switch was on: from the answer to `stop` to the request of `allow`."""

    since: float
    until: float


@dataclass
class Evidence:
    """Everything that is known at the end; `now` is when it was looked at, after the quiet."""

    asked: list[Asked] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    tries: list[PayTry] = field(default_factory=list)
    calls: list[ModelCall] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    injected: list[Injected] = field(default_factory=list)
    stops: list[Stopped] = field(default_factory=list)
    runs: list[CaseRun] = field(default_factory=list)
    stuck: dict[str, str] = field(default_factory=dict)  # workflow id -> what holds it up
    letters: list[Letter] = field(default_factory=list)
    pen: dict[str, int] = field(default_factory=dict)  # ready, leased
    booked: list[Booked] = field(default_factory=list)
    booked_before: list[Booked] = field(default_factory=list)  # the same, looked at in the middle
    balance: dict[str, int] = field(default_factory=dict)  # currency -> debits minus credits
    stored: dict[str, str] = field(default_factory=dict)  # order id of a refused body -> file that has it
    alarms: set[str] = field(default_factory=set)  # events of which an alarm was raised
    caps: dict[str, int] = field(default_factory=dict)  # currency -> daily cap of a customer
    charges: dict[str, int] = field(default_factory=dict)  # charge -> amount
    now: float = 0.0
    quiet_s: float = 120.0  # so long after the faults were lifted it was looked at, seconds
    patience: float = 1.0  # by which the promised times are multiplied on a busy machine

    def taken(self) -> set[str]:
        """Return the events that were answered 2xx at least once, as themselves."""
        return {one.event_id for one in self.sent if one.taken and one.kind in {"event", "duplicate"}}


@dataclass(frozen=True)
class Breach:
    """A broken promise."""

    promise: str
    kind: str
    subject: str
    text: str


Breaches = Iterator[Breach]


class Book:
    """An append-only file of records, each a line, on disk before the next one is made."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self.rows: list[Any] = []

    def write(self, record: Any) -> None:
        """Add a record; from any thread."""
        line = json.dumps(asdict(record), ensure_ascii=False)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()
            self.rows.append(record)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
