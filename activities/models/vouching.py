"""Who asked, as the records know them: only a customer on record vouches for an answer that others get."""

import logging
from collections.abc import Callable

from activities.clock import Clock, utc_now
from domain.case import CaseInput
from domain.errors import HeadgateError
from ports.store import CaseStore, CustomerRecords

_LOGGER = logging.getLogger("headgate.cache")


class VouchingCustomers:
    """Looks up who sent a case.

    An id that was sent proves nothing: "C-1" and "#C-1" are one customer, and a made-up one is none.

    Args:
        records: opens the system of record, when it is first asked.
        cases: opens the store of cases, which has the sender's address.
        clock: the time in UTC.
    """

    def __init__(
        self, records: Callable[[], CustomerRecords], cases: Callable[[], CaseStore], clock: Clock = utc_now
    ) -> None:
        self._records = records
        self._cases = cases
        self._clock = clock

    def id_of(self, case: CaseInput) -> str | None:
        """Return the id on record of the customer who sent a case and named themselves; None: there is none, or nobody
        can say now. Asks the records: for threads that may wait.
        """
        if case.customer_id is None:
            return None
        try:
            found = self._records().find_account(
                tenant=case.tenant,
                customer_id=case.customer_id,
                sender_email=self._cases().load(case.case_id).sender_email,
                order_id=None,
                now=self._clock(),
            )
        except (HeadgateError, KeyError, ValueError) as error:  # unknown cases, and inputs of other versions
            _LOGGER.warning("whether %s is of a customer on record is not known: %s", case.case_id, error)
            return None
        return found.customer.customer_id.casefold() if found.customer is not None else None
