"""One engine for SQLite and PostgreSQL: transactions that check and write in one, trouble told as `TransientError`.

SQLite: WAL, every commit synced to disk, writers take the write lock first (`BEGIN IMMEDIATE`), so a check and the
write that rests on it cannot be parted by another process. PostgreSQL: READ COMMITTED, and writers first take the
advisory locks that they name (`lock`); each later statement then sees all that earlier holders committed.
"""

import random
import select
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from adapters.store.tables import UtcTime
from adapters.wal import switch_to_wal
from domain.errors import ConfigurationError, StatementRefusedError, TransientError

T = TypeVar("T")

RECORDS_LOCK = "records"
"""Held by whoever changes many records at once; shared by those who rest a payment or a copy on one of them."""

BUSY_TIMEOUT_S = 8.0  # below the 15 s that an activity on the store has, so the caller gets our error and not a timeout
RETRY_FOR_S = 3.0
POOL_SIZE = 2
POOL_OVERFLOW = 14
POOL_TIMEOUT_S = 10.0
ASKED_AFTER_S = 5.0  # a connection that rested longer is asked for a sign of life before it is used

_SQLITE_TRANSIENT = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
    }
)
_SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# SQLSTATE classes: connection, resources, operator intervention, system error, rollback (serialization, deadlock);
# then single codes: lock not available, and a read-only server, which is what a client sees during a failover.
_PG_TRANSIENT_CLASSES = ("08", "53", "57", "58", "40")
_PG_TRANSIENT_CODES = frozenset({"55P03", "25006"})
_PG_TIMEOUTS = {"statement_timeout": 10_000, "lock_timeout": 6_000, "idle_in_transaction_session_timeout": 15_000}
_PG_RETRY_CODES = frozenset({"40001", "40P01"})


class ServerNow(FunctionElement[datetime]):
    """The server's clock, inside a statement; NULL on SQLite, which has none of its own. `Database.clock` reads it."""

    name = "server_now"
    type = UtcTime()
    inherit_cache = True


@compiles(ServerNow)
def _no_clock(_element: ServerNow, _compiler: SQLCompiler, **_: object) -> str:
    return "NULL"


@compiles(ServerNow, "postgresql")
def _clock(_element: ServerNow, _compiler: SQLCompiler, **_: object) -> str:
    return "clock_timestamp()"


class Database:
    """The engine and its transactions."""

    def __init__(self, url: str) -> None:
        self.url = _normalised(url)
        self.engine = _make_engine(self.url)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is an SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads.

        Raises:
            TransientError: the database cannot be reached or is busy.
        """
        try:
            with self.engine.connect() as connection, connection.begin():
                yield connection
        except exc.SQLAlchemyError as error:
            raise self._told(error) from None

    def writing(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a writing transaction; it is run again when the database asks for it, so it does nothing else.

        Raises:
            TransientError: the database cannot be reached, is busy, or keeps refusing the transaction for some seconds.
        """
        give_up_at = time.monotonic() + RETRY_FOR_S
        pause_s = 0.01
        while True:
            try:
                with self.engine.connect().execution_options(headgate_writes=True) as connection, connection.begin():
                    return work(connection)
            except exc.SQLAlchemyError as error:
                if not _asks_for_another_try(error) or time.monotonic() + pause_s > give_up_at:
                    raise self._told(error) from None
            time.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, 0.5)

    def lock(self, connection: Connection, *names: str, shared: bool = False) -> None:
        """Hold these names until the transaction ends; `shared`: beside others who hold them so. SQLite writers hold
        the whole file already.
        """
        if self.is_sqlite:
            return
        take = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
        for name in sorted(set(names)):
            connection.execute(sa.select(take(sa.func.hashtextextended(name, 0))))

    def clock(self, connection: Connection, told: datetime | None = None) -> datetime:
        """Return the time by the one clock that all who use this database share: the server's, or this machine's.

        `told` is what a statement of now found in `ServerNow()`: it saves the question.
        """
        if self.is_sqlite:
            return datetime.now(UTC)
        if told is not None:
            return told
        at: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return at.astimezone(UTC)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _told(self, error: exc.SQLAlchemyError) -> Exception:
        """Return what the caller is told. PostgreSQL's details repeat whole rows: they stay here."""
        cause = getattr(error, "orig", None) or error
        said = getattr(getattr(cause, "diag", None), "message_primary", None)
        if is_transient(error):
            where = self.url.render_as_string(hide_password=True)
            told = said or str(cause).strip()[:200]
            away = TransientError(f"store {where!r} cannot be used now: {type(cause).__name__}: {told}")
            away.of_store = True
            return away
        if getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_DAMAGED:
            where = self.url.render_as_string(hide_password=True)
            return ConfigurationError(f"store {where!r} is damaged ({cause}): stop Headgate and put a backup back")
        return error if said is None else StatementRefusedError(f"{type(cause).__name__}: {said}")


