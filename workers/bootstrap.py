"""The composition root: the only place that knows which store, inbox, rail, models and cleaner are in use.

Parts are built on first use and kept for the life of the process, so that each role opens only what it needs.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError
from domain.importing.problems import ImportReport
from domain.turns import Turns
from domain.writers.machine_words import MachineWords
from workers.config.variables import PROJECT
from workers.loading import Activity, activities_of, built, load, pays, tools_of_specialists
from workers.parts.models import ModelParts, open_answers
from workers.parts.outside_systems import document_mender, move_pen, open_outside_records, open_pen, open_rail

if TYPE_CHECKING:
    from activities.actions.replay import ReplayActivities
    from activities.intake.admit import AdmitActivities
    from activities.intake.reading import MessageReader
    from activities.journal.drain import JournalActivities
    from activities.models.reuse import AnswerCache
    from adapters.dead_letters.orders import SqlReplayOrders
    from adapters.inbox.opening import OpenedInbox
    from adapters.installation.record import SqlInstallation
    from adapters.rails.embedded import EmbeddedRail
    from adapters.rails.stripe import StripeRail
    from adapters.records.outside import OutsideRecords
    from adapters.rescue.reconcile import SqlReconciler
    from domain.intake import MoveReport
    from ports.ledger import Ledger
    from ports.people import Notifier
    from ports.repair import DocumentMender
    from ports.rescue import OpenCases
    from ports.starter import CaseStarter
    from ports.store import CustomerRecords
    from ports.wishes import IntakeWishes
    from workers.parts.decision_keys import KeysOfDecisions


class Parts(ModelParts):
    """Everything that activities need, built as the settings say."""

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

    @cached_property
    def answer_cache(self) -> "AnswerCache | None":
        """What answers are reused from, None where the blueprint lets none be; nothing is asked yet.

        Raises:
            ConfigurationError: HEADGATE_REDIS is no URL of Redis.
        """
        if not self.blueprint.cache.steps:
            return None
        from activities.models.reuse import AnswerCache
        from activities.models.vouching import VouchingCustomers

        models = ", ".join(choice.asked_as for choice in self.blueprint.choices(self.settings.models))
        customers = VouchingCustomers(lambda: self.records, lambda: self.store.cases)
        return AnswerCache(open_answers(self.settings.redis), self.embedder, self.reuse, models, customers)

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
        Raises HeadgateError if the provider or the store cannot say.
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
        if (inbox := self.__dict__.pop("inbox", None)) is not None:
            await inbox.close()

    @cached_property
    def rail(self) -> "EmbeddedRail | StripeRail":
        """The payment provider. Raises ValueError if its key is missing."""
        return open_rail(self.settings)

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
    def decision_keys(self) -> "KeysOfDecisions":
        """The public keys that decisions are checked with."""
        from workers.parts.decision_keys import KeysOfDecisions

        return KeysOfDecisions(self.settings.data_dir, self.settings.approvers_file)

    @cached_property
    def notifier(self) -> "Notifier":
        """Whom words to people go to."""
        from adapters.chat.webhook import WebhookNotifier

        return WebhookNotifier(self.settings.supervisor_webhook_url)

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

        return AdmitActivities(
            inbox=self.inbox, cases=self.store.cases, cleaner=self.cleaner, starter=starter,
            dead_letters=self.store.dead_letters, policy=self.case_policy, mender=self.mender,
            machine_words=MachineWords(self.blueprint.words.mail), records=self.records,
            document_of=self.blueprint.document_of, documents=self.blueprint.documents,
        )  # fmt: skip

    @property
    def message_reader(self) -> "MessageReader":
        """What reads a message as the intake does."""
        from activities.intake.reading import MessageReader

        of, words = self.blueprint, MachineWords(self.blueprint.words.mail)
        return MessageReader(self.cleaner, self.case_policy, words, self.mender, of.document_of, of.documents)

    @property
    def mender(self) -> "DocumentMender":
        """What reads broken documents."""
        return document_mender()

    def replay(self, starter: "CaseStarter") -> "ReplayActivities":
        """What replays dead letters."""
        from activities.actions.replay import ReplayActivities

        letters, cases, policy = self.store.dead_letters, self.store.cases, self.case_policy
        return ReplayActivities(letters, cases, self.replay_orders, starter, self.message_reader, policy)

    def model_activities(self) -> list[Activity]:
        """Activities of the model workers: the router's, those for documents and those of every specialist."""
        return self._activities(
            "activities.models.route:RouteActivities",
            "activities.models.repair:RepairActivities",
            *tools_of_specialists(models=True),
        )

    def action_activities(self) -> list[Activity]:
        """Activities of the action workers: money, records, words to people, endings."""
        return self._activities(
            "activities.actions.alert:AlertActivities",
            "activities.actions.approve:ApproveActivities",
            "activities.actions.bury:BuryActivities",
            "activities.actions.close:CloseActivities",
            "activities.actions.heal:HealActivities",
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
        free = [path for path in tools_of_specialists(models=False) if not pays(path)]
        try:
            models = self.model_activities()
        except ConfigurationError as error:
            logging.getLogger("headgate.worker").info("model calls are left to the model workers: %s", error)
            models = []
        own = ("activities.actions.close:CloseActivities", "activities.actions.heal:HealActivities")
        return self._activities(*own, *free) + models

    def _activities(self, *classes: str) -> list[Activity]:
        """Build classes of activities (`module:Class`), each once, and return all their activities."""
        provided = {name: partial(provide, self) for name, provide in _PROVIDED.items()}
        holders = [built(load(path), provided) for path in dict.fromkeys(classes)]
        return [activity for holder in holders for activity in activities_of(holder)]

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
    "answer_cache": lambda parts: parts.answer_cache,
    "article_embedder": lambda parts: parts.opens_article_embedder,
    "articles": lambda parts: parts.knowledge,
    "blueprint": lambda parts: parts.blueprint.for_profile(parts.settings.models),
    "cases": lambda parts: parts.store.cases,
    "cleaner": lambda parts: parts.cleaner,
    "crm": lambda parts: parts.store.crm,
    "decision_keys": lambda parts: parts.decision_keys,
    "dead_letters": lambda parts: parts.store.dead_letters,
    "ledger": lambda parts: parts.paying_ledger,
    "letters": lambda parts: parts.letters,
    "mender": lambda parts: parts.mender,
    "models": lambda parts: parts.shared_models,
    "notifier": lambda parts: parts.notifier,
    "rails": lambda parts: {"refund": parts.rail},
    "records": lambda parts: parts.records,
    "settling": lambda parts: parts.store.settling,
    "trail": lambda parts: parts.store.trail,
    "unanswered": lambda parts: parts.knowledge_in_use,
    "words": lambda parts: parts.store.words,
}
