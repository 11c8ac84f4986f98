"""`domain/errors.py` draws every exception class of the product, and the drawing is true."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import domain.errors
from domain.errors import FAILURE_KINDS, HeadgateError, UseError

PROJECT = Path(__file__).resolve().parents[3]
ROOMS = ("domain", "ports", "activities", "workflows", "adapters", "client", "gateway", "workers", "commands")
RUNS_WHEN_IMPORTED = "adapters.store.migrations"  # alembic's scripts: they migrate a database
LINE = re.compile(r"(?P<branch>[│├└─ ]*)(?P<name>_?[A-Z]\w+) {2,}(?P<said>\S.*)")
STEP = 4  # characters by which a child stands further to the right than its parent


def drawn() -> dict[str, tuple[str | None, str]]:
    """Return every class of the drawing: its parent there, and what is said of it."""
    found: dict[str, tuple[str | None, str]] = {}
    above: list[str] = []
    for line in inspect.getdoc(domain.errors).splitlines():  # type: ignore[union-attr]
        match = LINE.fullmatch(line)
        if match is None:
            continue
        depth = len(match["branch"]) // STEP
        above[depth:] = [match["name"]]
        found[match["name"]] = (above[depth - 1] if depth else None, match["said"])
    return found


def module_names() -> Iterator[str]:
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.startswith(RUNS_WHEN_IMPORTED):
                yield module.name


def exceptions() -> dict[str, type[BaseException]]:
    """Return the exception classes that the product defines, by name."""
    found: dict[str, type[BaseException]] = {}
    for name in module_names():
        for _, each in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if issubclass(each, BaseException) and each.__module__.split(".")[0] in ROOMS:
                assert found.setdefault(each.__name__, each) is each, f"two classes are named {each.__name__}"
    return found


DRAWN = drawn()
FOUND = exceptions()


def test_every_class_is_drawn_and_every_drawn_class_is_there() -> None:
    assert set(DRAWN) == set(FOUND)
    assert len(DRAWN) > 30


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_class_stands_below_its_base(name: str) -> None:
    parent, said = DRAWN[name]
    if parent is not None:
        assert FOUND[parent] in FOUND[name].__bases__
    elif FOUND[name] not in (HeadgateError, UseError):
        assert said.startswith("private: ")
        assert name.startswith("_")


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_class_that_two_files_name_is_defined_on_the_page(name: str) -> None:
    """All others are private, or made by functions of their own file."""
    home = FOUND[name].__module__
    if home == "domain.errors":
        return
    word = re.compile(rf"\b{name}\b")
    users = [path for room in ROOMS for path in (PROJECT / room).rglob("*.py") if word.search(path.read_text("utf-8"))]
    page, own = PROJECT / "domain" / "errors.py", PROJECT / f"{home.replace('.', '/')}.py"
    assert set(users) == {page, own}


def test_temporal_learns_what_every_error_about_the_work_means() -> None:
    """Its class name is all that crosses; a private one must become another before it leaves its file."""
    work = {name for name, each in FOUND.items() if issubclass(each, HeadgateError)} - {"HeadgateError"}
    private = {name for name in work if DRAWN[name][1].startswith("private: ")}
    assert work - private == set(FAILURE_KINDS)


@pytest.mark.parametrize("name", [name for name, (_, said) in DRAWN.items() if not said.startswith("private: ")])
def test_the_exit_code_is_the_one_drawn(name: str) -> None:
    error = FOUND[name]
    assert issubclass(error, HeadgateError | UseError)
    above = {"HeadgateError": 1, "UseError": 1}
    code = None
    asked: str | None = name
    while code is None and asked is not None:
        parent, said = DRAWN[asked]
        noted = re.search(r"\(exit (\d)\)", said)
        code = int(noted[1]) if noted else above.get(asked)
        asked = parent
    assert error.exit_code == code


def test_setup_can_read_the_page_before_anything_is_installed() -> None:
    """`workers/machine/temporal_server.py` needs it, and setup needs that."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(PROJECT)!r}); import domain.errors"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_walk_sees_classes_inside_functions_too() -> None:
    """None is there: what is defined in a function could not be drawn."""
    for room in ROOMS:
        for path in (PROJECT / room).rglob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            top = {node for node in tree.body if isinstance(node, ast.ClassDef)}
            hidden = [
                node.name
                for node in ast.walk(tree)
                if isinstance(node, ast.ClassDef) and node not in top and node.name.endswith("Error")
            ]
            assert hidden == [], path
