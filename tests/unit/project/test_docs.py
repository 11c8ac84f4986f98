"""The documents say what is there."""

import inspect
import re
import shlex
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer

import domain.money.refund
from commands.main import app
from domain.money.claim import Doubt
from domain.money.refund import Rule
from domain.reading.claim_words import ClaimWords
from domain.specialists import SPECIALISTS

PROJECT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted(
    path for path in PROJECT.rglob("*.md") if not {".venv", "blueprints", ".pytest_cache"} & set(path.parts)
)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#)([^)#\s]+)")
ROOMS = ("domain", "ports", "activities", "workflows", "adapters", "client", "gateway", "workers", "commands")
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUOTED_COMMAND = re.compile(r"`(headgate [^`|\n]+)`")
OWN_FILE = re.compile(rf"`((?:{'|'.join(ROOMS)}|tests|docs)/[\w./-]+)`")


def test_the_table_of_specialists_in_the_docs_is_the_one_in_the_code() -> None:
    text = (PROJECT / "docs" / "extending.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert {(name, about, tuple(re.findall(r"`(\w+)`", tools))) for name, about, tools in rows} == {
        (s.name, s.about, tuple(sorted(s.tools))) for s in SPECIALISTS.values()
    }


def test_every_list_of_words_that_checks_claims_is_explained() -> None:
    text = (
        (PROJECT / "docs" / "extending.md").read_text("utf-8").partition("| list | what a word")[2].partition("\n\n")[0]
    )
    assert set(re.findall(r"`(\w+)`", "\n".join(line.split(" | ")[0] for line in text.splitlines()))) == set(
        ClaimWords.model_fields
    )


def first_cells(document: str, heading: str) -> set[str]:
    """Return what stands first, between back quotes, in the rows of the tables below a heading."""
    text = (PROJECT / "docs" / document).read_text("utf-8").partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert all(len(cell.strip()) > 3 for row in rows for cell in row.strip("|").split("|"))
    return {row.split("`")[1] for row in rows}


def test_every_finding_that_waits_for_a_person_has_its_remedy() -> None:
    """All rules by which the policy hands a claim to a person, and all doubts about one."""
    source = inspect.getsource(domain.money.refund)
    named = re.findall(r"ToHuman\(rule=Rule\.(\w+)\)|^    Rule\.(\w+): \{Doubt\.", source, re.MULTILINE)
    rules = {Rule[one or other].replace("_", " ") for one, other in named}
    doubts = {f"unread ({doubt.replace('_', ' ')})" for doubt in Doubt}
    assert len(rules) >= 16
    told = first_cells("operating.md", "## What a finding means, and what to do")
    assert (rules | doubts) - told == set()
    assert told - rules - doubts == {"lane"}


def shown_commands() -> list[tuple[str, str]]:
    """Return the documents and the lines of the command line that they show, in blocks and between back quotes."""
    shown = []
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
        lines = [line.removeprefix(".venv/bin/") for line in lines] + QUOTED_COMMAND.findall(text)
        shown += [(str(path.relative_to(PROJECT)), line) for line in lines if line.startswith("headgate ")]
    return shown


def test_every_command_and_option_in_the_documents_exists() -> None:
    wrong = [(path, line) for path, line in shown_commands() if not is_command(shlex.split(line, comments=True)[1:])]
    assert len(shown_commands()) > 100
    assert wrong == []


@pytest.mark.parametrize("line", ["cases shows ID", "cases show --loud", "fly", "--fly"])
def test_the_checker_sees_a_command_that_is_not_there(line: str) -> None:
    assert not is_command(line.split())


def is_command(words: list[str]) -> bool:
    """Return whether words are a command or a group, with options that it has, whatever its arguments."""
    command: Any = typer.main.get_command(app)
    for word in words:
        options = {"--help", *(option for one in command.params for option in (*one.opts, *one.secondary_opts))}
        if word.startswith("--") and word.partition("=")[0] not in options:
            return False
        if hasattr(command, "commands") and not word.startswith("-"):
            if word not in command.commands:
                return False
            command = command.commands[word]
    return True


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
    by_name = {"httptools": "uvicorn takes it by name"}
    imported = {
        "json-repair": "json_repair",
        "phonenumberslite": "phonenumbers",
        "python-stdnum": "stdnum",
        "pydantic-settings": "pydantic_settings",
        "opentelemetry-api": "opentelemetry",
        "opentelemetry-sdk": "opentelemetry.sdk",
        "opentelemetry-semantic-conventions": "opentelemetry.semconv",
        "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter.otlp.proto.http",
    }
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [line.partition(">")[0].partition("[")[0] for line in project["dependencies"]]
    code = "\n".join(p.read_text("utf-8") for room in ROOMS for p in (PROJECT / room).rglob("*.py"))
    imports = {name: rf"^\s*(?:from|import) {imported.get(name, name)}\b" for name in names if name not in by_name}
    assert [name for name, pattern in imports.items() if not re.search(pattern, code, re.MULTILINE)] == []
