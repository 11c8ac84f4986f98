"""Who may send and who may decide: the secrets that a fresh data dir starts with."""

import json
from pathlib import Path

from client.connect import NotReachableError, SourceEndpoint
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
    return signing_sources(settings.sources_file)


def signing_sources(sources_file: Path) -> list[SourceEndpoint]:
    """Return the sources that sign, each with its newest secret.

    Raises:
        NotReachableError: the file is not there, or not for this user.
    """
    try:
        written = json.loads(sources_file.read_text("utf-8"))["sources"]
    except OSError as error:
        raise NotReachableError(
            f"no secrets to sign with: {str(sources_file)!r} cannot be read ({error.strerror}); name the gateway's own "
            "data dir with --data-dir, or a folder with a copy of its sources.json"
        ) from error
    return [
        SourceEndpoint(name=s["name"], secret=s["secrets"][-1])
        for s in written
        if s.get("scheme", "standard") == "standard"
    ]
