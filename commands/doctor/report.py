"""`headgate doctor`: the diagnosis of an installation, put together from the settings."""

import asyncio
import os
from dataclasses import replace

from client.connect import Endpoints, NotReachableError, connect, read_endpoints
from commands.doctor.machine import TEMPORAL_PROGRAM, Finding, as_document, diagnose, print_table
from commands.doctor.settings import (
    check_blueprint,
    check_keys,
    check_profile,
    check_rail,
    check_records,
    check_store,
    check_web_ui,
)
from commands.doctor.temporal import SERVER, TemporalPlace, check_temporal
from domain.blueprint import ModelChoice
from workers.settings import Settings


async def run_doctor(settings: Settings, *, as_json: bool) -> tuple[dict[str, object], bool]:
    """Diagnose and, unless JSON is wanted, print a table; return the JSON document and whether all needed parts are
    there.
    """
    try:
        endpoints = read_endpoints(settings.data_dir)
    except NotReachableError:
        endpoints = None
    findings = await find_all(settings, endpoints)
    if not as_json:
        print_table(findings)
    return as_document(findings), all(finding.ok is not False for finding in findings)


async def find_all(settings: Settings, endpoints: Endpoints | None) -> list[Finding]:
    """Look at everything; `endpoints` are those of a running `headgate up`, None where there is none."""
    read, blueprint = check_blueprint(settings.blueprint)
    by_settings = [read]
    choices: list[ModelChoice] = []
    if blueprint is not None:
        choices = list(blueprint.models.get(settings.models, {}).values())
        by_settings.append(check_profile(blueprint, settings.models))
    place = temporal_place(endpoints)
    machine, temporal, store, records, web_ui = await asyncio.gather(
        diagnose(
            data_dir=settings.data_dir,
            gateway_url=endpoints.gateway if endpoints else None,
            models=_model_endpoints(settings, endpoints, choices, somewhere=place is not None),
        ),
        check_temporal(place),
        asyncio.to_thread(check_store, settings.store),
        asyncio.to_thread(check_records, settings),
        check_web_ui(endpoints.temporal_ui if endpoints else "", settings.temporal_ui_url),
    )
    if endpoints is None and any(finding.name == SERVER and finding.ok for finding in temporal):
        machine = [_not_needed(finding) if finding.name == TEMPORAL_PROGRAM else finding for finding in machine]
    keys = check_keys(choices, settings.models, os.environ)
    rail = check_rail(settings.rail, settings.stripe_api_key.get_secret_value())
    return [*machine, *by_settings, *keys, rail, store, records, *temporal, web_ui]


def temporal_place(endpoints: Endpoints | None) -> TemporalPlace | None:
    """Return the Temporal of a running `headgate up`, else the one that `TEMPORAL_*` or a profile names."""
    if endpoints is not None:
        known = endpoints
        return TemporalPlace(known.temporal, lambda: connect(known.temporal, known.namespace))
    from temporalio.envconfig import ClientConfig

    address = ClientConfig.load_client_connect_config().get("target_host")
    return TemporalPlace(address, connect) if address else None


def _model_endpoints(
    settings: Settings, endpoints: Endpoints | None, choices: list[ModelChoice], *, somewhere: bool
) -> list[tuple[str, str]]:
    """Return name and address of each model server of one's own that should answer."""
    own = {choice.base_url: choice.model for choice in choices if choice.base_url}
    found = [(model, url) for url, model in own.items()]
    if endpoints is not None and endpoints.offline_model:
        found.append(("offline model", f"{endpoints.offline_model}/healthz"))
    elif somewhere and any(choice.provider == "offline" and not choice.base_url for choice in choices):
        found.append(("offline model", f"{settings.offline_model_url}/healthz"))
    return found


def _not_needed(program: Finding) -> Finding:
    """Return the finding about Temporal's program where another's server is used."""
    if program.ok:
        return program
    return replace(program, ok=None, found=f"{program.found}; not needed: a server answers at TEMPORAL_ADDRESS")
