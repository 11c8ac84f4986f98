"""The manifest: every model that can run on this machine, and the digests of its files."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MANIFEST = Path(__file__).with_name("manifest.toml")
_PlainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class WeightsFile(BaseModel):
    """A file of a model; `size` in bytes, `sha256` in hex."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _PlainName
    member: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class LocalModel(BaseModel):
    """A model, the package of a registry that holds its files, and the Python modules that run it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _PlainName
    does: str
    origin: str
    licence: str
    package: _PlainName
    version: _PlainName
    modules: tuple[str, ...]
    files: tuple[WeightsFile, ...] = Field(min_length=1)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def file(self, name: str) -> WeightsFile:
        """Return the file of this name. Raises KeyError if there is none."""
        return next((file for file in self.files if file.name == name), None) or _no_file(self.name, name)


class Manifest(BaseModel):
    """All of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: tuple[LocalModel, ...]


def _no_file(model: str, name: str) -> WeightsFile:
    raise KeyError(f"the manifest has no file {name!r} of the model {model!r}")


def read_manifest(path: Path = MANIFEST) -> dict[str, LocalModel]:
    """Return the models by name. Raises pydantic's ValidationError where the file is not as it should be."""
    manifest = Manifest.model_validate(tomllib.loads(path.read_text("utf-8")))
    return {model.name: model for model in manifest.models}


@cache
def local_model(name: str) -> LocalModel:
    """Return a model of the manifest."""
    return read_manifest()[name]
