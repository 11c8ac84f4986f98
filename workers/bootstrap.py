"""The composition root: the only place that knows which store, inbox, rail, models and cleaner are in use.

Parts are built on first use and kept for the life of the process, so that each role opens only what it needs.
"""

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from client.usage import UsageError, not_among
from domain.blueprint import Blueprint
from domain.models import Tier
from workers.settings import Settings

if TYPE_CHECKING:
    from activities.admit import AdmitActivities
    from activities.journal import JournalActivities
    from activities.ports import CaseStarter, Inbox, LanguageModel, Supervisor
    from adapters.rails.embedded import EmbeddedRail
    from adapters.rails.stripe import StripeRail
    from adapters.store import Store
    from domain.support import Article


def read_blueprint(settings: Settings) -> Blueprint:
    """Read the blueprint that the settings name.

    Raises:
        UsageError: there is no such folder.
        ConfigurationError: something in it is wrong; the message names the file and the key.
    """
    from adapters.blueprints import load_blueprint

    if not settings.blueprint.is_dir():
        raise UsageError(f"HEADGATE_BLUEPRINT={str(settings.blueprint)!r}: there is no such folder; name a blueprint's")
    return load_blueprint(settings.blueprint)


class Parts:
    """Everything that activities need, by the settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    # --- adapters -------------------------------------------------------------------------------------------

    @cached_property
    def blueprint(self) -> Blueprint:
        """The blueprint in use."""
        return read_blueprint(self.settings)

    @cached_property
    def knowledge(self) -> "list[Article]":
        """The blueprint's knowledge articles."""
        from adapters.blueprints import load_knowledge

        return load_knowledge(self.settings.blueprint)

    @cached_property
    def store(self) -> "Store":
        """The store, migrated."""
        from adapters.store import open_store

        return open_store(self.settings.store)

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
        return build_models(self.blueprint, self.settings.models, os.environ, f"{self.settings.offline_model_url}/v1")

    @cached_property
    def supervisor(self) -> "Supervisor":
        """Who is told when a person is needed."""
        from adapters.chat.webhook import WebhookSupervisor

        return WebhookSupervisor(self.settings.supervisor_webhook_url)

    # --- activities -----------------------------------------------------------------------------------------

    def admit(self, starter: "CaseStarter") -> "AdmitActivities":
        """Activities of the intake worker."""
        from activities.admit import AdmitActivities
        from adapters.documents.clean import DocumentCleaner

        return AdmitActivities(
            inbox=self.inbox,
            cases=self.store.cases,
            cleaner=DocumentCleaner(),
            starter=starter,
            dead_letters=self.store.dead_letters,
            supervisor=self.supervisor,
            policy=self.blueprint.case_policy,
        )

    def model_activities(self) -> list[Callable[..., Any]]:
        """Activities of the model workers."""
        from activities.diagnose import DiagnoseActivities
        from activities.draft import DraftActivities
        from activities.extract import ExtractActivities
        from activities.qualify import QualifyActivities
        from activities.route import RouteActivities

        diagnose = DiagnoseActivities(self.models, self.blueprint, self.knowledge)
        return [
            RouteActivities(self.models, self.blueprint).route_case,
            ExtractActivities(self.models, self.blueprint).extract_claim,
            diagnose.diagnose,
            diagnose.search_billing_knowledge,
            QualifyActivities(self.models, self.blueprint).qualify_lead,
            DraftActivities(self.models, self.blueprint).draft_reply,
        ]

    def action_activities(self) -> list[Callable[..., Any]]:
        """Activities of the action workers: money, records, notifications, endings."""
        from activities.approve import ApproveActivities
        from activities.bury import BuryActivities
        from activities.close import CloseActivities
        from activities.find import FindActivities
        from activities.lead import LeadActivities
        from activities.pay import PayActivities

        store = self.store
        approve = ApproveActivities(store.ledger, self.supervisor)
        bury = BuryActivities(store.dead_letters, self.supervisor)
        close = CloseActivities(store.cases, store.ledger)
        pay = PayActivities(store.ledger, self.rail)
        return [
            FindActivities(store.records, store.cases).find_account,
            pay.refund,
            pay.settle_effects,
            LeadActivities(store.crm, store.cases).record_lead,
            close.close_case,
            close.forbid_effects,
            approve.announce_approval,
            approve.record_decision,
            bury.bury,
            bury.alert_person,
        ]

    def journal(self) -> "JournalActivities":
        """Activities of the journal worker."""
        from activities.journal import JournalActivities

        return JournalActivities(self.store.cases)

    def close(self) -> None:
        """Close what was opened."""
        if "store" in self.__dict__:
            self.store.close()
