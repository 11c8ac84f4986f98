"""Classes by their names, and the activities that they hold."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

Activity = Callable[..., Any]  # Any: each has its own request and result


def load(path: str) -> type[Any]:  # Any: workflows and activities have no common type
    """Return the class that `module:Class` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]  # as the caller names it


def activities_of(holder: object) -> list[Activity]:
    """Return the methods of an object that are activities."""
    methods = (method for _, method in inspect.getmembers(holder, callable))
    return [method for method in methods if hasattr(method, "__temporal_activity_definition")]
