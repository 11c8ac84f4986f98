"""What the settings name beside the store: holding pen, outside records, mailbox, stand-in model; opened, asked for a
sign of life, shown.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from domain.errors import ConfigurationError, StatementRefusedError, UsageError
from domain.intake import MoveReport
from domain.turns import Turns
from workers.config.secret_files import secrets_in
from workers.config.settings import Settings
from workers.running import pen_in_use

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from activities.models.tending import BatchActivities
    from adapters.batches.sql import SqlBatches
    from adapters.inbox.opening import OpenedInbox
    from adapters.models.guards.limiters import Limiters
    from adapters.rails.embedded import EmbeddedRail
    from adapters.rails.stripe import StripeRail
    from adapters.records.source import RecordsSource
    from adapters.store.database import Database
    from domain.audit.model_log import AnsweredCall
    from domain.blueprint import Blueprint, ModelChoice
    from domain.cascade.known import ModelKnown
    from ports.incoming.mail_folder import MailFolder
    from ports.models.embedding import Embedder
    from ports.models.spend import SpendStore
    from ports.repair import DocumentMender

MAILBOX_PASSWORD = "HEADGATE_MAILBOX_PASSWORD"  # noqa: S105 - the variable's name


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


def open_batches(opened: "Callable[[], Database]") -> "SqlBatches":
    """Return where questions wait for batches, opened on first use."""
    from adapters.batches.sql import SqlBatches

    return SqlBatches(opened)


def open_tender(
    blueprint: "Blueprint", settings: Settings, spend: "SpendStore", opened: "Callable[[], Database]"
) -> "BatchActivities":
    """Return what sends batches and looks after them.

    Raises:
        ConfigurationError: a model has no key or price.
    """
    from activities.models.tending import BatchActivities
    from adapters.models.factory import build_batch_models

    url, secret = f"{settings.offline_model_url}/v1", secrets_in(os.environ)
    models = build_batch_models(blueprint, settings.models, secret, url)
    return BatchActivities(open_batches(opened), models, spend, blueprint.batch)


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


def keep_pen(settings: Settings) -> AbstractContextManager[None]:
    """Return what keeps the pen of these settings on record as the gateway's, as long as that runs."""
    return pen_in_use.pen_in_use(settings.data_dir, _pen_name(settings))


def another_pen(settings: Settings) -> str:
    """Return how the pen of these settings differs from that of the data dir's gateway, with the remedy; else ""."""
    try:
        return pen_in_use.another_pen(settings.data_dir, _pen_name(settings))
    except ConfigurationError:  # who opens it says so
        return ""


def require_drainable(settings: Settings, to: str) -> None:
    """Check that the pen may be moved to that of a URL. Raises as `pen_in_use.require_drainable`."""
    try:
        names = _pen_name(settings), _pen_name(settings.model_copy(update={"inbox": to}))
    except ConfigurationError:  # likewise
        return
    pen_in_use.require_drainable(settings.data_dir, *names)


def _pen_name(settings: Settings) -> str:
    """Return the pen as it is kept on record; the data dir's own file has one name however it is given."""
    shown = shown_pen(settings)
    own = f"sqlite://{settings.inbox_file.absolute()}"
    return shown_pen(settings.model_copy(update={"inbox": ""})) if shown == own else shown


def offline_model_app(
    admin_token: str | None = None,
    instance: Callable[[], str] | None = None,
    answered: "Callable[[AnsweredCall], None]" = lambda _: None,
    settings: Settings | None = None,
) -> "ASGIApp":
    """Return the embedded stand-in model as a web application; its admin endpoint needs the token.

    `instance` tells the id of the installation, which its health answer names; `answered` hears of each answer;
    `settings` name the data dir whose router it has, without them the one that ships.

    Raises:
        WeightsError: what the router was taught is not what it should be.
    """
    from adapters.models.offline.app import create_app
    from workers.local_models.router import open_router

    router = None if settings is None else open_router(settings)
    return create_app(admin_token=admin_token, router=router, instance=instance, answered=answered)


def document_mender() -> "DocumentMender":
    """Return what reads broken JSON."""
    from adapters.repair.mending import JsonMender

    return JsonMender()


def open_pen(url: str, settings: Settings, turns: Turns, database: "Callable[[], Database]") -> "OpenedInbox":
    """Return the holding pen of a URL; nothing is asked yet.

    Args:
        url: empty for the embedded pen.
        settings: where the embedded pen is, and how many payloads may wait.
        turns: of this process.
        database: opens the store, for the log of accepted events that brokers need.

    Raises:
        ConfigurationError: it is the URL of none.
    """
    from adapters.inbox.accepted_log import SqlAcceptedLog
    from adapters.inbox.opening import open_inbox

    limit = settings.inbox_limit
    return open_inbox(
        url, file=settings.inbox_file, log=lambda: SqlAcceptedLog(database()), turns=turns, max_waiting=limit
    )


def check_pen_url(settings: Settings) -> None:
    """Return if the settings name a holding pen; nothing is asked, opened or made. Raises as `open_pen`."""
    from adapters.inbox.opening import check_url

    check_url(settings.inbox)


async def move_pen(source: "OpenedInbox", open_target: "Callable[[], OpenedInbox]") -> MoveReport:
    """Move what waits in a pen to another one, and close that. Raises as `adapters.inbox.moving.move`.

    Raises:
        UsageError: the other one cannot be used as its URL says; the message names `--to`.
    """
    from adapters.inbox.moving import move

    with _told_of_option("--to"):
        target = open_target()
    try:
        with _told_of_option("--to"):
            await target.check_writable()
        return await move(source, target)
    finally:
        await target.close()


