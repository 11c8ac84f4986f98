"""Imports point one way, and only the composition root knows the adapters.

domain <- ports <- activities <- workflows <- client <- gateway <- workers <- bench <- commands
          ports <- adapters <- workers/bootstrap.py, workers/parts, workers/local_models
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
ORDER = ("domain", "ports", "activities", "workflows", "client", "gateway", "workers", "bench", "commands")
ROOMS = (*ORDER, "adapters")
COMPOSITION_ROOT = (
    "workers/bootstrap.py",
    "workers/local_models/files.py",
    "workers/local_models/installed.py",
    "workers/local_models/router.py",
    "workers/parts/outside_systems.py",
    "workers/parts/blueprint.py",
    "workers/parts/models.py",
)
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    **{room: frozenset(ORDER[: n + 1]) for n, room in enumerate(ORDER)},
    "adapters": frozenset({"domain", "ports", "adapters"}),
}
# Measurements and the training of the embedded router look inside what they measure.
MAY_KNOW_ADAPTERS = frozenset({"adapters", "bench"})
THIRD_PARTY = {
    "domain": {"pydantic", "webencodings", "cryptography"},
    "ports": {"pydantic"},
    "activities": {"pydantic", "temporalio", "jinja2"},
    "workflows": {"pydantic", "temporalio"},
    "client": {"pydantic", "temporalio", "httpx"},
    "gateway": {"pydantic", "starlette", "jinja2", "uvicorn", "markupsafe", "itsdangerous"},
    "commands": {"typer", "rich", "pydantic", "temporalio", "uvicorn", "httpx", "jinja2"},
}
STDLIB = frozenset(sys.stdlib_module_names) | {"typing_extensions"}  # pydantic wants its TypedDict before 3.12


def imports(source: str) -> Iterator[str]:
    """Yield every imported module, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their room in full"
            yield node.module or ""


def wrong_arrows(path: str, source: str) -> list[str]:
    """Return the imports of a file that point the wrong way."""
    room = path.split("/", maxsplit=1)[0]
    wrong = []
    for module in imports(source):
        top = module.split(".")[0]
        if top == "adapters":
            allowed = room in MAY_KNOW_ADAPTERS or path in COMPOSITION_ROOT
        elif top in ROOMS or top == "tests":
            allowed = top in MAY_IMPORT[room]
        else:
            allowed = room not in THIRD_PARTY or top in STDLIB or top in THIRD_PARTY[room]
        if not allowed:
            wrong.append(module)
    return wrong


def modules() -> list[str]:
    return sorted(str(path.relative_to(PROJECT)) for room in ROOMS for path in (PROJECT / room).rglob("*.py"))


@pytest.mark.parametrize("path", modules())
def test_no_import_points_the_wrong_way(path: str) -> None:
    assert wrong_arrows(path, (PROJECT / path).read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("domain/case.py", "from ports.ledger import Ledger"),
        ("domain/case.py", "import temporalio"),
        ("ports/ledger.py", "from activities.actions.pay import PayActivities"),
        ("activities/actions/pay.py", "from workflows import options"),
        ("workflows/case.py", "def f():\n    import sqlalchemy"),
        ("workflows/case.py", "from client.connect import connect"),
        ("adapters/store/ledger.py", "from activities.actions.pay import PayActivities"),
        ("adapters/store/ledger.py", "from workers.config.settings import Settings"),
        ("client/cases.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gateway import app"),
        ("client/cases.py", "import openai"),
        ("client/cases.py", "import starlette"),
        ("gateway/app.py", "from workers.config.settings import Settings"),
        ("gateway/app.py", "from commands.main import app"),
        ("workers/http_servers.py", "def f():\n    from adapters.models.offline.app import create_app"),
        ("workers/roles.py", "from bench.cases import bench_cases"),
        ("bench/cases.py", "from commands.main import app"),
        ("commands/blueprint.py", "from adapters.blueprints.folder import load_blueprint"),
        ("workers/bootstrap.py", "from tests.fakes.inbox import FakeInbox"),
    ],
)
def test_the_checker_sees_a_wrong_arrow(path: str, source: str) -> None:
    assert len(wrong_arrows(path, source)) == 1


def test_the_composition_root_may_know_the_adapters() -> None:
    for path in COMPOSITION_ROOT:
        assert wrong_arrows(path, "from adapters.store import open_store") == []


def packages_that_import_each_other() -> list[tuple[str, str]]:
    """Return the pairs of packages (folders of code) of which each imports the other, by the modules in them."""
    known = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in modules()}
    edges: set[tuple[str, str]] = set()
    for path in modules():
        here = path.rpartition("/")[0].replace("/", ".")
        for module in imports((PROJECT / path).read_text("utf-8")):
            if module.split(".")[0] not in ROOMS:
                continue
            is_package = (PROJECT / module.replace(".", "/")).is_dir()
            there = module if is_package else module.rpartition(".")[0]
            if module in known and there != here:
                edges.add((here, there))
    return sorted((a, b) for a, b in edges if a < b and (b, a) in edges)


def test_no_two_packages_import_each_other() -> None:
    assert packages_that_import_each_other() == []
