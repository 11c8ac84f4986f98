"""The public keys that decisions are checked with, read again when their files change."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from client.deciding.surface_keys import KEYS_FILE, parse_surface_keys
from client.private_files import WatchedFile
from domain.authority.signed import DecisionKey
from gateway.console.approvers import approver_keys


class KeysOfDecisions:
    """Those of the surfaces and of the approvers of a data dir; opened at the first decision.

    Raises:
        ConfigurationError: from the call: a file is missing or not as expected.
    """

    def __init__(self, data_dir: Path, approvers_file: Path) -> None:
        self._data_dir = data_dir
        self._approvers_file = approvers_file

    @cached_property
    def _surfaces(self) -> WatchedFile[Sequence[DecisionKey]]:
        return WatchedFile(self._data_dir / KEYS_FILE, parse_surface_keys)

    @cached_property
    def _approvers(self) -> WatchedFile[list[DecisionKey]]:
        return WatchedFile(self._approvers_file, approver_keys)

    def __call__(self) -> Sequence[DecisionKey]:
        """Return all keys as they are now, at most half a second old."""
        return [*self._surfaces.get(), *self._approvers.get()]
