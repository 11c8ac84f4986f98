"""The blueprint in use and the store: what all other parts are built of."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from domain.blueprint import Blueprint, CasePolicy
from domain.errors import ConfigurationError, UsageError
from workers.config.data_dir import keep_private
from workers.config.settings import Settings

if TYPE_CHECKING:
    from activities.letters import Letters
    from adapters.store import Store
    from domain.reading.knowledge import Article


def read_blueprint(settings: Settings) -> Blueprint:
    """Read the blueprint that the settings name.

    Raises:
        UsageError: there is no such folder.
        ConfigurationError: something in it is wrong; the message names the file and the key.
    """
    require_folder(settings)
    return read_blueprint_folder(settings.blueprint)[0]


def require_folder(settings: Settings) -> None:
    """Check that the blueprint's folder is there. Raises UsageError if it is not."""
    if not settings.blueprint.is_dir():
        raise UsageError(f"HEADGATE_BLUEPRINT={str(settings.blueprint)!r}: there is no such folder; name a blueprint's")


def read_blueprint_folder(folder: Path) -> "tuple[Blueprint, list[Article]]":
    """Read a blueprint and its knowledge articles as the workers would. Raises ConfigurationError as they do."""
    from activities.letters import Letters
    from activities.models.prompting import check_prompts
    from adapters.blueprints.folder import load_all

    blueprint, articles = load_all(folder)
    try:
        Letters(blueprint)
        check_prompts(blueprint)
    except ConfigurationError as error:
        raise ConfigurationError(str(folder / str(error))) from error
    return blueprint, articles


class FirstParts:
    """The blueprint and the store, as the settings say."""

    def __init__(self, settings: Settings) -> None:
        keep_private()  # whatever makes a database here, a command too
        self.settings = settings

    @cached_property
    def _blueprint_read(self) -> "tuple[Blueprint, list[Article]]":
        """The folder as it was read, once: what was accepted at the start is what is used."""
        require_folder(self.settings)
        return read_blueprint_folder(self.settings.blueprint)

    @property
    def blueprint(self) -> Blueprint:
        """The blueprint in use."""
        return self._blueprint_read[0]

    @property
    def case_policy(self) -> Callable[[str], CasePolicy]:
        """What a case of a tenant takes along, with the steps of the profile in use."""
        return self.blueprint.for_profile(self.settings.models).case_policy

    @property
    def knowledge(self) -> "list[Article]":
        """The blueprint's knowledge articles."""
        return self._blueprint_read[1]

    @cached_property
    def letters(self) -> "Letters":
        """The blueprint's letters."""
        from activities.letters import Letters

        return Letters(self.blueprint)

    @cached_property
    def store(self) -> "Store":
        """The store, migrated."""
        from adapters.store import open_store

        return open_store(self.settings.store)
