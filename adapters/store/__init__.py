"""The store on SQL: one engine, one attribute per port.

store = open_store("sqlite:////var/lib/headgate/store.db")
store.ledger.intend(...)
"""

from adapters.store.approvals import SqlApprovalTrail
from adapters.store.audit_rows import SqlAuditReader
from adapters.store.cases import SqlCaseStore
from adapters.store.crm import SqlCrm
from adapters.store.database import Database
from adapters.store.dead_letters import SqlDeadLetters
from adapters.store.effects import SqlSettling
from adapters.store.guards import SqlSwitches
from adapters.store.ledger import SqlLedger
from adapters.store.migrate import upgrade
from adapters.store.records import SqlCustomerRecords
from adapters.store.reports import SqlReports
from adapters.store.words import SqlWords


class Store:
    """Everything that Headgate keeps in SQL."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.cases = SqlCaseStore(database)
        self.records = SqlCustomerRecords(database)
        self.crm = SqlCrm(database)
        self.ledger = SqlLedger(database)
        self.settling = SqlSettling(database)
        self.dead_letters = SqlDeadLetters(database)
        self.switches = SqlSwitches(database)
        self.words = SqlWords(database)
        self.reports = SqlReports(database)
        self.audit = SqlAuditReader(database)
        self.trail = SqlApprovalTrail(database)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()


def open_store(url: str) -> Store:
    """Open the store and bring its tables up to this release; safe when several processes start at once.

    Args:
        url: `sqlite:///` and a path, or `postgresql://user:password@host/database`.

    Raises:
        ConfigurationError: the URL cannot be read, or the driver is not installed.
        TransientError: the database cannot be reached.
    """
    database = Database(url)
    upgrade(database)
    return Store(database)
