"""Models that run on this machine, for tests of them."""

import os

import pytest

from adapters.weights.shelf import Shelf
from workers.local_models.files import models_folder
from workers.local_models.installed import is_usable


def shelf_with(name: str) -> Shelf:
    """Where a model's files are. Skips the test where it is not installed, but fails it where CI is set."""
    if not is_usable(name):
        said = f"the model {name!r} is not installed: `make models` fetches all"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    return Shelf(models_folder())
