"""The composition root: the only place that knows which store, inbox, rail, models and cleaner are in use.

Parts are built on first use and kept for the life of the process, so that each role opens only what it needs.
"""

import importlib
import inspect
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.blueprint import Blueprint
from domain.errors import ConfigurationError, StatementRefusedError, UsageError, not_among
from domain.importing.problems import ImportReport
from domain.model_call import Tier
from domain.specialists import SPECIALISTS
from workers.data_dir import keep_private
from workers.secret_files import secrets_in
from workers.settings import PROJECT, Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from activities.intake.admit import AdmitActivities
    from activities.journal.drain import JournalActivities
    from activities.letters import Letters
    from adapters.rails.embedded import EmbeddedRail
    from adapters.rails.stripe import StripeRail
    from adapters.records.outside import OutsideRecords
    from adapters.records.source import RecordsSource
    from adapters.store import Store
    from domain.reading.knowledge import Article
    from ports.cleaner import MailCleaner
    from ports.inbox import Inbox
    from ports.ledger import Ledger
    from ports.model import LanguageModel
    from ports.people import Notifier
    from ports.starter import CaseStarter
    from ports.store import CustomerRecords


def read_blueprint(settings: Settings) -> Blueprint:
    """Read the blueprint that the settings name.

    Raises:
        UsageError: there is no such folder.
        ConfigurationError: something in it is wrong; the message names the file and the key.
    """
    if not settings.blueprint.is_dir():
        raise UsageError(f"HEADGATE_BLUEPRINT={str(settings.blueprint)!r}: there is no such folder; name a blueprint's")
    return read_blueprint_folder(settings.blueprint)[0]


def read_blueprint_folder(folder: Path) -> "tuple[Blueprint, list[Article]]":
    """Read a blueprint and its knowledge articles as the workers would. Raises ConfigurationError as they do."""
    from activities.letters import Letters
    from adapters.blueprints.folder import load_all

    blueprint, articles = load_all(folder)
    try:
        Letters(blueprint)
    except ConfigurationError as error:
        raise ConfigurationError(str(folder / str(error))) from error
    return blueprint, articles


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


def offline_model_app(admin_token: str | None = None) -> "ASGIApp":
    """Return the embedded stand-in model as a web application; its admin endpoint needs the token."""
    from adapters.models.offline.app import create_app

    return create_app(admin_token=admin_token)


Activity = Callable[..., Any]  # Any: each has its own request and result
MODEL_ROOM = "activities.models."


