"""The composition root: the only place that knows which store, inbox, rail, models and cleaner are in use.

Parts are built on first use and kept for the life of the process, so that each role opens only what it needs.
"""

import asyncio
import inspect
import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from domain.blueprint import Blueprint, CasePolicy
from domain.errors import ConfigurationError, UsageError, not_among
from domain.importing.problems import ImportReport
from domain.model_call import Tier
from domain.turns import Turns
from domain.writers.machine_words import MachineWords
from workers.data_dir import keep_private
from workers.loading import Activity, activities_of, load, pays, tools_of_specialists
from workers.outside_systems import move_pen, open_batches, open_limiters, open_outside_records, open_pen, open_rail
from workers.running.telemetry import shows_contents
from workers.secret_files import secrets_in
from workers.settings import Settings
from workers.variables import PROJECT

if TYPE_CHECKING:
    from activities.actions.replay import ReplayActivities
    from activities.intake.admit import AdmitActivities
    from activities.intake.reading import MessageReader
    from activities.journal.drain import JournalActivities
    from activities.letters import Letters
    from adapters.dead_letters.orders import SqlReplayOrders
    from adapters.inbox.opening import OpenedInbox
    from adapters.installation.record import SqlInstallation
    from adapters.rails.embedded import EmbeddedRail
    from adapters.rails.stripe import StripeRail
    from adapters.records.outside import OutsideRecords
    from adapters.rescue.reconcile import SqlReconciler
    from adapters.spend.sql import SqlSpend
    from adapters.store import Store
    from domain.intake import MoveReport
    from domain.reading.knowledge import Article
    from ports.cleaner import MailCleaner
    from ports.ledger import Ledger
    from ports.models.model import LanguageModel
    from ports.models.moods import MoodStore
    from ports.models.spend import SpendStore
    from ports.people import Notifier
    from ports.rescue import OpenCases
    from ports.starter import CaseStarter
    from ports.store import CustomerRecords
    from ports.wishes import IntakeWishes


def read_blueprint(settings: Settings) -> Blueprint:
    """Read the blueprint that the settings name.

    Raises:
        UsageError: there is no such folder.
        ConfigurationError: something in it is wrong; the message names the file and the key.
    """
    require_folder(settings)
    return read_blueprint_folder(settings.blueprint)[0]


def require_folder(settings: Settings) -> None:
    """Check that the blueprint's folder is there. Raises UsageError if it is not."""
    if not settings.blueprint.is_dir():
        raise UsageError(f"HEADGATE_BLUEPRINT={str(settings.blueprint)!r}: there is no such folder; name a blueprint's")


def read_blueprint_folder(folder: Path) -> "tuple[Blueprint, list[Article]]":
    """Read a blueprint and its knowledge articles as the workers would. Raises ConfigurationError as they do."""
    from activities.letters import Letters
    from activities.models.prompting import check_prompts
    from adapters.blueprints.folder import load_all

    blueprint, articles = load_all(folder)
    try:
        Letters(blueprint)
        check_prompts(blueprint)
    except ConfigurationError as error:
        raise ConfigurationError(str(folder / str(error))) from error
    return blueprint, articles