@contextmanager
def _told_of_option(option: str) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise UsageError(str(error).replace("HEADGATE_INBOX", option)) from None  # what was before may name a password


def open_limiters(settings: Settings) -> "Limiters":
    """Return what makes the limiters of models; nothing is asked yet. Raises ConfigurationError if its URL is wrong."""
    from adapters.models.guards.limiters import Limiters

    return Limiters(settings.redis, settings.model_callers)


def open_embedder(settings: Settings) -> "Embedder":
    """Return what turns texts into vectors, as the settings say; a server is not asked yet.

    Raises:
        ConfigurationError: there is no key for OpenAI, or the local model cannot be used.
    """
    from adapters.embedding.hashed import HashedEmbedder
    from workers.local_models.installed import open_local_embedder

    if settings.embedder == "openai":
        return _served_embedder(settings)
    return (
        HashedEmbedder() if settings.embedder == "hashed" else open_local_embedder(wanted=settings.embedder == "minilm")
    )


async def ask_embedder(settings: Settings) -> tuple[str, str]:
    """Have the embedder in use embed a word; return its name, and why it is weak (empty: it is not).

    Raises:
        TransientError, ToldToWaitError: a server does not answer, or says to wait.
        ConfigurationError: it cannot be used.
    """
    from adapters.embedding.hashed import WEAK, HashedEmbedder
    from adapters.embedding.served import ServedEmbedder

    alone = settings.model_copy(update={"redis": ""})  # one word takes no slot of others
    embedder = await asyncio.to_thread(open_embedder, alone)
    try:
        await embedder.embed(["hello"])
    finally:
        if isinstance(embedder, ServedEmbedder):
            await embedder.aclose()
    return embedder.name, WEAK if isinstance(embedder, HashedEmbedder) else ""


def _served_embedder(settings: Settings) -> "Embedder":
    from adapters.embedding.served import ServedEmbedder
    from domain.blueprint import ModelChoice
    from domain.moods.keys import mark_of

    url, own = settings.embedder_url, settings.embedder_key.get_secret_value()
    if url and not _is_web_address(url):
        raise ConfigurationError("HEADGATE_EMBEDDER_URL is no address: expected one such as http://127.0.0.1:11434/v1")
    choice = ModelChoice(provider="openai", model=settings.embedder_model, base_url=url, rpm=settings.embedder_rpm)
    key = own or (secrets_in(os.environ)(choice.key_variable) if choice.key_variable else "none-needed")
    if not key:
        raise ConfigurationError(
            "HEADGATE_EMBEDDER='openai': no key; set HEADGATE_EMBEDDER_KEY or OPENAI_API_KEY, or name a server by "
            "HEADGATE_EMBEDDER_URL"
        )
    limiter = open_limiters(settings).of(choice, mark_of(key))
    return ServedEmbedder(choice, api_key=key, size=settings.embedder_size, limiter=limiter)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


async def ask_limiters(settings: Settings) -> str:
    """Ask the Redis of the limiters for a sign of life. Raises as `adapters.models.guards.limiters.ask_limiters`."""
    from adapters.models.guards.limiters import ask_limiters as ask

    return await ask(settings.redis)


async def ask_pen(settings: Settings) -> str:
    """Ask the holding pen for a sign of life and return which it is. Raises as `adapters.inbox.opening.ask_inbox`."""
    from adapters.inbox.opening import ask_inbox

    await ask_inbox(settings.inbox)
    return shown_pen(settings)


async def ask_models(choices: "Sequence[ModelChoice]") -> "list[ModelKnown]":
    """Ask the providers whether they have these models; bounded in time, and whatever they answer is an answer."""
    from adapters.models.listing import ask_for_models

    return await ask_for_models(choices, secrets_in(os.environ))


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


def mailbox_opener(url: str, environ: Mapping[str, str]) -> "Callable[[], MailFolder]":
    """Return what connects to the mailbox at a URL, with the password that the environment names; nothing is asked yet.

    Raises:
        UsageError: the URL is none, or there is no password.
        ConfigurationError: the file with the password cannot be read.
    """
    from adapters.mailbox.address import mailbox_address
    from adapters.mailbox.imap import ImapMailbox
    from workers.config.secret_files import read_secret

    address = mailbox_address(url)
    if not read_secret(MAILBOX_PASSWORD, environ):
        raise UsageError(f"no password for the mailbox: set {MAILBOX_PASSWORD}, or {MAILBOX_PASSWORD}_FILE")
    # Read for each connection: a file may have another one by then.
    return lambda: ImapMailbox(address, read_secret(MAILBOX_PASSWORD, environ))


def open_rail(settings: Settings) -> "EmbeddedRail | StripeRail":
    """Return the payment provider that the settings name. Raises ValueError if its key is missing."""
    if settings.rail == "stripe":
        import httpx

        from adapters.rails.stripe import StripeRail

        return StripeRail(
            settings.stripe_api_key.get_secret_value(),
            httpx.AsyncClient(timeout=20),  # below the action's own timeout
            settings.stripe_base_url,
        )
    from adapters.rails.embedded import EmbeddedRail

    return EmbeddedRail(settings.rail_file)