class Parts:
    """Everything that activities need, built as the settings say."""

    def __init__(self, settings: Settings) -> None:
        keep_private()  # whatever makes a database here, a command too
        self.settings = settings

    # --- adapters -------------------------------------------------------------------------------------------

    @cached_property
    def blueprint(self) -> Blueprint:
        """The blueprint in use."""
        return read_blueprint(self.settings)

    @cached_property
    def knowledge(self) -> "list[Article]":
        """The blueprint's knowledge articles."""
        return read_blueprint_folder(self.settings.blueprint)[1]

    @cached_property
    def letters(self) -> "Letters":
        """The blueprint's letters."""
        from activities.letters import Letters

        return Letters(self.blueprint)

    @cached_property
    def store(self) -> "Store":
        """The store, migrated."""
        from adapters.store import open_store

        return open_store(self.settings.store)

    @cached_property
    def outside_records(self) -> "OutsideRecords | None":
        """The outside system of records with its copies in the store, None where records are in the store itself."""
        from adapters.records.outside import OutsideRecords

        source = open_outside_records(self.settings)
        return None if source is None else OutsideRecords(source, self.store.database)

    @property
    def records(self) -> "CustomerRecords":
        """Where customers, orders and charges are looked up."""
        return self.outside_records or self.store.records

    @property
    def paying_ledger(self) -> "Ledger":
        """The ledger that payments are written down in: it looks into outside records before one begins."""
        from adapters.records.fresh_ledger import FreshLedger

        outside = self.outside_records
        return self.store.ledger if outside is None else FreshLedger(self.store.database, outside)

    @cached_property
    def inbox(self) -> "Inbox":
        """The holding pen."""
        from adapters.inbox.sqlite import SqliteInbox

        return SqliteInbox(self.settings.inbox_file, max_waiting=self.settings.inbox_limit)

    @cached_property
    def rail(self) -> "EmbeddedRail | StripeRail":
        """The payment provider. Raises ValueError if its key is missing."""
        if self.settings.rail == "stripe":
            import httpx

            from adapters.rails.stripe import StripeRail

            return StripeRail(
                self.settings.stripe_api_key.get_secret_value(),
                httpx.AsyncClient(timeout=20),  # below the action's own timeout
                self.settings.stripe_base_url,
            )
        from adapters.rails.embedded import EmbeddedRail

        return EmbeddedRail(self.settings.rail_file)

    @cached_property
    def models(self) -> "dict[Tier, LanguageModel]":
        """One model per tier, by the blueprint's profile.

        Raises:
            UsageError: the blueprint has no such profile.
            ConfigurationError: a key or a price is missing.
        """
        from adapters.models.factory import build_models

        if self.settings.models not in self.blueprint.models:
            raise not_among("HEADGATE_MODELS or --models", self.settings.models, sorted(self.blueprint.models))
        return build_models(
            self.blueprint, self.settings.models, secrets_in(os.environ), f"{self.settings.offline_model_url}/v1"
        )

    @cached_property
    def notifier(self) -> "Notifier":
        """Whom words to people go to."""
        from adapters.chat.webhook import WebhookNotifier

        return WebhookNotifier(self.settings.supervisor_webhook_url)

    @cached_property
    def cleaner(self) -> "MailCleaner":
        """What cleans what came in."""
        from adapters.cleaning.cleaner import DocumentCleaner

        return DocumentCleaner(self.blueprint.words.mail)

    def load_samples(self) -> None:
        """Load the sample customers, orders and accounts into the store; what is there stays."""
        self.import_records(PROJECT / "samples" / "records", samples=True)

    def import_records(self, path: Path, *, dry_run: bool = False, samples: bool = False) -> ImportReport:
        """Load records from CSV files into the store; see `adapters.imports.importing`."""
        from adapters.imports.importing import import_records

        now = datetime.now(UTC)
        return import_records(self.store.database, path, now=now, dry_run=dry_run, samples=samples)

    # --- activities -----------------------------------------------------------------------------------------

    def admit(self, starter: "CaseStarter") -> "AdmitActivities":
        """Activities of the intake worker."""
        from activities.intake.admit import AdmitActivities
        from domain.writers.machine_words import MachineWords

        return AdmitActivities(
            inbox=self.inbox,
            cases=self.store.cases,
            cleaner=self.cleaner,
            starter=starter,
            dead_letters=self.store.dead_letters,
            policy=self.blueprint.case_policy,
            machine_words=MachineWords(self.blueprint.words.mail),
            records=self.records,
        )

    def model_activities(self) -> list[Activity]:
        """Activities of the model workers: the router's and those of every specialist."""
        return self._activities("activities.models.route:RouteActivities", *tools_of_specialists(models=True))

    def action_activities(self) -> list[Activity]:
        """Activities of the action workers: money, records, words to people, endings."""
        return self._activities(
            "activities.actions.alert:AlertActivities",
            "activities.actions.approve:ApproveActivities",
            "activities.actions.bury:BuryActivities",
            "activities.actions.close:CloseActivities",
            "activities.actions.pay:PayActivities",
            "activities.actions.settle:SettlingActivities",
            "activities.actions.talk:TalkActivities",
            "activities.actions.tell:TellActivities",
            *tools_of_specialists(models=False),
        )

    def first_tries(self) -> list[Activity]:
        """Activities of which the case worker may try steps beside its workflow tasks: they are short, and pay nothing.

        Without the key of a model, its calls are left to the model workers, which have it.
        """
        short = [
            "activities.actions.close:CloseActivities",
            *(path for path in tools_of_specialists(models=False) if not _pays(path)),
        ]
        try:
            models = self.model_activities()
        except ConfigurationError as error:
            logging.getLogger("headgate.worker").info("model calls are left to the model workers: %s", error)
            models = []
        return self._activities(*short) + models

    def _activities(self, *classes: str) -> list[Activity]:
        """Build classes of activities (`module:Class`), each once, and return all their activities."""
        built = [self._built(load(path)) for path in dict.fromkeys(classes)]
        return [activity for holder in built for activity in activities_of(holder)]

    def _built(self, kind: type[object]) -> object:
        """Build a class of activities: its arguments without a default are filled in by their names.

        Raises:
            TypeError: it asks for something that is not there.
        """
        given = {}
        for name, parameter in inspect.signature(kind).parameters.items():
            if parameter.default is not inspect.Parameter.empty:
                continue
            provide = _PROVIDED.get(name)
            if provide is None:
                raise TypeError(f"{kind.__name__} asks for {name!r}: expected one of {', '.join(sorted(_PROVIDED))}")
            given[name] = provide(self)
        return kind(**given)

    def journal(self) -> "JournalActivities":
        """Activities of the journal worker."""
        from activities.journal.drain import JournalActivities

        return JournalActivities(self.store.cases)

    def close(self) -> None:
        """Close what was opened."""
        opened: OutsideRecords | None = self.__dict__.get("outside_records")
        if opened is not None:
            opened.close()
        if "store" in self.__dict__:
            self.store.close()


# What a class of activities may ask for, by the name of its argument.
_PROVIDED: dict[str, Callable[[Parts], object]] = {
    "articles": lambda parts: parts.knowledge,
    "blueprint": lambda parts: parts.blueprint,
    "cases": lambda parts: parts.store.cases,
    "crm": lambda parts: parts.store.crm,
    "dead_letters": lambda parts: parts.store.dead_letters,
    "ledger": lambda parts: parts.paying_ledger,
    "letters": lambda parts: parts.letters,
    "models": lambda parts: parts.models,
    "notifier": lambda parts: parts.notifier,
    "rails": lambda parts: {"refund": parts.rail},
    "records": lambda parts: parts.records,
    "settling": lambda parts: parts.store.settling,
    "words": lambda parts: parts.store.words,
}


def tools_of_specialists(*, models: bool) -> list[str]:
    """Return the classes (`module:Class`) that hold the specialists' tools, of the model room or of all others."""
    paths = (path for specialist in SPECIALISTS.values() for path in specialist.activities)
    return [path for path in dict.fromkeys(paths) if path.startswith(MODEL_ROOM) is models]


def _pays(path: str) -> bool:
    """Return whether a class of activities asks for the payment rails."""
    return "rails" in inspect.signature(load(path)).parameters


def load(path: str) -> type[Any]:  # Any: workflows and activities have no common type
    """Return the class that `module:Class` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]  # as the caller names it


def activities_of(holder: object) -> list[Activity]:
    """Return the methods of an object that are activities."""
    methods = (method for _, method in inspect.getmembers(holder, callable))
    return [method for method in methods if hasattr(method, "__temporal_activity_definition")]
