"""What a blueprint says of reusing answers is read whole or refused with its line."""

import re
import shutil
from pathlib import Path

import pytest

from adapters.blueprints.folder import load_all
from domain.cache.lexicon import NearMissGuard, why_apart
from domain.errors import ConfigurationError
from domain.model_steps import CacheRule, ModelStep
from tests.fakes.blueprint import BLUEPRINT, DEFAULT

GOOD = """
[cache]
steps = ["diagnosis"]
categories = ["technical support"]
rule = "balanced"
window_s = 3600
max_false_hit = 0.01

[[cache.measured]]
lang = "en"
embedder = "minilm"
rule = "balanced"
false_upper = 0.008
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))


def add(folder: Path, text: str) -> int:
    """Put lines at the end and return the number of the first one."""
    path = folder / "blueprint.toml"
    before = path.read_text("utf-8")
    path.write_text(before + text, "utf-8")
    return before.count("\n") + 1


def test_without_a_word_of_it_nothing_is_reused() -> None:
    assert BLUEPRINT.cache.steps == ()
    assert BLUEPRINT.cache.rule_for("en", "any") is None


def test_it_is_read_as_it_stands(folder: Path) -> None:
    add(folder, GOOD)
    rules = load_all(folder)[0].cache
    assert (rules.steps, rules.rule, rules.window_s) == ((ModelStep.DIAGNOSIS,), CacheRule.BALANCED, 3600)
    assert rules.rule_for("en", "minilm") is CacheRule.BALANCED


@pytest.mark.parametrize(
    ("was", "wrong", "said"),
    [
        ("window_s = 3600", "window_s = 0", "window_s"),
        ("window_s = 3600", "window_s = 31_536_000", "window_s"),
        ('rule = "balanced"\nwindow', 'rule = "loose"\nwindow', "rule"),
        ("max_false_hit = 0.01", "max_false_hit = 0", "max_false_hit"),
        ("max_false_hit = 0.01", "max_false_hits = 0.01", "max_false_hits"),
        ('steps = ["diagnosis"]', 'steps = ["route"]', "'route', whose answers are never reused"),
        ('steps = ["diagnosis"]', 'steps = ["diagnose"]', "steps"),
        ('categories = ["technical support"]', 'categories = ["IT"]', "'IT', which is no category"),
        ('categories = ["technical support"]', "categories = []", "reused in no category"),
        ("false_upper = 0.008", "false_upper = 1.5", "false_upper"),
        ('lang = "en"', 'lang = "English"', "lang"),
    ],
)
def test_a_wrong_key_is_refused_with_its_line(folder: Path, was: str, wrong: str, said: str) -> None:
    assert was in GOOD
    spoilt = GOOD.replace(was, wrong, 1)
    first = add(folder, spoilt)
    with pytest.raises(ConfigurationError, match=re.escape(said)) as refused:
        load_all(folder)
    key = said if said in spoilt else wrong.split(" ", maxsplit=1)[0]
    at = next(
        n
        for n, line in enumerate(spoilt.splitlines())
        if line.startswith((key, "steps" if "no category" in said and "IT" not in said else key))
    )
    assert f"line {first + at}:" in str(refused.value)


def test_reuse_without_a_lexicon_is_refused(folder: Path) -> None:
    add(folder, GOOD)
    for path in (folder / "words").iterdir():
        path.write_text(path.read_text("utf-8").partition("\n[guard]")[0] + "\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"\[guard\] in words/LANG.toml"):
        load_all(folder)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I turn on roaming?", "How do I turn off roaming?"),
        ("I can log in", "I cannot log in"),
        ("Der Drucker druckt", "Der Drucker druckt nicht"),
        ("Wie aktiviere ich WLAN?", "Wie deaktiviere ich WLAN?"),
        ("Is there a fee in euros?", "Is there a fee in dollars?"),
        ("top up by bank transfer", "top up by card"),
    ],
)
def test_the_default_lexicon_tells_near_misses_apart(one: str, other: str) -> None:
    guard = NearMissGuard(BLUEPRINT.words.guard)
    assert why_apart(guard.marks(one), guard.marks(other)) is not None
