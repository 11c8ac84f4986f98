"""Imports what commands import when they run; `tests/commanding.py` says what for."""

import importlib
import pkgutil

import httpcore  # noqa: F401 - httpx imports it at the first request

import workers.bootstrap  # noqa: F401

for _package in ("commands", "client", "adapters.inbox", "adapters.installation", "adapters.rescue", "adapters.store"):
    for _module in pkgutil.walk_packages(importlib.import_module(_package).__path__, f"{_package}."):
        if ".migrations" not in _module.name:  # those run when they are imported
            importlib.import_module(_module.name)
