"""Who may send and who may decide: the secrets that a fresh data dir starts with."""

import json

from client.connect import SourceEndpoint
from client.gateway import ensure_approvers, ensure_sources
from client.gateway.private_files import write_private
from workers.bootstrap import read_blueprint
from workers.settings import Settings

SOURCES = ("shop", "mail", "demo")


def prepare_access(settings: Settings) -> list[SourceEndpoint]:
    """Make sources and approvers' tokens that are missing; those that are there stay. Files have the mode 600.

    Tokens of new approvers are added to `approver-tokens.json`, to be handed out and deleted; nothing else keeps them.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = [approver.name for approver in read_blueprint(settings).approval.approvers]
    if tokens := ensure_approvers(settings.approvers_file, names):
        handed_out = settings.data_dir / "approver-tokens.json"
        known = json.loads(handed_out.read_text("utf-8")) if handed_out.exists() else {}
        write_private(handed_out, json.dumps(known | tokens, indent=2).encode())
    wanted = [] if settings.sources_file.exists() else list(SOURCES)
    ensure_sources(settings.sources_file, wanted)
    written = json.loads(settings.sources_file.read_text("utf-8"))["sources"]
    return [
        SourceEndpoint(name=s["name"], secret=s["secrets"][-1])
        for s in written
        if s.get("scheme", "standard") == "standard"
    ]
