"""The checks of `headgate doctor` on what the settings name: blueprint, model profile and keys, rail, store, Web UI."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from commands.doctor.machine import Finding, check_http, one_line
from domain.blueprint import PROVIDER_KEYS
from domain.cascade.known import Known
from domain.errors import ConfigurationError, HeadgateError, TransientError, UsageError
from domain.knowledge.validity import validity_lines
from workers.config.secret_files import read_secret
from workers.parts.blueprint import read_blueprint_folder
from workers.parts.outside_systems import another_pen, ask_limiters, ask_models, ask_pen, ask_records, ask_store
from workflows.options import STORE_FIRST_TRY

if TYPE_CHECKING:
    from domain.blueprint import Blueprint, ModelChoice
    from domain.reading.knowledge import Article
    from workers.config.settings import Settings


def check_blueprint(folder: Path) -> "tuple[list[Finding], Blueprint | None]":
    """Can the blueprint be read as the workers would, and are its articles valid? Returns it, too."""
    try:
        blueprint, articles = read_blueprint_folder(folder)
    except ConfigurationError as error:
        remedy = "mend it (`headgate blueprint validate` reads it again), or name another by HEADGATE_BLUEPRINT"
        return [Finding("blueprint", False, one_line(error), remedy)], None
    shown = f"{blueprint.version} at {folder}, {len(articles)} knowledge articles; {categories_line(blueprint)}"
    return [Finding("blueprint", True, shown), *check_validity(articles)], blueprint


def check_validity(articles: "Sequence[Article]") -> list[Finding]:
    """Which articles have expired, or will within 14 days? That is no fault: they are not quoted."""
    lines = validity_lines(articles, datetime.now(UTC).date())
    remedy = "look through them, then set valid_until and count up version, or take them out"
    return [Finding("articles", None, "; ".join(lines), remedy)] if lines else []


def categories_line(blueprint: "Blueprint") -> str:
    """Return the categories, each with the specialist that works it, in one line."""
    return ", ".join(f"{category.name} ({category.specialist})" for category in blueprint.categories)


def check_profile(blueprint: "Blueprint", profile: str) -> Finding:
    """Does the blueprint know the model profile in use, and a price for each of its models?"""
    name = "model profile"
    tiers = blueprint.models.get(profile)
    if tiers is None:
        known = ", ".join(sorted(blueprint.models))
        remedy = f"set HEADGATE_MODELS to one of {known}, or add the profile to the blueprint"
        return Finding(name, False, f"{profile!r} is not in blueprint {blueprint.name!r}", remedy)
    try:
        for choice in blueprint.choices(profile):
            blueprint.price_of(choice.model, datetime.now(UTC).date())
    except KeyError as error:
        return Finding(name, False, str(error.args[0]), "add the price to the blueprint")
    shown = ", ".join(f"{', else '.join(c.model for c in order)} ({tier})" for tier, order in tiers.items())
    return Finding(name, True, f"{profile}: {shown}")


_REMEDIES = {
    Known.NO: "mend the model's name in the blueprint, or choose another profile by HEADGATE_MODELS",
    Known.REFUSED: "the key may be wrong, or may not see models: set the right one",
}


async def check_models(choices: "Sequence[ModelChoice]") -> list[Finding]:
    """Do the providers know the models in use by these names? Where one cannot tell, that is no fault."""
    return [
        Finding(
            f"model {model.model}",
            {Known.YES: True, Known.UNTOLD: None}.get(model.known, False),
            model.said,
            _REMEDIES.get(model.known, ""),
        )
        for model in await ask_models(choices)
    ]


def check_keys(choices: "Iterable[ModelChoice]", profile: str, environ: Mapping[str, str]) -> list[Finding]:
    """Are the keys set that the models in use need? The providers' own are shown in any case."""
    providers = tuple(PROVIDER_KEYS.values())
    needed = {variable for choice in choices if (variable := choice.key_variable)}
    keys = (*providers, *sorted(needed.difference(providers)))
    return [check_key(key, environ, needed_by=profile if key in needed else None) for key in keys]


def check_key(name: str, environ: Mapping[str, str], *, needed_by: str | None = None) -> Finding:
    """Is the key of a provider set? Its value is never shown, nor its length."""
    try:
        key = read_secret(name, environ)
    except ConfigurationError as error:
        return Finding(name, False if needed_by else None, one_line(error), f"set {name}, or {name}_FILE to a file")
    if key:
        return Finding(name, True, "set")
    if needed_by:
        remedy = f"set {name}, or {name}_FILE to a file that holds it, or choose another profile by HEADGATE_MODELS"
        return Finding(name, False, f"not set; the model profile {needed_by!r} needs it", remedy)
    return Finding(
        name, None, "not set; the model profile in use needs none", f"set {name} to use that provider's models"
    )


