"""The composition root: the only place that knows which store, inbox, rail, models and cleaner are in use.

Parts are built on first use and kept for the life of the process, so that each role opens only what it needs.
"""

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.blueprint import Blueprint
from domain.errors import ConfigurationError, StatementRefusedError, UsageError, not_among
from domain.model_call import Tier
from workers.secret_files import secrets_in
from workers.settings import PROJECT, Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from activities.intake.admit import AdmitActivities
    from activities.journal.drain import JournalActivities
    from adapters.rails.embedded import EmbeddedRail
    from adapters.rails.stripe import StripeRail
    from adapters.store import Store
    from domain.knowledge import Article
    from ports.cleaner import MailCleaner
    from ports.inbox import Inbox
    from ports.model import LanguageModel
    from ports.people import Supervisor
    from ports.starter import CaseStarter


def read_blueprint(settings: Settings) -> Blueprint:
    """Read the blueprint that the settings name.

    Raises:
        UsageError: there is no such folder.
        ConfigurationError: something in it is wrong; the message names the file and the key.
    """
    from adapters.blueprints.folder import load_blueprint

    if not settings.blueprint.is_dir():
        raise UsageError(f"HEADGATE_BLUEPRINT={str(settings.blueprint)!r}: there is no such folder; name a blueprint's")
    return load_blueprint(settings.blueprint)


def read_blueprint_folder(folder: Path) -> "tuple[Blueprint, list[Article]]":
    """Read a blueprint and its knowledge articles as the workers would. Raises ConfigurationError as they do."""
    from adapters.blueprints.folder import load_blueprint, load_knowledge

    return load_blueprint(folder), load_knowledge(folder)


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


def offline_model_app(admin_token: str | None = None) -> "ASGIApp":
    """Return the embedded stand-in model as a web application; its admin endpoint needs the token."""
    from adapters.models.offline.app import create_app

    return create_app(admin_token=admin_token)


class Parts:
    """Everything that activities need, built as the settings say."""

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
        from adapters.blueprints.folder import load_knowledge

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
        return build_models(
            self.blueprint, self.settings.models, secrets_in(os.environ), f"{self.settings.offline_model_url}/v1"
        )

    @cached_property
    def supervisor(self) -> "Supervisor":
        """Who is told when a person is needed."""
        from adapters.chat.webhook import WebhookSupervisor

        return WebhookSupervisor(self.settings.supervisor_webhook_url)

    @cached_property
    def cleaner(self) -> "MailCleaner":
        """What cleans what came in."""
        from adapters.cleaning.cleaner import DocumentCleaner

        return DocumentCleaner()

    def load_samples(self) -> None:
        """Load the sample customers, orders and accounts into the store; repeatable."""
        from adapters.store import seed

        seed(self.store, PROJECT / "samples" / "records")

    # --- activities -----------------------------------------------------------------------------------------

    def admit(self, starter: "CaseStarter") -> "AdmitActivities":
        """Activities of the intake worker."""
        from activities.intake.admit import AdmitActivities

        return AdmitActivities(
            inbox=self.inbox,
            cases=self.store.cases,
            cleaner=self.cleaner,
            starter=starter,
            dead_letters=self.store.dead_letters,
            supervisor=self.supervisor,
            policy=self.blueprint.case_policy,
        )

    def model_activities(self) -> list[Callable[..., Any]]:
        """Activities of the model workers."""
        from activities.models.diagnose import DiagnoseActivities
        from activities.models.draft import DraftActivities
        from activities.models.extract import ExtractActivities
        from activities.models.qualify import QualifyActivities
        from activities.models.route import RouteActivities

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
        from activities.actions.approve import ApproveActivities
        from activities.actions.bury import BuryActivities
        from activities.actions.close import CloseActivities
        from activities.actions.find import FindActivities
        from activities.actions.lead import LeadActivities
        from activities.actions.pay import PayActivities

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
        from activities.journal.drain import JournalActivities

        return JournalActivities(self.store.cases)

    def close(self) -> None:
        """Close what was opened."""
        if "store" in self.__dict__:
            self.store.close()
