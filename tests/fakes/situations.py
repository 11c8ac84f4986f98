"""Situations in which it is to be said which Headgate is meant."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import pytest

from client.which import ENDPOINTS_FILE, UP_LOCK, Endpoints

UP = Endpoints(
    gateway="http://127.0.0.1:8700", console="", temporal="127.0.0.1:8701", temporal_ui="", namespace="headgate"
)
ELSEWHERE = {"TEMPORAL_ADDRESS": "other:7233", "TEMPORAL_NAMESPACE": "other", "TEMPORAL_API_KEY": "secret"}
PROFILES = '[profile.default]\naddress = "profile:7233"\nnamespace = "theirs"\n[profile.bare]\napi_key = "k"\n'


class Up(Enum):
    """A `headgate up`; of one elsewhere the data dir has no lock, as of a copy of its `endpoints.json`."""

    RUNS = "runs"
    ENDED = "has ended"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Situation:
    """What a data dir holds and the environment says, and what is meant then: address and namespace, or what is said.

    Attributes:
        up: what has become of the `headgate up` that wrote `endpoints.json`.
    """

    name: str
    meant: tuple[str, str] | str
    endpoints: str | None = None
    up: Up = Up.ELSEWHERE
    environ: Mapping[str, str] = field(default_factory=dict)
    profiles: bool = False

    @contextmanager
    def arranged(self, folder: Path) -> Iterator[Path]:
        """Bring it about below a folder; yield the data dir."""
        data_dir = folder / "data"
        data_dir.mkdir()
        (folder / "temporal.toml").write_text(PROFILES if self.profiles else "")
        if self.endpoints is not None:
            (data_dir / ENDPOINTS_FILE).write_text(self.endpoints)
        with ExitStack() as held, pytest.MonkeyPatch.context() as patch:
            for name in [n for n in os.environ if n.startswith(("TEMPORAL_", "HEADGATE_"))]:
                patch.delenv(name)
            patch.setenv("TEMPORAL_CONFIG_FILE", str(folder / "temporal.toml"))
            for name, value in self.environ.items():
                patch.setenv(name, value)
            if self.up is not Up.ELSEWHERE:
                lock = held.enter_context((data_dir / UP_LOCK).open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX if self.up is Up.RUNS else fcntl.LOCK_UN)
            yield data_dir


OF_UP, OF_ELSEWHERE = ("127.0.0.1:8701", "headgate"), ("other:7233", "other")
BOTH_WAYS = "neither TEMPORAL_ADDRESS nor a Temporal profile"
SITUATIONS = [
    Situation("nothing at all", BOTH_WAYS),
    Situation("a namespace without an address", BOTH_WAYS, environ={"TEMPORAL_NAMESPACE": "other"}),
    Situation("an empty data dir, and a variable", OF_ELSEWHERE, environ=ELSEWHERE),
    Situation("an empty data dir, and a profile", ("profile:7233", "theirs"), profiles=True),
    Situation("a variable beats a profile", ("other:7233", "other"), environ=ELSEWHERE, profiles=True),
    Situation("a profile without an address", BOTH_WAYS, environ={"TEMPORAL_PROFILE": "bare"}, profiles=True),
    Situation("a profile that is not there", "TEMPORAL_PROFILE", environ={"TEMPORAL_PROFILE": "none"}, profiles=True),
    Situation("`up` runs", OF_UP, UP.model_dump_json(), Up.RUNS),
    Situation("`up` runs, and a variable", OF_UP, UP.model_dump_json(), Up.RUNS, ELSEWHERE),
    Situation("a copy of endpoints.json", OF_UP, UP.model_dump_json(), environ=ELSEWHERE),
    Situation("`up` was killed", OF_UP, UP.model_dump_json(), Up.ENDED),
    Situation("`up` was killed, and a variable", OF_UP, UP.model_dump_json(), Up.ENDED, ELSEWHERE),
    Situation("an endpoints.json that is broken", "cannot be read", '{"gateway": "x"}', Up.ENDED, ELSEWHERE),
    Situation("an endpoints.json that is cut off", "cannot be read", '{"gate', environ=ELSEWHERE),
    Situation("a store elsewhere", OF_ELSEWHERE, environ={**ELSEWHERE, "HEADGATE_STORE_URL": "postgresql://h/d"}),
]
