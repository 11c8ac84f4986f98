"""`headgate doctor`: the diagnosis of an installation, put together from the settings."""

import os

from client.connect import NotReachableError, read_endpoints
from workers.settings import Settings


async def run_doctor(settings: Settings, *, as_json: bool) -> tuple[dict[str, object], bool]:
    """Diagnose and, unless JSON is wanted, print a table; return the JSON document and whether all needed parts are
    there.
    """
    from workers.doctor import as_document, diagnose, print_table

    try:
        endpoints = read_endpoints(settings.data_dir)
    except NotReachableError:
        endpoints = None
    findings = await diagnose(
        data_dir=settings.data_dir,
        temporal_address=endpoints.temporal if endpoints else os.environ.get("TEMPORAL_ADDRESS"),
        gateway_url=endpoints.gateway if endpoints else None,
        models=[("offline model", f"{endpoints.offline_model}/healthz")]
        if endpoints and endpoints.offline_model
        else [],
    )
    if not as_json:
        print_table(findings)
    return as_document(findings), all(finding.ok is not False for finding in findings)
