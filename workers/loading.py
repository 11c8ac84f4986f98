"""Classes by their names: workflows and activities are listed as `module:Class`."""

import importlib
import inspect
from collections.abc import Callable, Mapping
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


def built(kind: type[object], provided: Mapping[str, Callable[[], object]]) -> object:
    """Build a class of activities: its arguments without a default are filled in by their names.

    Raises:
        TypeError: it asks for something that is not there.
    """
    given = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            continue
        provide = provided.get(name)
        if provide is None:
            raise TypeError(f"{kind.__name__} asks for {name!r}: expected one of {', '.join(sorted(provided))}")
        given[name] = provide()
    return kind(**given)
