"""The import: all files are read and checked first, and only if nothing at all is wrong one transaction writes them."""

import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from adapters.imports.checking import Checker
from adapters.imports.compared import TABLES, Compared, Values, as_new, compare
from adapters.imports.files import FoundFile, find_files, open_records
from adapters.imports.order_lines import LineImport, count_line
from adapters.imports.spool import RowChange, Spool
from adapters.store.database import RECORDS_LOCK, Database, upsert
from adapters.store.tables import customers
from domain.errors import StatementRefusedError, TransientError, UnreadableFileError
from domain.importing.kinds import Kind
from domain.importing.problems import ImportReport, Problems
from domain.importing.rows import Row, Times, read_row
from domain.money.lookup import email_key

STATEMENT_TIMEOUT_MS = 60_000
_KEY_COLUMN = {
    Kind.ACCOUNTS: "account_id",
    Kind.CUSTOMERS: "customer_id",
    Kind.ORDERS: "order_id",
    Kind.CHARGES: "charge_id",
    Kind.ORDER_LINES: "order_id",
    Kind.TERRITORIES: "country",
}


class _ChangedMeanwhileError(Exception):
    """What was checked does not hold any more; what is wrong was noted."""


def import_records(
    database: Database, path: Path, *, now: datetime, dry_run: bool = False, samples: bool = False
) -> ImportReport:
    """Load records from a CSV file or a folder of them; the same files again change nothing.

    With any problem nothing is written.

    Args:
        database: of the store.
        path: a CSV file, or a folder of them, each named after what it holds (`customers.csv`).
        now: the time of the import, with zone.
        dry_run: check everything, write nothing.
        samples: dates may be days from `now` (`-3d`), and what is in the store already stays as it is.

    Raises:
        OSError: there is nothing at this path, or a file cannot be read.
        TransientError: the store cannot be reached, somebody else changed the records meanwhile, or there is no room
            for temporary files.
    """
    problems = Problems()
    found = find_files(path, problems)
    report = ImportReport(files=[file.path.name for file in found], dry_run=dry_run)
    try:
        with Spool() as spool:
            for file in found:
                _read(file, spool, problems, Times(now, relative=samples))
            with database.reading() as connection:
                LineImport(connection, spool, problems, keep=samples).read_amounts()
                report.counts = Checker(connection, spool, problems, keep=samples).check_all()
            if not problems.count and not dry_run:
                _write_all(database, spool, problems, source="samples" if samples else "import", now=now, keep=samples)
    except sqlite3.Error as error:  # of the spool: the store's own come as errors of SQLAlchemy
        raise TransientError(
            f"{tempfile.gettempdir()!r} cannot hold temporary files ({error}): name another by TMPDIR"
        ) from error
    report.problems, report.problem_count = problems.first, problems.count
    return report


def _read(found: FoundFile, spool: Spool, problems: Problems, times: Times) -> None:
    kind = found.kind
    try:
        with found.path.open("rb") as file:
            opened = open_records(found, file, problems)
            kind = opened.header.kind
            for line, fields in opened.rows:
                _spool(read_row(opened.header, line, fields, times, problems), spool, problems)
    except UnreadableFileError:
        spool.incomplete.update([kind] if kind is not None else Kind)


def _spool(row: Row, spool: Spool, problems: Problems) -> None:
    if row.kind is Kind.ORDER_LINES:
        count_line(row, spool, problems)
    first = spool.add(row)
    if first is not None:
        column = _KEY_COLUMN[row.kind]
        expected = f"expected each {column.removesuffix('_id')} once, it stands in line {first.line} too"
        problems.add(
            row.file, expected, "keep one of the two lines", line=row.line, column=column, value=row.values[column]
        )
        return
    address = row.values.get("email")
    if row.key is None or not isinstance(address, str):
        return
    holder = spool.add_email(row, email_key(address) or "")
    if holder is not None:
        expected = f"expected an address of this customer alone, line {holder.line} has it too"
        problems.add(row.file, expected, "mend one of the two", line=row.line, column="email", value=address)


class _Writer:
    """Writes the marked rows: what others changed since they were checked ends the import."""

    def __init__(
        self, connection: Connection, spool: Spool, problems: Problems, *, source: str, now: datetime, keep: bool
    ) -> None:
        self._connection = connection
        self._spool = spool
        self._problems = problems
        self._seen = {"source": source, "seen_at": now}
        self._keep = keep

    def write(self, kind: Kind) -> None:
        """Write a kind.

        Raises:
            _ChangedMeanwhileError: a row may not be changed any more.
            IntegrityError, StatementRefusedError: a record that was new, or an address that was free, no longer is.
        """
        if kind is Kind.CUSTOMERS:
            for found in self._changed(kind):
                self._release_emails(found)
        if kind is Kind.ORDER_LINES:
            self._begin_lines()
        checker = Checker(self._connection, self._spool, self._problems, keep=self._keep)
        for found in self._changed(kind):
            checker.check(kind, found)
            if self._problems.count:
                raise _ChangedMeanwhileError
            upsert(
                self._connection, TABLES[kind], [self._seen_so(kind, {**(o.before or {}), **o.after}) for o in found]
            )
        insert = sa.insert(TABLES[kind])
        for chunk in self._spool.chunks(kind, RowChange.NEW):
            self._connection.execute(insert, [self._seen_so(kind, as_new(waiting.row)) for waiting in chunk])

    def _begin_lines(self) -> None:
        lines = LineImport(self._connection, self._spool, self._problems, keep=self._keep)
        lines.check_sums()
        if self._problems.count:
            raise _ChangedMeanwhileError
        lines.remove_surplus()

    def _changed(self, kind: Kind) -> Iterator[list[Compared]]:
        for chunk in self._spool.chunks(kind, RowChange.CHANGED):
            found = compare(self._connection, kind, chunk, keep=self._keep)
            yield [one for one in found if one.is_new or one.is_changed]

    def _seen_so(self, kind: Kind, whole: Values) -> Values:
        return whole | self._seen if "source" in TABLES[kind].c else whole

    def _release_emails(self, found: list[Compared]) -> None:
        """Take addresses from customers who get another one: two may exchange theirs in one import."""
        for one in found:
            if (
                one.before is not None
                and "email_key" in one.after
                and one.before["email_key"] != one.after["email_key"]
            ):
                self._connection.execute(
                    sa.update(customers)
                    .where(
                        customers.c.tenant == one.after["tenant"], customers.c.customer_id == one.after["customer_id"]
                    )
                    .values(email=None, email_key=None)
                )


def _write_all(database: Database, spool: Spool, problems: Problems, *, source: str, now: datetime, keep: bool) -> None:
    def work(connection: Connection) -> None:
        database.lock(connection, RECORDS_LOCK)
        if not database.is_sqlite:
            connection.execute(sa.text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"))
        writer = _Writer(connection, spool, problems, source=source, now=now, keep=keep)
        for kind in Kind:
            writer.write(kind)

    try:
        database.writing(work)
    except _ChangedMeanwhileError:
        return
    except (exc.IntegrityError, StatementRefusedError) as error:
        raise TransientError(
            "somebody else changed the records in the store meanwhile, nothing was imported: run the import again"
        ) from error