class Parts:
    """Everything that activities need, built as the settings say."""

    def __init__(self, settings: Settings) -> None:
        keep_private()  # whatever makes a database here, a command too
        self.settings = settings

    # --- adapters -------------------------------------------------------------------------------------------

    @cached_property
    def _blueprint_read(self) -> "tuple[Blueprint, list[Article]]":
        """The folder as it was read, once: what was accepted at the start is what is used."""
        require_folder(self.settings)
        return read_blueprint_folder(self.settings.blueprint)

    @property
    def blueprint(self) -> Blueprint:
        """The blueprint in use."""
        return self._blueprint_read[0]

    @property
    def case_policy(self) -> Callable[[str], CasePolicy]:
        """What a case of a tenant takes along, with the steps of the profile in use."""
        return self.blueprint.for_profile(self.settings.models).case_policy

    @property
    def knowledge(self) -> "list[Article]":
        """The blueprint's knowledge articles."""
        return self._blueprint_read[1]

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

    @property
    def installation(self) -> "SqlInstallation":
        """The installation's own record in the store."""
        from adapters.installation.record import SqlInstallation

        return SqlInstallation(self.store.database)

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

    @property
    def reconciler(self) -> "SqlReconciler":
        """What brings the ledger up to the payment provider's log."""
        from adapters.rescue.reconcile import SqlReconciler

        return SqlReconciler(self.store.database, self.store.ledger)

    @property
    def open_cases(self) -> "OpenCases":
        """Cases without an ending."""
        from adapters.rescue.open_cases import SqlOpenCases

        return SqlOpenCases(self.store.database)

    async def unknown_payments(self) -> list[str]:
        """Return the keys of the provider's newest payments that the ledger never heard of; people are told of any.

        Raises:
            HeadgateError: the provider or the store cannot say.
        """
        from activities.actions.pay import NEWEST

        newest = await self.rail.newest(NEWEST)
        return await asyncio.to_thread(self.store.ledger.unknown, newest, datetime.now(UTC))

    @cached_property
    def inbox(self) -> "OpenedInbox":
        """The holding pen."""
        return self.inbox_at(self.settings.inbox)

    def inbox_at(self, url: str) -> "OpenedInbox":
        """The holding pen of a URL, on this store. Raises ConfigurationError if it is the URL of none."""
        return open_pen(url, self.settings, Turns(self.blueprint.turns), lambda: self.store.database)

    async def move_inbox(self, url: str) -> "MoveReport":
        """Move what waits in the holding pen to that of another URL. Raises as `adapters.inbox.moving.move`."""
        return await move_pen(self.inbox, lambda: self.inbox_at(url))

    async def close_inbox(self) -> None:
        """Let go of the holding pen, if it was used."""
        inbox: OpenedInbox | None = self.__dict__.pop("inbox", None)
        if inbox is not None:
            await inbox.close()

    @cached_property
    def rail(self) -> "EmbeddedRail | StripeRail":
        """The payment provider. Raises ValueError if its key is missing."""
        return open_rail(self.settings)

    @cached_property
    def models(self) -> "Mapping[Tier, LanguageModel]":
        """One model per tier, by the blueprint's profile; moods are kept here. Raises as `_models`."""
        from adapters.moods.memory import MoodsInMemory

        return self._models(MoodsInMemory(), None)

    @cached_property
    def shared_models(self) -> "Mapping[Tier, LanguageModel]":
        """The same for workers, which share what they know of the models. Raises as `_models`."""
        return self._models(self.moods, self.spend)

    def _models(self, moods: "MoodStore", spend: "SpendStore | None") -> "Mapping[Tier, LanguageModel]":
        """Build them. Raises UsageError where there is no such profile, ConfigurationError where key or price lack."""
        from adapters.models.factory import build_models

        named, secret = self.settings.models, secrets_in(os.environ)
        if named not in self.blueprint.models:
            raise not_among("HEADGATE_MODELS or --models", named, sorted(self.blueprint.models))
        url, limiters = f"{self.settings.offline_model_url}/v1", open_limiters(self.settings)
        shown, batches = shows_contents(os.environ), open_batches(lambda: self.store.database)
        return build_models(self.blueprint, named, secret, url, moods, limiters, spend, batches, show_contents=shown)

    @property
    def wishes(self) -> "IntakeWishes":
        """What people last wished of the intake."""
        from adapters.installation.wishes import SqlIntakeWishes

        return SqlIntakeWishes(self.store.database)

    @property
    def replay_orders(self) -> "SqlReplayOrders":
        """What people want replayed."""
        from adapters.dead_letters.orders import SqlReplayOrders

        return SqlReplayOrders(self.store.database)

    @cached_property
    def moods(self) -> "MoodStore":
        """How models behave, as all workers see it."""
        from adapters.moods.sql import SqlMoods

        return SqlMoods(lambda: self.store.database)

    @cached_property
    def spend(self) -> "SqlSpend":
        """What model calls use, and the budgets that they are charged to."""
        from adapters.spend.sql import SqlSpend

        return SqlSpend(lambda: self.store.database)

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
        from adapters.repair.mending import JsonMender

        return AdmitActivities(
            inbox=self.inbox, cases=self.store.cases, cleaner=self.cleaner, starter=starter,
            dead_letters=self.store.dead_letters, policy=self.case_policy, mender=JsonMender(),
            machine_words=MachineWords(self.blueprint.words.mail), records=self.records,
        )  # fmt: skip

    @property
    def message_reader(self) -> "MessageReader":
        """What reads a message as the intake does."""
        from activities.intake.reading import MessageReader
        from adapters.repair.mending import JsonMender

        return MessageReader(self.cleaner, self.case_policy, MachineWords(self.blueprint.words.mail), JsonMender())

    def replay(self, starter: "CaseStarter") -> "ReplayActivities":
        """What replays dead letters."""
        from activities.actions.replay import ReplayActivities

        letters, cases, policy = self.store.dead_letters, self.store.cases, self.case_policy
        return ReplayActivities(letters, cases, self.replay_orders, starter, self.message_reader, policy)

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
            *(path for path in tools_of_specialists(models=False) if not pays(path)),
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
        if (opened := self.__dict__.get("outside_records")) is not None:
            opened.close()
        if "store" in self.__dict__:
            self.store.close()


# What a class of activities may ask for, by the name of its argument.
_PROVIDED: dict[str, Callable[[Parts], object]] = {
    "articles": lambda parts: parts.knowledge,
    "blueprint": lambda parts: parts.blueprint.for_profile(parts.settings.models),
    "cases": lambda parts: parts.store.cases,
    "crm": lambda parts: parts.store.crm,
    "dead_letters": lambda parts: parts.store.dead_letters,
    "ledger": lambda parts: parts.paying_ledger,
    "letters": lambda parts: parts.letters,
    "models": lambda parts: parts.shared_models,
    "notifier": lambda parts: parts.notifier,
    "rails": lambda parts: {"refund": parts.rail},
    "records": lambda parts: parts.records,
    "settling": lambda parts: parts.store.settling,
    "words": lambda parts: parts.store.words,
}
