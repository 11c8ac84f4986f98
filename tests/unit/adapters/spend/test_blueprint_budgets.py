"""A budget that cannot be kept is refused at validation, by file and line, in plain words."""

import re
import shutil
from pathlib import Path

import pytest

from adapters.blueprints.folder import load_all
from domain.errors import ConfigurationError
from domain.installation.rules import rules_of
from domain.spend.budgets import Unit
from tests.fakes.blueprint import DEFAULT

GOOD = """
[[budgets]]
scope = "all"
cap = 20_000_000
unit = "micros"
currency = "USD"
zone = "Europe/Berlin"

[[budgets]]
scope = "tenant:*"
cap = 500_000
unit = "tokens"
"""


def with_budgets(folder: Path, text: str) -> Path:
    shutil.copytree(DEFAULT, folder, dirs_exist_ok=True)
    path = folder / "blueprint.toml"
    path.write_text(path.read_text("utf-8") + text, "utf-8")
    return folder


def test_budgets_are_read_and_stand_in_the_rules_on_record(tmp_path: Path) -> None:
    blueprint, articles = load_all(with_budgets(tmp_path, GOOD))
    assert [(b.scope, b.unit, b.zone, b.warn_at) for b in blueprint.spending.budgets] == [
        ("all", Unit.MICROS, "Europe/Berlin", 0.8),
        ("tenant:*", Unit.TOKENS, "UTC", 0.8),
    ]
    on_record = rules_of(blueprint, articles).settings
    assert any(key.startswith("budgets") for key in on_record)


def test_the_default_blueprint_has_no_budget_and_stops_what_runs_in_a_circle(tmp_path: Path) -> None:
    spending = load_all(with_budgets(tmp_path, ""))[0].spending
    assert (spending.budgets, spending.runaway.calls) == ([], 40)


@pytest.mark.parametrize(
    ("instead", "line_of", "said"),
    [
        (("cap = 20_000_000", "cap = 0"), "cap = 0", "more than 0"),
        (("cap = 20_000_000", "cap = 20.5"), "cap = 20.5", "cap"),
        (('currency = "USD"', ""), 'unit = "micros"', "no currency"),
        (('currency = "USD"', 'currency = "EUR"'), 'currency = "EUR"', "'EUR'"),
        (('zone = "Europe/Berlin"', 'zone = "Europe/Bärlin"'), 'zone = "Europe/Bärlin"', "no time zone"),
        (('scope = "tenant:*"', 'scope = "everyone"'), 'scope = "everyone"', "means nothing"),
        (('scope = "tenant:*"', 'scope = "kind:biling"'), 'scope = "kind:biling"', "one of router, billing"),
        (
            (
                'scope = "tenant:*"\ncap = 500_000\nunit = "tokens"',
                'scope = "all"\ncap = 1\nunit = "micros"\ncurrency = "USD"',
            ),
            'scope = "all"\ncap = 1\n',
            "overlap",
        ),
        (('unit = "tokens"', 'unit = "tokens"\nlimit = 5'), "limit = 5", "limit"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, instead: tuple[str, str], line_of: str, said: str) -> None:
    folder = with_budgets(tmp_path, GOOD.replace(*instead))
    with pytest.raises(ConfigurationError) as caught:
        load_all(folder)
    text = (folder / "blueprint.toml").read_text("utf-8")
    line = text[: text.rindex(line_of)].count("\n") + 1
    assert str(caught.value).startswith(f"{folder / 'blueprint.toml'}, line {line}: ")
    assert said in str(caught.value)
    assert not re.search(r"Input should|Value error", str(caught.value))
