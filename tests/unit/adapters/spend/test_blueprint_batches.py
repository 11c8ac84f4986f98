"""Batches of a blueprint: off unless it says so, and what cannot be kept is refused by its line."""

import re
import shutil
from pathlib import Path

import pytest

from adapters.blueprints.folder import load_all
from domain.errors import ConfigurationError
from domain.model_steps import ModelStep
from tests.fakes.blueprint import DEFAULT

PRICE = """
[[prices]]
model = "of-ours"
input = 1.0
output = 2.0
batch = 0.5
"""
GOOD = f"""
[batch]
steps = ["claim", "reply"]
deadline_s = 7200
look_every_s = 60
{PRICE}"""


def with_batches(folder: Path, text: str) -> Path:
    shutil.copytree(DEFAULT, folder, dirs_exist_ok=True)
    path = folder / "blueprint.toml"
    path.write_text(path.read_text("utf-8") + text, "utf-8")
    return folder


def test_batches_are_off_unless_the_blueprint_says_so(tmp_path: Path) -> None:
    assert load_all(with_batches(tmp_path, ""))[0].batch.steps == ()
    rules = load_all(with_batches(tmp_path / "on", GOOD))[0].batch
    assert (rules.steps, rules.deadline_s, rules.look_every_s) == ((ModelStep.CLAIM, ModelStep.REPLY), 7200, 60)


@pytest.mark.parametrize(
    ("instead", "line_of"),
    [
        (("deadline_s = 7200", "deadline_s = 60"), "deadline_s = 60"),
        (("deadline_s = 7200", "deadline_s = 90000"), "deadline_s = 90000"),
        (("look_every_s = 60", "look_every_s = 0"), "look_every_s = 0"),
        (("look_every_s = 60", "look_every_s = 1201"), "look_every_s = 1201"),
        (('steps = ["claim", "reply"]', 'steps = ["claims"]'), 'steps = ["claims"]'),
        (("deadline_s = 7200", "deadline = 7200"), "deadline = 7200"),
        (("batch = 0.5", "batch = 0"), "batch = 0"),
        (("batch = 0.5", "batch = 1.5"), "batch = 1.5"),
        (("batch = 0.5", ""), 'steps = ["claim", "reply"]'),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, instead: tuple[str, str], line_of: str) -> None:
    folder = with_batches(tmp_path, GOOD.replace(*instead))
    with pytest.raises(ConfigurationError) as caught:
        load_all(folder)
    text = (folder / "blueprint.toml").read_text("utf-8")
    line = text[: text.rindex(line_of)].count("\n") + 1
    assert str(caught.value).startswith(f"{folder / 'blueprint.toml'}, line {line}: ")
    assert not re.search(r"Value error", str(caught.value))
