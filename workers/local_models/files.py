"""Files of models that run on this machine: how they stand, and how they come here. Part of the composition root."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import not_among
from workers.machine.temporal_server import cache_dir

if TYPE_CHECKING:
    from adapters.weights.manifest import LocalModel
    from adapters.weights.shelf import Shelf

EXTRA = "local-models"


@dataclass(frozen=True, slots=True)
class LocalModelStanding:
    """A model of the manifest as it stands here.

    Attributes:
        name: as commands are given it.
        does: what it is for.
        origin: whose it is.
        licence: of its files.
        package: of a registry that holds its files, with version.
        size: bytes of all files.
        place: its folder, there or not.
        there: whether anything of it is there.
        wrong: what is the matter with its files; empty: nothing.
        missing_modules: Python modules that it needs and that are not installed.
    """

    name: str
    does: str
    origin: str
    licence: str
    package: str
    size: int
    place: str
    there: bool
    wrong: tuple[str, ...]
    missing_modules: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether every file is there and the right one."""
        return self.there and not self.wrong

    @property
    def state(self) -> str:
        """Say in a word or two how it stands."""
        if not self.there:
            return "not installed"
        if self.wrong:
            return "damaged"
        return "installed" if not self.missing_modules else f"installed, needs the extra {EXTRA}"


def models_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return where files of models are kept: beside the programs of `make setup`, outside any checkout."""
    return cache_dir(environ) / "models"


def _shelf() -> "Shelf":
    from adapters.weights.shelf import Shelf

    return Shelf(models_folder())


def look_at_models(names: Sequence[str] = ()) -> list[LocalModelStanding]:
    """Return how models stand, all of the manifest if none is named. Raises UsageError for a name that is not in it."""
    shelf = _shelf()
    return [_standing(shelf, model) for model in _meant(names)]


def install_model(name: str, fetch: "Callable[[LocalModel, Path], None] | None" = None) -> bool:
    """Fetch a model's files, check and place them; return False where they were there.

    Args:
        name: in the manifest.
        fetch: in place of a registry's, for tests.

    Raises:
        UsageError: the manifest has no such model.
        WeightsError: they cannot be fetched or placed, or are other ones.
    """
    from adapters.weights.registry import fetch_from_registry

    (model,) = _meant([name])
    return _shelf().install(model, fetch or fetch_from_registry)


def model_names() -> list[str]:
    """Return the names of the manifest."""
    from adapters.weights.manifest import read_manifest

    return list(read_manifest())


def _meant(names: Sequence[str]) -> "list[LocalModel]":
    from adapters.weights.manifest import read_manifest

    known = read_manifest()
    if wrong := [name for name in names if name not in known]:
        raise not_among("model", wrong[0], sorted(known))
    return [known[name] for name in names or known]


def _standing(shelf: "Shelf", model: "LocalModel") -> LocalModelStanding:
    found = shelf.look(model)
    return LocalModelStanding(
        name=model.name,
        does=model.does,
        origin=model.origin,
        licence=model.licence,
        package=f"{model.package} {model.version}",
        size=model.size,
        place=str(shelf.place_of(model)),
        there=found.there,
        wrong=found.wrong,
        missing_modules=tuple(m for m in model.modules if importlib.util.find_spec(m) is None),
    )
