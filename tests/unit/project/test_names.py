"""No two things of the product have one name."""

import ast
from collections import defaultdict
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
ROOMS = ("domain", "ports", "activities", "workflows", "adapters", "client", "gateway", "workers", "commands")


def test_every_public_class_has_its_own_name() -> None:
    """A reader who searches for a class finds one."""
    places: dict[str, list[str]] = defaultdict(list)
    for room in ROOMS:
        for path in (PROJECT / room).rglob("*.py"):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(PROJECT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
    assert len(places) > 200
