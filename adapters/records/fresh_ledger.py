"""The ledger where the records are outside: before a payment begins they are looked at once more."""

from collections.abc import Callable
from datetime import UTC, datetime

from adapters.records.outside import OutsideRecords
from adapters.store.database import Database
from adapters.store.ledger import SqlLedger
from domain.money.action import Action, Terms
from domain.money.effect import LedgerState
from domain.money.refund_action import RefundAction
from ports.ledger import LedgerRow


class FreshLedger(SqlLedger):
    """`Ledger` on SQL that looks into an outside system before an intention is written.

    A refund that waited for a person rests on what the records said when it was decided. What others paid back since
    must count, and a charge that has changed must stop it.
    """

    def __init__(
        self, database: Database, records: OutsideRecords, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(database, clock)
        self._records = records

    def intend(
        self,
        action: Action,
        *,
        step: str,
        approval_id: str | None,
        terms: Terms,
        now: datetime,
    ) -> LedgerRow:
        """Look at the records again, unless this payment was begun before, and go on as `SqlLedger` does.

        Raises:
            RefusedError: also where the order is gone or is somebody else's, or a charge of it has changed.
            EffectsStoppedError: the kill switch is on.
            TransientError, ToldToWaitError, ConfigurationError: also where the records cannot be asked.
        """
        row = self.find(action.key)
        if isinstance(action, RefundAction) and (row is None or row.state is LedgerState.ABANDONED):
            self._records.look_again(action)
        return super().intend(action, step=step, approval_id=approval_id, terms=terms, now=now)
