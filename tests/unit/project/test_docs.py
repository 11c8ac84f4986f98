"""The documents say what is there."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from domain.specialists import SPECIALISTS

PROJECT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted(
    path for path in PROJECT.rglob("*.md") if not {".venv", "blueprints", ".pytest_cache"} & set(path.parts)
)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#)([^)#\s]+)")
ROOMS = ("domain", "ports", "activities", "workflows", "adapters", "client", "gateway", "workers", "commands")
OWN_FILE = re.compile(rf"`((?:{'|'.join(ROOMS)}|tests|docs)/[\w./-]+)`")


def test_the_table_of_specialists_in_the_docs_is_the_one_in_the_code() -> None:
    text = (PROJECT / "docs" / "extending.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert {(name, about, tuple(re.findall(r"`(\w+)`", tools))) for name, about, tools in rows} == {
        (s.name, s.about, tuple(sorted(s.tools))) for s in SPECIALISTS.values()
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(PROJECT)))
def test_links_and_files_that_are_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    missing = [target for target in LINK.findall(text) if not (path.parent / target).exists()]
    named = [file for file in OWN_FILE.findall(text) if file.upper() == file or not re.search(r"NAME|LANG|\{", file)]
    missing += [file for file in named if not (PROJECT / file).exists()]
    assert missing == []


def test_every_decision_has_a_number_of_its_own() -> None:
    """A mention such as `docs/decisions/0007` must mean one page; its heading says the same number."""
    pages = sorted((PROJECT / "docs" / "decisions").glob("*.md"))
    numbers = Counter(page.name[:4] for page in pages)
    assert {number: n for number, n in numbers.items() if n > 1} == {}
    headed = {page.name: page.read_text("utf-8").startswith(f"# {int(page.name[:4])}. ") for page in pages}
    assert [name for name, right in headed.items() if not right] == []


def test_mentions_of_decisions_name_one_that_is_there() -> None:
    """In text and in comments: `decision 7` beside its link, or `docs/decisions/0007` alone."""
    there = {page.name[:4] for page in (PROJECT / "docs" / "decisions").glob("*.md")}
    code = [path for room in (*ROOMS, "bench", "tests") for path in (PROJECT / room).rglob("*.py")]
    texts = {path: path.read_text("utf-8") for path in (*DOCUMENTS, *code)}
    named = {number for text in texts.values() for number in re.findall(r"decisions/(\d{4})", text)}
    linked = [pair for text in texts.values() for pair in re.findall(r"\[decision (\d+)\]\(\S*?(\d{4})-", text)]
    assert named - there == set()
    assert [(said, number) for said, number in linked if int(said) != int(number)] == []


def test_every_dependency_is_used_by_the_product() -> None:
    """Or named here with the reason why it is there all the same."""
    by_name = {"httptools": "uvicorn takes it by name", "redis": "its issue follows", "opentelemetry-sdk": "likewise"}
    imported = {
        "phonenumberslite": "phonenumbers",
        "python-stdnum": "stdnum",
        "pydantic-settings": "pydantic_settings",
    }
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [line.partition(">")[0].partition("[")[0] for line in project["dependencies"]]
    code = "\n".join(p.read_text("utf-8") for room in ROOMS for p in (PROJECT / room).rglob("*.py"))
    imports = {name: rf"^\s*(?:from|import) {imported.get(name, name)}\b" for name in names if name not in by_name}
    assert [name for name, pattern in imports.items() if not re.search(pattern, code, re.MULTILINE)] == []
