"""A payment provider for tests: in memory."""

from datetime import UTC, datetime

from domain.audit.facts import RailEntry
from domain.errors import RefusedError
from domain.money.action import Action
from ports.rail import Fate, RailReceipt, WentBack, only_refund


class FakeRail:
    """`Rail` that remembers; `failures` are raised first, `lost` after the payment was made. What is in `fates` is
    pending until it is asked about.
    """

    def __init__(self) -> None:
        self.entries: list[RailEntry] = []
        self.failures: list[Exception] = []
        self.lost: list[Exception] = []
        self.calls: list[Action] = []
        self.fates: dict[str, Fate | Exception] = {}

    async def pay(self, action: Action) -> RailReceipt:
        """Pay once per key."""
        self.calls.append(action)
        if self.failures:
            raise self.failures.pop(0)
        known = await self.find(action.key)
        if known is None:
            self.entries.append(
                RailEntry(
                    key=action.key,
                    reference=f"fake_{len(self.entries) + 1}",
                    kind=action.kind,
                    charge_id=getattr(action, "charge_id", None),
                    payee=action.payee,
                    amount_minor=action.money.minor,
                    currency=action.money.currency,
                    digest=action.digest(),
                    at=datetime.now(UTC),
                )
            )
        elif (known.amount_minor, known.currency) != (action.money.minor, action.money.currency):
            raise RefusedError(f"key {action.key!r} was used for another payment")
        if self.lost:
            raise self.lost.pop(0)
        receipt = await self.find(action.key)
        assert receipt is not None
        return receipt

    async def find(self, key: str, action: Action | None = None) -> RailReceipt | None:
        """Return the receipt under a key."""
        for entry in self.entries:
            if entry.key == key:
                return RailReceipt(
                    key=key,
                    reference=entry.reference,
                    amount_minor=entry.amount_minor,
                    currency=entry.currency,
                    payee=entry.payee,
                    pending=entry.reference in self.fates,
                )
        return None

    async def went_back(self, action: Action) -> WentBack:
        """Add up what was paid back of the charge."""
        charge_id = only_refund(action).charge_id
        others = sum(e.amount_minor for e in self.entries if e.charge_id == charge_id and e.key != action.key)
        return WentBack(others_minor=others, own=await self.find(action.key))

    async def newest(self, limit: int) -> list[RailEntry]:
        """Return the newest payments, the newest first."""
        return self.entries[::-1][:limit]

    async def fate(self, reference: str) -> Fate:
        """Return what became of a payment."""
        fate = self.fates[reference]
        if isinstance(fate, Exception):
            raise fate
        return fate

    async def log(self) -> list[RailEntry]:
        """Return every payment."""
        return list(self.entries)
