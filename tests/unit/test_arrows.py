"""Imports point one way: domain <- activities <- workflows <- client <- workers; adapters stand on domain and ports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("domain", "activities", "workflows", "adapters", "client", "workers")
MAY_IMPORT = {
    "domain": {"domain"},
    "activities": {"domain", "activities"},
    "workflows": {"domain", "activities", "workflows"},
    "adapters": {"domain", "activities.ports", "adapters"},
    "client": {"domain", "activities", "workflows", "client"},
    # `bench` is imported by the command that runs it.
    "workers": {"domain", "activities", "workflows", "adapters", "client", "workers", "bench"},
}
THIRD_PARTY = {
    "domain": {"pydantic"},
    "activities": {"pydantic", "temporalio", "jinja2"},
    "workflows": {"pydantic", "temporalio"},
    "client": {"pydantic", "temporalio", "httpx", "starlette", "jinja2", "typer", "rich", "uvicorn", "markupsafe"},
}
STDLIB_LIKE = {"__future__", "typing_extensions"}  # pydantic wants the TypedDict of the latter before 3.12


def imports(source: str) -> Iterator[str]:
    """Yield every imported module, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their room in full"
            yield node.module or ""


def wrong_arrows(room: str, source: str) -> list[str]:
    """Return the imports that point the wrong way."""
    wrong = []
    for module in imports(source):
        top = module.split(".")[0]
        if top in (*ROOMS, "bench", "tests"):
            allowed = any(module == a or module.startswith(f"{a}.") for a in MAY_IMPORT[room])
            if not allowed:
                wrong.append(module)
        elif room in THIRD_PARTY and top not in _stdlib() and top not in THIRD_PARTY[room]:
            wrong.append(module)
    return wrong


def _stdlib() -> frozenset[str]:
    import sys

    return frozenset(sys.stdlib_module_names) | STDLIB_LIKE


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (PROJECT / room).rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PROJECT)))
def test_no_import_points_the_wrong_way(path: Path) -> None:
    room = path.relative_to(PROJECT).parts[0]
    assert wrong_arrows(room, path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("domain", "from activities.ports import Ledger"),
        ("domain", "import temporalio"),
        ("activities", "from workflows import options"),
        ("workflows", "def f():\n    import sqlalchemy"),
        ("workflows", "from client.connect import connect"),
        ("adapters", "from activities.pay import PayActivities"),
        ("adapters", "from workers.settings import Settings"),
        ("client", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from workers.up import Stack"),
        ("client", "import openai"),
    ],
)
def test_the_checker_sees_a_wrong_arrow(room: str, source: str) -> None:
    assert len(wrong_arrows(room, source)) == 1


def test_only_the_composition_root_and_the_tests_know_the_adapters_by_name() -> None:
    """`workers` may import adapters; a second room that did would be a second composition root."""
    users = {
        path.relative_to(PROJECT).parts[0]
        for path in modules()
        if any(m.split(".")[0] == "adapters" for m in imports(path.read_text("utf-8")))
    }
    assert users == {"adapters", "workers"}
