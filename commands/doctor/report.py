"""`headgate doctor`: runs all checks on the Headgate that is meant, and reports them."""

import asyncio
import os
from dataclasses import replace

from client.which import ENDPOINTS_FILE, WhichHeadgate, which_headgate
from commands.doctor.configured import (
    check_blueprint,
    check_hook,
    check_keys,
    check_limits,
    check_models,
    check_pen,
    check_profile,
    check_rail,
    check_records,
    check_store,
    check_web_ui,
)
from commands.doctor.local_models import check_embedder, check_language, check_names, check_ocr
from commands.doctor.machine import TEMPORAL_PROGRAM, Finding, as_document, diagnose, print_table
from commands.doctor.reuse import check_reuse
from commands.doctor.router import check_router
from commands.doctor.temporal import SERVER, check_temporal
from commands.work.overview import which_document, which_line
from domain.blueprint import ModelChoice
from domain.errors import NotReachableError, UsageError
from workers.config.settings import Settings

WHICH = "headgate"


async def run_doctor(settings: Settings, *, as_json: bool) -> tuple[dict[str, object], bool]:
    """Diagnose and, unless JSON is wanted, print a table; return the JSON document and whether all needed parts are
    there.
    """
    said, which = check_which(settings)
    findings = [said, *await find_all(settings, which if said.ok else None)]
    if not as_json:
        print_table(findings)
    good = all(finding.ok is not False for finding in findings)
    return {WHICH: which_document(which, settings), **as_document(findings)}, good


def check_which(settings: Settings) -> tuple[Finding, WhichHeadgate | None]:
    """Is it known which Headgate is meant, and does its `headgate up` run? Also returns which one it is."""
    try:
        which = which_headgate(settings.data_dir)
    except (NotReachableError, UsageError) as error:
        broken = isinstance(error, UsageError) or (settings.data_dir / ENDPOINTS_FILE).exists()
        remedy = "mend what it names" if broken else "start one with `headgate up`, or set TEMPORAL_ADDRESS"
        return Finding(WHICH, False if broken else None, str(error), remedy), None
    line = which_line(which_document(which, settings))
    try:
        which.require_running()
    except NotReachableError as error:
        return Finding(WHICH, False, line, str(error)), which
    return Finding(WHICH, True, line), which


async def find_all(settings: Settings, which: WhichHeadgate | None) -> list[Finding]:
    """Look at everything of a Headgate; `which` is None where nobody says which, or where it has ended."""
    read, blueprint = check_blueprint(settings.blueprint)
    by_settings = [*read]
    choices: list[ModelChoice] = []
    if blueprint is not None:
        choices = blueprint.choices(settings.models)
        by_settings.append(check_profile(blueprint, settings.models))
        by_settings.append(await asyncio.to_thread(check_router, settings, blueprint))
        by_settings.extend(await check_reuse(settings, blueprint.cache))
    endpoints = which.endpoints if which is not None else None
    models = asyncio.create_task(check_models(choices))
    machine, temporal, store, pen, records, web_ui = await asyncio.gather(
        diagnose(
            data_dir=settings.data_dir,
            gateway_url=endpoints.gateway if endpoints else None,
            models=_model_endpoints(settings, which, choices),
        ),
        check_temporal(which),
        asyncio.to_thread(check_store, settings.store),
        check_pen(settings),
        asyncio.to_thread(check_records, settings),
        check_web_ui(endpoints.temporal_ui if endpoints else "", settings.temporal_ui_url),
    )
    if endpoints is None and any(finding.name == SERVER and finding.ok for finding in temporal):
        machine = [_not_needed(finding) if finding.name == TEMPORAL_PROGRAM else finding for finding in machine]
    limits = await check_limits(settings)
    keys = check_keys(choices, settings.models, os.environ)
    rail = check_rail(settings.rail, settings.stripe_api_key.get_secret_value())
    hook = check_hook(settings.supervisor_webhook_url)
    local = await asyncio.gather(
        check_embedder(settings),
        asyncio.to_thread(check_names, settings.names),
        asyncio.to_thread(check_language, settings.language),
        asyncio.to_thread(check_ocr, settings.ocr),
    )
    about_models = [*keys, *await models, limits, *local]
    return [*machine, *by_settings, *about_models, rail, store, pen, records, hook, *temporal, web_ui]


def _model_endpoints(
    settings: Settings, which: WhichHeadgate | None, choices: list[ModelChoice]
) -> list[tuple[str, str]]:
    """Return name and address of each model server of one's own that should answer."""
    own = {choice.base_url: choice.model for choice in choices if choice.base_url}
    found = [(model, url) for url, model in own.items()]
    if which is None:
        return found
    if which.endpoints is not None and which.endpoints.offline_model:
        return [*found, ("offline model", f"{which.endpoints.offline_model}/healthz")]
    if any(choice.provider == "offline" and not choice.base_url for choice in choices):
        found.append(("offline model", f"{settings.offline_model_url}/healthz"))
    return found


def _not_needed(program: Finding) -> Finding:
    """Return the finding about Temporal's program where another's server is used."""
    if program.ok:
        return program
    return replace(program, ok=None, found=f"{program.found}; not needed: a server answers at TEMPORAL_ADDRESS")
