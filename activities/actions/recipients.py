"""Where the letter of a case goes."""

from domain.errors import ConfigurationError, RefusedError
from domain.mail.addresses import may_receive
from ports.store import CustomerRecords, StoredCase


class Recipients:
    """Finds whom a letter may go to."""

    def __init__(self, records: CustomerRecords) -> None:
        self._records = records

    def of(self, stored: StoredCase) -> str | None:
        """Return the address of a case's letters: the sender's, or that of the customer whom the message names by id;
        None where nobody may be written to.

        Raises:
            TransientError, ToldToWaitError: the records cannot be asked now.
        """
        address, case = stored.sender_email, stored.case
        if address is None and case.customer_id is not None:
            try:
                address = self._records.address_of(tenant=case.tenant, customer_id=case.customer_id)
            except (ConfigurationError, RefusedError):  # no case stays open because records are not as they should be
                return None
        return address if may_receive(address, case.policy.mail.own) else None
