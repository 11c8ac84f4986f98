"""The secrets of a fresh data dir: who may send, and who may decide."""

import json
import os
from pathlib import Path

from client.deciding.approver_token import HANDED_OUT, read_handed_out
from client.deciding.surface_keys import ensure_surface_keys
from client.private_files import read_private, write_private
from client.which import SourceEndpoint
from domain.blueprint import Blueprint
from domain.errors import NotReachableError
from gateway.console.approvers import ensure_approvers
from gateway.webhooks.sources import Scheme, SourcesFile, ensure_sources
from workers.config.data_dir import make_data_dir
from workers.config.settings import Settings

SOURCES = ("shop", "mail", "demo")


def prepare_access(settings: Settings, blueprint: Blueprint) -> list[SourceEndpoint]:
    """Create missing sources and tokens of the blueprint's approvers; existing ones stay. The files have mode 600.

    Tokens of new approvers are added to `approver-tokens.json`, to be handed out and deleted; nothing else keeps them.
    """
    make_data_dir(settings.data_dir)
    ensure_surface_keys(settings.data_dir)
    names = [approver.name for approver in blueprint.approval.approvers]
    handed_out = settings.data_dir / HANDED_OUT
    known = read_handed_out(handed_out)
    if tokens := ensure_approvers(settings.approvers_file, names, known):
        write_private(handed_out, json.dumps(known | tokens, indent=2).encode())
    wanted = [] if settings.sources_file.exists() else list(SOURCES)
    ensure_sources(settings.sources_file, wanted)
    return signing_sources(settings.sources_file)


def signing_sources(sources_file: Path) -> list[SourceEndpoint]:
    """Return the sources that sign, each with its newest secret.

    Raises:
        NotReachableError: the file is not there, or not for this user.
        ConfigurationError: it is not as expected.
    """
    if not os.access(sources_file, os.R_OK):
        raise NotReachableError(
            f"no secrets to sign with: {str(sources_file)!r} cannot be read; name the gateway's own data dir with "
            "--data-dir, or a folder with a copy of its sources.json"
        )
    return [
        SourceEndpoint(name=entry.name, secret=entry.secrets[-1].get_secret_value())
        for entry in read_private(sources_file, SourcesFile.model_validate).sources
        if entry.scheme is Scheme.STANDARD
    ]