def is_transient(error: exc.SQLAlchemyError) -> bool:
    """Tell trouble that time mends from a mistake in a statement."""
    if isinstance(error, exc.TimeoutError):  # no free connection in the pool
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        code = getattr(origin, "sqlite_errorcode", None)
        return code is not None and (code & 0xFF) in _SQLITE_TRANSIENT
    state = getattr(origin, "sqlstate", None)
    if state is None:  # the driver never reached the server
        return isinstance(error, exc.OperationalError | exc.InterfaceError)
    return state[:2] in _PG_TRANSIENT_CLASSES or state in _PG_TRANSIENT_CODES


def _asks_for_another_try(error: exc.SQLAlchemyError) -> bool:
    return isinstance(error, exc.DBAPIError) and getattr(error.orig, "sqlstate", None) in _PG_RETRY_CODES


def _normalised(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise ConfigurationError(
            "the store's URL cannot be read: expected for example 'sqlite:////var/lib/headgate/store.db' or 'postgresql://user@host/headgate'"
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ConfigurationError("the store's URL names no SQLite file: expected 'sqlite:///' and a path")
        return parsed.set(drivername="sqlite+pysqlite")
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise ConfigurationError(f"the store speaks SQLite and PostgreSQL, not {backend!r}")


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _make_sqlite_engine(url)
    try:
        engine = sa.create_engine(
            url,
            hide_parameters=True,  # errors travel into histories and logs; values may be personal data
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_TIMEOUT_S,
            pool_recycle=1800,
            isolation_level="READ COMMITTED",
            connect_args={
                "connect_timeout": 5,
                "application_name": "headgate",
                "options": " ".join(f"-c {name}={milliseconds}" for name, milliseconds in _PG_TIMEOUTS.items()),
            },
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"a PostgreSQL store needs the driver {error.name!r}: install Headgate with the extra 'postgresql' "
            "(`uv sync --extra postgresql`)"
        ) from error
    _look_before_use(engine)
    return engine


def _look_before_use(engine: Engine) -> None:
    """Replace connections that are dead by new ones, without a round trip for each use.

    What the server closed can be read from: a live connection at rest has nothing to say. One that died without a word
    is found by asking it, after a rest.
    """

    def used(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    def look(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        says = select.poll()
        try:
            says.register(connection.fileno(), select.POLLIN)
            if not says.poll(0) and time.monotonic() - record.info["used_at"] < ASKED_AFTER_S:
                return
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise exc.DisconnectionError("the server closed this connection") from error

    sa.event.listen(engine, "connect", used)
    sa.event.listen(engine, "checkin", used)
    sa.event.listen(engine, "checkout", look)


def _make_sqlite_engine(url: URL) -> Engine:
    assert url.database is not None  # _normalised refuses a URL without a file
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver would otherwise begin transactions by itself, and too late
        switch_to_wal(connection, BUSY_TIMEOUT_S)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-8000")

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("headgate_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", begin)
    return engine


# Any: values of columns of every type.
def insert_new(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, leaving alone those whose key is there already."""
    if rows:
        connection.execute(_insert(connection, table), rows)


def insert_first(connection: Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its key is there; return whether it was new."""
    # RETURNING, because drivers do not agree on the row count of an INSERT.
    first_key = next(iter(table.primary_key))
    return connection.execute(_insert(connection, table).returning(first_key), row).first() is not None


# Any: values of columns of every type.
def inserted(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> set[str]:
    """Insert rows unless their key (one text column) is there already; return the keys of the new ones."""
    first_key = next(iter(table.primary_key))
    return set(connection.execute(_insert(connection, table).returning(first_key), rows).scalars()) if rows else set()


def _insert(connection: Connection, table: sa.Table) -> sa.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


# Any: values of columns of every type.
def upsert(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, or set all columns of those whose key is there already. All rows must have the same columns."""
    if not rows:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(table)
    keys = {column.name for column in table.primary_key}
    others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=sorted(keys), set_=others), rows)
