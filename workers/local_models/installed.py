"""What is made of models on this machine, where they are installed. Part of the composition root."""

import importlib.util
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError
from workers.local_models.files import INSTALL_EXTRA, models_folder

if TYPE_CHECKING:
    from ports.cleaner import LanguageTeller, NameFinder, PictureReader
    from ports.models.embedding import Embedder


def is_usable(name: str) -> bool:
    """Return whether a model's files are there, whatever is in them, and the modules that run it."""
    from adapters.weights.manifest import local_model
    from adapters.weights.shelf import Shelf

    model = local_model(name)
    return Shelf(models_folder()).place_of(model).is_dir() and not _missing(model.modules)


def uses_minilm(setting: str) -> bool:
    """Return whether HEADGATE_EMBEDDER means MiniLM here."""
    from adapters.embedding.minilm import MINILM

    return setting == MINILM or (setting == "auto" and is_usable(MINILM))


def open_local_embedder(*, wanted: bool) -> "Embedder":
    """Return MiniLM where it is installed, else the embedder without weights.

    Args:
        wanted: it must be MiniLM.

    Raises:
        ConfigurationError: it is wanted and cannot be used, or one of its files is not the manifest's.
    """
    from adapters.embedding.hashed import HashedEmbedder
    from adapters.embedding.minilm import MINILM, MiniLMEmbedder
    from adapters.weights.manifest import local_model
    from adapters.weights.shelf import Shelf

    missing = _missing(local_model(MINILM).modules)
    if wanted and missing:
        raise ConfigurationError(f"HEADGATE_EMBEDDER='minilm' needs {', '.join(missing)}: {INSTALL_EXTRA}")
    if wanted or is_usable(MINILM):
        return MiniLMEmbedder(Shelf(models_folder()))
    return HashedEmbedder()


def open_name_finder(setting: str = "auto") -> "NameFinder | None":
    """Return what finds names of people, None where its model is not installed.

    Args:
        setting: `off`: None; `required`: never None.

    Raises:
        ConfigurationError: it is required and cannot be used, or one of its files is not the manifest's.
    """
    from adapters.cleaning.names.model import NAMES, NameModel
    from adapters.weights.shelf import Shelf

    return NameModel(Shelf(models_folder())) if _is_wanted(NAMES, setting, "HEADGATE_NAMES") else None


def open_language_teller(setting: str = "auto") -> "LanguageTeller | None":
    """Return the second opinion on languages, None where its model is not installed. Setting, Raises: as for names."""
    from adapters.cleaning.language_model import LANGUAGE, LidModel
    from adapters.weights.shelf import Shelf

    return LidModel(Shelf(models_folder())) if _is_wanted(LANGUAGE, setting, "HEADGATE_LANGUAGE") else None


def open_picture_reader(setting: str = "auto") -> "PictureReader | None":
    """Return what reads pictures, None where its model is not installed. Setting, Raises: as for names."""
    from adapters.documents.passing import OCR
    from adapters.documents.reader import PictureProcess
    from adapters.weights.shelf import Shelf

    return PictureProcess(Shelf(models_folder())) if _is_wanted(OCR, setting, "HEADGATE_OCR") else None


def _is_wanted(name: str, setting: str, variable: str) -> bool:
    """Return whether a model is to be opened. Raises ConfigurationError: it is required and its modules are missing."""
    from adapters.weights.manifest import local_model

    missing = _missing(local_model(name).modules)
    if setting == "required" and missing:
        raise ConfigurationError(f"{variable}='required' needs {', '.join(missing)}: {INSTALL_EXTRA}")
    return setting == "required" or (setting == "auto" and is_usable(name))


def _missing(modules: tuple[str, ...]) -> list[str]:
    return [module for module in modules if importlib.util.find_spec(module) is None]
