"""Categories of the docs work as they stand there: in the blueprint alone, without code."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from adapters.blueprints.folder import load_all
from domain.errors import ConfigurationError
from domain.inbound.webhook import DEFAULT_TENANT

PROJECT = Path(__file__).parents[4]
EXTENDING = (PROJECT / "docs" / "extending.md").read_text("utf-8")
SNIPPETS = re.findall(r"```toml\n(\[\[categories\]\].*?)```", EXTENDING, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT / "blueprints" / "default", tmp_path / "blueprint"))


def add(folder: Path, snippet: str) -> None:
    path = folder / "blueprint.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("# --- limits, people", f"{snippet}\n# --- limits, people", 1), "utf-8")
    assert snippet in path.read_text("utf-8")


def test_returns_are_added_by_the_blueprint_alone(folder: Path) -> None:
    add(folder, SNIPPETS[0])
    blueprint, _ = load_all(folder)
    returns = blueprint.case_policy("acme").category("returns")
    assert returns is not None
    assert (returns.specialist, returns.tools is not None and "refund" in returns.tools) == ("billing", False)
    assert blueprint.case_policy("another").category("returns") is None
    assert blueprint.version != load_all(PROJECT / "blueprints" / "default")[0].version


def test_a_help_desk_needs_its_articles_and_only_approved_ones_count(folder: Path) -> None:
    add(folder, SNIPPETS[1])
    article = {
        "article_id": "kb-it-vpn", "area": "it", "title": "VPN", "symptoms": ["how do I get into the VPN"],
        "cause": "The client needs your token.", "steps": ["Open the client."], "approved": False,
    }  # fmt: skip
    path = folder / "knowledge.json"
    articles = json.loads(path.read_text("utf-8"))
    for approved in (None, False):
        if approved is not None:
            path.write_text(json.dumps([*articles, article]), "utf-8")
        with pytest.raises(ConfigurationError, match=r"line \d+: category 'IT help desk' names .* 'it'"):
            load_all(folder)
    path.write_text(json.dumps([*articles, article | {"approved": True}]), "utf-8")
    blueprint, read = load_all(folder)
    assert blueprint.case_policy(DEFAULT_TENANT).category("IT help desk") is not None
    assert read[-1].article_id == "kb-it-vpn"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"symptoms": None},
            r"knowledge\.json: article 2, key symptoms: it is missing; add it; an article has article_id",
        ),
        ({"steps": "Open it."}, r"article 2, key steps: found 'Open it\.', expected a list"),
        ({"symptom": ["x"]}, r"article 2, key symptom: there is no such key; write 'symptoms'"),
    ],
)
def test_a_wrong_article_is_told_by_its_number_and_key(folder: Path, change: dict[str, Any], told: str) -> None:
    path = folder / "knowledge.json"
    first, second = json.loads(path.read_text("utf-8"))[:2]
    wrong = {key: value for key, value in (second | change).items() if value is not None}
    path.write_text(json.dumps([first, wrong]), "utf-8")
    with pytest.raises(ConfigurationError, match=told):
        load_all(folder)


def test_a_prompt_that_a_specialist_needs_is_missed_by_name(folder: Path) -> None:
    (folder / "prompts" / "article.md").unlink()
    with pytest.raises(ConfigurationError, match=r"article\.md is missing"):
        load_all(folder)


def test_a_category_may_stand_apart_and_others_do_not(folder: Path) -> None:
    add(folder, SNIPPETS[0])
    blueprint, _ = load_all(folder)
    assert {c.name for c in blueprint.case_policy("acme").categories if c.apart} == {"Returns"}


@pytest.mark.parametrize(
    ("snippet", "told"),
    [
        ('[[categories]]\nname = "Biling"\napart = true\n', r"line \d+.*description"),
        (SNIPPETS[1].replace("specialist =", 'apart = "yes"\nspecialist ='), r"line \d+.*apart"),
        (SNIPPETS[1].replace("specialist =", "appart = true\nspecialist ="), r"line \d+.*appart"),
        ("[categories.Biling]\napart = true\n", r"categories"),
        ('apart = ["Biling"]\n', r"apart"),
    ],
)
def test_apart_of_what_is_no_category_is_told_with_its_line(folder: Path, snippet: str, told: str) -> None:
    add(folder, snippet)
    with pytest.raises(ConfigurationError, match=told):
        load_all(folder)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ('examples = ["where do I send it back", "  "]', "examples"),
        (f'examples = ["{"x" * 161}"]', "examples"),
        (f"examples = {json.dumps([f'example {n}' for n in range(9)])}", "examples"),
        ('examples = ["two\\nlines"]', "examples"),
        ('examples = ["Back it goes", "back it goes."]', ""),
    ],
    ids=["blank", "long", "many", "two lines", "good"],
)
def test_examples_are_few_and_short(folder: Path, key: str, says: str) -> None:
    add(folder, f'[[categories]]\nname = "Returns"\ndescription = "goods back"\nspecialist = "sales"\n{key}\n')
    if not says:
        returns = load_all(folder)[0].case_policy(DEFAULT_TENANT).category("Returns")
        assert returns is not None
        assert len(returns.examples) == 2
        return
    with pytest.raises(ConfigurationError, match=says):
        load_all(folder)


def test_an_example_of_two_categories_is_named(folder: Path) -> None:
    one = '[[categories]]\nname = "{}"\ndescription = "goods back"\nspecialist = "sales"\nexamples = ["Back it goes"]\n'
    add(folder, one.format("Returns") + one.format("Swaps"))
    with pytest.raises(ConfigurationError, match="'Swaps' has the example 'Back it goes' of 'Returns'"):
        load_all(folder)