def check_rail(rail: str, stripe_key: str) -> Finding:
    """Can the payment rail be used? The key is never shown, nor its length."""
    name = "payment rail"
    if rail != "stripe":
        return Finding(name, True, f"{rail}: a stand-in with its own log, no money moves")
    if stripe_key.startswith(("sk_live_", "rk_live_", "sk_test_", "rk_test_")):
        return Finding(name, True, "stripe, test mode" if "_test_" in stripe_key[:8] else "stripe, live")
    found = "stripe: HEADGATE_STRIPE_API_KEY is not set" if not stripe_key else "stripe: its key is no secret key"
    remedy = "set HEADGATE_STRIPE_API_KEY, or HEADGATE_STRIPE_API_KEY_FILE to a file that holds it: sk_… or rk_…"
    return Finding(name, False, found, remedy)


def check_hook(url: str) -> Finding:
    """Are people told at a webhook? It is not called, and only its host is shown: the rest may be a secret."""
    name = "words to people"
    variable = "HEADGATE_SUPERVISOR_WEBHOOK_URL"
    if not url:
        return Finding(name, None, f"to the log only: {variable} is not set", f"set {variable} to have people told")
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        host = None
    if host is None:
        return Finding(name, False, f"{variable} is no address", "set it to one that begins with https://")
    return Finding(name, True, f"to a webhook at {host}")


def check_store(url: str) -> Finding:
    """Does the store answer? A SQLite file that is not there yet is no fault, and is not made."""
    remedy = "start the database, or mend HEADGATE_STORE_URL (unset: a SQLite file in the data dir)"
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not file.exists():
        return Finding("store", None, f"no file {str(file)!r} yet: `headgate up` makes it")
    began = time.monotonic()
    try:
        shown = ask_store(url)
    except HeadgateError as error:
        return Finding("store", False, one_line(error), remedy)
    return store_finding(shown, time.monotonic() - began)


def store_finding(shown: str, took_s: float) -> Finding:
    """Judge a store that answered after so many seconds."""
    limit_s = STORE_FIRST_TRY.total_seconds()
    if took_s > limit_s:
        found = f"{shown} answers after {took_s:.1f} s: steps beside workflow tasks are cut off after {limit_s:g} s"
        return Finding("store", False, found, "find out why it is slow; until then every look-up takes longer still")
    return Finding("store", True, f"{shown} answers")


async def check_pen(settings: "Settings") -> Finding:
    """Can accepted payloads be put where they wait?"""
    name = "holding pen"
    try:
        shown = await ask_pen(settings)
    except TransientError as error:
        return Finding(name, False, one_line(error), "start it, or mend HEADGATE_INBOX; senders are told to send again")
    except HeadgateError as error:
        return Finding(name, False, one_line(error), "do what it says; docs/pens.md shows each pen")
    found = f"{shown} answers" if settings.inbox else shown
    if other := another_pen(settings):
        return Finding(name, False, f"{found}, but it is not the gateway's", other)
    return Finding(name, True, found)


def check_records(settings: "Settings") -> Finding:
    """Does the system answer that holds customers, orders and charges, and is it as the mapping says?"""
    name = "records"
    if settings.records == "store":
        return Finding(name, True, "in the store: `headgate records import` fills it")
    try:
        shown = ask_records(settings)
    except UsageError as error:
        return Finding(name, False, one_line(error), "set it, or unset HEADGATE_RECORDS to use the store")
    except TransientError as error:
        return Finding(name, False, one_line(error), "start it, or mend HEADGATE_RECORDS_URL")
    except HeadgateError as error:
        remedy = (
            "mend HEADGATE_RECORDS_FILE, HEADGATE_RECORDS_URL or HEADGATE_RECORDS_TOKEN; docs/records.md shows them"
        )
        return Finding(name, False, one_line(error), remedy)
    return Finding(name, True, f"{settings.records}: {shown} answers")


async def check_limits(settings: "Settings") -> Finding:
    """Do all workers share the limits of models?"""
    name = "limits of models"
    if not settings.redis:
        n = settings.model_callers
        found = f"HEADGATE_REDIS is not set: each of {n} processes keeps to 1/{n} of a limit (HEADGATE_MODEL_CALLERS)"
        return Finding(name, None, found, "set HEADGATE_REDIS to have all workers share them")
    try:
        shown = await ask_limiters(settings)
    except TransientError as error:
        return Finding(
            name, False, one_line(error), "start it, or mend HEADGATE_REDIS; until then each keeps to a share"
        )
    except HeadgateError as error:
        return Finding(name, False, one_line(error), "do what it says; docs/limits.md says what is needed")
    return Finding(name, True, f"shared by {shown}, which answers")


async def check_web_ui(own: str, named: str) -> Finding:
    """Does Temporal's Web UI answer?

    Args:
        own: its address where `headgate up` runs it; empty: it does not.
        named: what HEADGATE_TEMPORAL_UI_URL says: an address for browsers, which need not work from here.
    """
    name = "Temporal Web UI"
    if own:
        return await check_http(name, own, "`headgate up` without --no-ui starts it; logs are in the data dir")
    if not named:
        return Finding(
            name, None, "no address known", "set HEADGATE_TEMPORAL_UI_URL for the link on the gateway's first page"
        )
    found = await check_http(name, named, "it is an address for browsers: open it in one", any_answer=True)
    return found if found.ok else Finding(name, None, found.found, found.remedy)
