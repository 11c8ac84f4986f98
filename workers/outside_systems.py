"""The store and the outside system of records that the settings name: opened, asked for a sign of life, shown."""

from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError, StatementRefusedError, UsageError
from workers.settings import Settings

if TYPE_CHECKING:
    from adapters.records.source import RecordsSource


def ask_store(url: str) -> str:
    """Check that the store answers and return its URL without the password. Creates and migrates nothing.

    Raises:
        ConfigurationError: the URL cannot be read, the driver is not installed, or the database refuses.
        TransientError: the database cannot be reached.
    """
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from adapters.store.database import Database

    database = Database(url)
    try:
        with database.reading() as connection:
            connection.execute(text("SELECT 1"))
    except (StatementRefusedError, SQLAlchemyError) as error:
        raise ConfigurationError(str(error)) from error
    finally:
        database.close()
    return database.url.render_as_string(hide_password=True)


def shown_store(settings: Settings) -> str:
    """Return the URL of the store as people may see it: without password and options."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(settings.store).set(query={}).render_as_string(hide_password=True)
    except ArgumentError:
        return "unknown, HEADGATE_STORE_URL is no URL"


def shown_pen(settings: Settings) -> str:
    """Return the holding pen as people may see it: without password and options."""
    from adapters.inbox.opening import shown_inbox

    return shown_inbox(settings.inbox)


async def ask_pen(settings: Settings) -> str:
    """Ask the holding pen for a sign of life and return which it is. Raises as `adapters.inbox.opening.ask_inbox`."""
    from adapters.inbox.opening import ask_inbox

    await ask_inbox(settings.inbox)
    return shown_pen(settings)


def open_outside_records(settings: Settings) -> "RecordsSource | None":
    """Return the outside system that the settings name, None where records are in the store; nothing is asked yet.

    Raises:
        UsageError: a setting is missing.
        ConfigurationError: the mapping is wrong; the message names file and key.
    """
    from adapters.records.opening import open_records

    if settings.records == "store":
        return None
    missing = [name for name in ("records_file", "records_url") if not getattr(settings, name)]
    if missing:
        named = " and ".join(f"HEADGATE_{name.upper()}" for name in missing)
        raise UsageError(f"HEADGATE_RECORDS={settings.records!r} needs {named}: docs/records.md shows both")
    return open_records(
        settings.records,
        file=Path(settings.records_file or ""),
        url=settings.records_url,
        token=settings.records_token.get_secret_value(),
    )


def ask_records(settings: Settings) -> str:
    """Ask the outside system of records for a sign of life and return what answered, without secrets.

    Raises:
        UsageError: a setting is missing.
        HeadgateError: it cannot be reached, refuses us, or is not as the mapping says.
    """
    source = open_outside_records(settings)
    if source is None:
        return "the store"
    try:
        return source.check()
    finally:
        source.close()
