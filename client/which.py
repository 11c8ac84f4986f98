"""Which Headgate is meant: one rule for every command and for the library.

1. A data dir with an `endpoints.json` means the `headgate up` that wrote it, whatever the environment says.
2. Otherwise `TEMPORAL_ADDRESS`, or a profile of Temporal's own, names the Temporal that is meant.
3. Otherwise nobody knows, and `NotReachableError` names both ways.

The data dir is the one that is given, else `HEADGATE_DATA_DIR`, else `.headgate`. An `endpoints.json` stays when its
`headgate up` ends, and still says which Headgate is meant. A command that would connect then reports that it has ended;
it never goes to another Headgate, nor to whatever uses those ports now.
"""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel
from temporalio.envconfig import ClientConfig

from domain.errors import NotReachableError, UsageError, not_among
from domain.installation.in_force import InForce

DEFAULT_DATA_DIR = Path(".headgate")
DEFAULT_NAMESPACE = "headgate"
ENDPOINTS_FILE = "endpoints.json"
UP_LOCK = "supervisor.lock"
"""File in a data dir that a running `headgate up` holds locked; the kernel lets go of it however that ends."""


class SourceEndpoint(BaseModel):
    """A webhook source and its current secret."""

    name: str
    secret: str


class Endpoints(BaseModel):
    """Where everything of a running `headgate up` is: the content of `endpoints.json` (mode 600)."""

    gateway: str
    console: str
    temporal: str
    temporal_ui: str
    namespace: str
    sources: list[SourceEndpoint] = []
    offline_model: str = ""
    in_force: InForce | None = None


@dataclass(frozen=True, slots=True)
class WhichHeadgate:
    """The Headgate that is meant.

    Attributes:
        address: host:port of its Temporal.
        namespace: its namespace there.
        named_by: who says so, for people.
        endpoints: where the rest of it is; None where only its Temporal is known.
        data_dir: whose `endpoints.json` says so; None where the environment does.
    """

    address: str
    namespace: str
    named_by: str
    endpoints: Endpoints | None = None
    data_dir: Path | None = None

    @classmethod
    def of_endpoints(cls, endpoints: Endpoints) -> Self:
        """Return the Headgate that this process itself has started."""
        return cls(endpoints.temporal, endpoints.namespace, "this process", endpoints)

    def __str__(self) -> str:
        return f"Temporal {self.address}, namespace {self.namespace} (named by {self.named_by})"

    def as_document(self) -> dict[str, str]:
        """Return it for JSON."""
        return {"temporal": self.address, "namespace": self.namespace, "named_by": self.named_by}

    def require_running(self) -> Self:
        """Return itself; call it before anything is sent there.

        Raises:
            NotReachableError: it is that of a `headgate up` which has ended.
        """
        if self.data_dir is not None and _has_ended(self.data_dir):
            path = self.data_dir / ENDPOINTS_FILE
            raise NotReachableError(
                f"the `headgate up` of {str(self.data_dir)!r} has ended: start it again with `headgate up --data-dir "
                f"{self.data_dir}`, or remove {str(path)!r} to use what TEMPORAL_ADDRESS or a Temporal profile names"
            )
        return self


def which_headgate(data_dir: Path | None = None) -> WhichHeadgate:
    """Return the Headgate that is meant, by the rule of this module. Does not check whether it runs.

    Args:
        data_dir: None: the one of `HEADGATE_DATA_DIR`, else `.headgate`.

    Raises:
        NotReachableError: nobody says which, or `endpoints.json` cannot be read.
        UsageError: Temporal's own settings cannot be read.
    """
    folder = data_dir or Path(os.environ.get("HEADGATE_DATA_DIR") or DEFAULT_DATA_DIR)
    endpoints = _read_endpoints(folder)
    if endpoints is not None:
        named_by = f"{ENDPOINTS_FILE} in {str(folder)!r}"
        return WhichHeadgate(endpoints.temporal, endpoints.namespace, named_by, endpoints, folder)
    named = _named_by_environment()
    if named is None:
        raise NotReachableError(
            f"no Headgate is known: no {ENDPOINTS_FILE} in {str(folder)!r} (start one with `headgate up --data-dir "
            f"{folder}`, or name the folder of a running one by --data-dir or HEADGATE_DATA_DIR), and neither "
            "TEMPORAL_ADDRESS nor a Temporal profile names a server"
        )
    return named


def running_endpoints(data_dir: Path) -> Endpoints | None:
    """Return where the `headgate up` of a data dir is; None where none runs, or its file cannot be read."""
    try:
        found = _read_endpoints(data_dir)
    except NotReachableError:
        return None
    return None if found is None or _has_ended(data_dir) else found


def which_temporal() -> WhichHeadgate:
    """Return the Temporal that the environment names; for commands without a data dir.

    Raises:
        NotReachableError: it names none.
        UsageError: Temporal's own settings cannot be read.
    """
    named = _named_by_environment()
    if named is None:
        raise NotReachableError("no Temporal is named: set TEMPORAL_ADDRESS to host:port, or a Temporal profile")
    return named


def source_named(name: str | None, sources: Sequence[SourceEndpoint]) -> SourceEndpoint:
    """Return the source of a name, the first one where none is given.

    Raises:
        UsageError: there is no such source.
    """
    if not sources:
        raise UsageError("no source is set up that signs: add one to sources.json")
    for source in sources:
        if name in (None, source.name):
            return source
    raise not_among("source", str(name), (source.name for source in sources))


def _named_by_environment() -> WhichHeadgate | None:
    try:
        config = ClientConfig.load_client_connect_config()
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise UsageError(
            f"Temporal's own settings cannot be read ({said}): mend TEMPORAL_PROFILE or TEMPORAL_CONFIG_FILE"
        ) from error
    address = config.get("target_host")
    if not address:
        return None
    profile = os.environ.get("TEMPORAL_PROFILE") or "default"
    named_by = "TEMPORAL_ADDRESS" if os.environ.get("TEMPORAL_ADDRESS") else f"the Temporal profile {profile!r}"
    return WhichHeadgate(address, config.get("namespace") or DEFAULT_NAMESPACE, named_by)


def _read_endpoints(data_dir: Path) -> Endpoints | None:
    path = data_dir / ENDPOINTS_FILE
    try:
        return Endpoints.model_validate(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise NotReachableError(
            f"{str(path)!r} is not for this user: it holds secrets, run this as who owns it"
        ) from None
    except OSError as error:
        raise NotReachableError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NotReachableError(
            f"{str(path)!r} cannot be read ({_first_line(error)}): start `headgate up --data-dir {data_dir}` again"
        ) from error


def _first_line(error: ValueError) -> str:
    """Return what is wrong without the content, which holds secrets."""
    return str(error).partition("\n")[0]


def _has_ended(data_dir: Path) -> bool:
    """Tell whether the `headgate up` of a data dir has ended. A copy of it has no lock file: then assume it runs."""
    try:
        with (data_dir / UP_LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # held by the one that runs, or no such file
        return False
    return True
