"""Connections to somebody else's database: read-only where the database can, few, and bounded in time."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, Engine, make_url

from adapters.records.source import Deadline
from adapters.store.database import is_transient
from domain.errors import ConfigurationError, HeadgateError, TransientError

POOL_SIZE = 2
POOL_OVERFLOW = 6
CONNECT_WITHIN_S = 2
STATEMENT_TIMEOUT_MS = 6_000  # the look's own deadline is shorter; this holds for what it does not bound
STEPS_BETWEEN_LOOKS = 20_000  # of SQLite's virtual machine: some milliseconds

_READ_ONLY = {
    "default_transaction_read_only": "on",
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": 15_000,
}
# What psycopg says before the server gives codes: no waiting mends it.
_REFUSED = ("authentication failed", "no pg_hba.conf entry", "does not exist", "no password supplied")


def engine_for(url: str) -> Engine:
    """Return an engine; nothing is connected yet.

    Raises:
        ConfigurationError: the URL cannot be read, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed)
        return _server(parsed)
    except (exc.ArgumentError, exc.NoSuchModuleError):
        raise ConfigurationError(
            "HEADGATE_RECORDS_URL cannot be read: expected a SQLAlchemy URL, for example 'postgresql://user@host/shop'"
        ) from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"HEADGATE_RECORDS_URL needs the driver {error.name!r}: install it beside Headgate"
        ) from error


def _server(url: URL) -> Engine:
    pool = {"pool_size": POOL_SIZE, "max_overflow": POOL_OVERFLOW, "pool_timeout": CONNECT_WITHIN_S}
    if url.get_backend_name() not in ("postgresql", "postgres"):
        return sa.create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_recycle=1800, **pool)
    if "+" not in url.drivername:
        url = url.set(drivername="postgresql+psycopg")
    return sa.create_engine(
        url,
        hide_parameters=True,  # errors travel into histories; values may be personal data
        pool_pre_ping=True,
        pool_recycle=1800,
        isolation_level="REPEATABLE READ",  # an order and its charges as of one moment
        connect_args={
            "connect_timeout": CONNECT_WITHIN_S,
            "application_name": "headgate-records",
            "options": " ".join(f"-c {name}={value}" for name, value in _READ_ONLY.items()),
        },
        **pool,
    )


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigurationError("HEADGATE_RECORDS_URL names no SQLite file: expected 'sqlite:///' and a path")
    address = f"file:{quote(str(Path(url.database).absolute()))}?mode=ro"

    def connect() -> sqlite3.Connection:
        opened = sqlite3.connect(address, uri=True, timeout=CONNECT_WITHIN_S, check_same_thread=False)
        opened.isolation_level = None  # transactions begin where we say so
        opened.execute("PRAGMA query_only=ON")
        return opened

    engine = sa.create_engine(
        url.set(drivername="sqlite+pysqlite"),
        creator=connect,
        hide_parameters=True,
        poolclass=sa.QueuePool,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=CONNECT_WITHIN_S,
    )
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


@contextmanager
def bound_time(connection: Connection, deadline: Deadline) -> Iterator[None]:
    """Let the database itself stop a statement that outlasts the deadline, where it can."""
    bound_statement(connection, deadline)
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        yield
        return
    raw.set_progress_handler(deadline.passed, STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


def bound_statement(connection: Connection, deadline: Deadline) -> None:
    """Give the next statement what is left of the time.

    Raises:
        TransientError: nothing is.
    """
    left_ms = max(1, int(deadline.left_s() * 1000))
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {left_ms}")


def told(error: exc.SQLAlchemyError, url: URL, file: str) -> HeadgateError:
    """Return what the caller is told. A database's details repeat whole rows: they stay here."""
    where = url.render_as_string(hide_password=True)
    cause = getattr(error, "orig", None) or error
    said = getattr(getattr(cause, "diag", None), "message_primary", None) or " ".join(str(cause).split())[:200]
    if isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
        return TransientError(f"records {where!r} gave no answer in time")
    if is_transient(error) and not any(word in said for word in _REFUSED):
        return TransientError(f"records {where!r} cannot be asked now: {type(cause).__name__}: {said}")
    return ConfigurationError(
        f"records {where!r} refuse us ({type(cause).__name__}: {said}): compare {file} with the tables, and the rights "
        "of the user in HEADGATE_RECORDS_URL"
    )
