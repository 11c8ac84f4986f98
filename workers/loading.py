"""Classes by their names: workflows and activities are listed as `module:Class`."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from domain.specialists import SPECIALISTS

Activity = Callable[..., Any]  # Any: each has its own request and result
MODEL_ROOM = "activities.models."


def tools_of_specialists(*, models: bool) -> list[str]:
    """Return the classes (`module:Class`) that hold the specialists' tools, of the model room or of all others."""
    paths = (path for specialist in SPECIALISTS.values() for path in specialist.activities)
    return [path for path in dict.fromkeys(paths) if path.startswith(MODEL_ROOM) is models]


def pays(path: str) -> bool:
    """Return whether a class of activities asks for the payment rails."""
    return "rails" in inspect.signature(load(path)).parameters


def load(path: str) -> type[Any]:  # Any: workflows and activities have no common type
    """Return the class that `module:Class` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]  # as the caller names it


def activities_of(holder: object) -> list[Activity]:
    """Return the methods of an object that are activities."""
    methods = (method for _, method in inspect.getmembers(holder, callable))
    return [method for method in methods if hasattr(method, "__temporal_activity_definition")]
