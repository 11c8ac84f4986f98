"""What a blueprint says of models, steps and prices is read whole or refused with its line."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.blueprints.folder import load_all
from adapters.models.factory import build_models
from adapters.models.guards.standing_in import TierModels
from adapters.models.guards.watching import WatchedModel
from adapters.moods.memory import MoodsInMemory
from domain.blueprint import Blueprint
from domain.errors import ConfigurationError
from domain.model_call import Tier
from domain.model_steps import DEFAULT_STEPS, DenserWhen, ModelStep
from tests.fakes.blueprint import BLUEPRINT, DEFAULT
from workers.config.secret_files import secrets_in

BUDGETS = DEFAULT.parents[1] / "docs" / "budgets.md"
KEYS = {"OPENAI_API_KEY": "sk-test", "ANTHROPIC_API_KEY": "sk-ant-test"}
SMALL = '[models.openai.small]\nprovider = "openai"\nmodel = "gpt-4.1-mini"\n'
TWO = """
[[models.two.small]]
provider = "openai"
model = "gpt-5.4-nano"

[[models.two.small]]
provider = "anthropic"
model = "claude-haiku-4-5"
structured = "tool"

[models.two.large]
provider = "openai"
model = "gpt-5.4"
"""

TWICE_PRICED = """
[[prices]]
model = "x"
input = 1
output = 1
until = "2026-02-01"
[[prices]]
model = "x"
input = 1
output = 1
valid_from = "2026-02-01"
"""
OFFLINE = 'provider = "offline"\nmodel = "embedded-router-1"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))


def add(folder: Path, text: str) -> int:
    """Put lines at the end and return the number of the first one."""
    path = folder / "blueprint.toml"
    before = path.read_text("utf-8")
    path.write_text(before + text.lstrip("\n"), "utf-8")
    return before.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[steps.clam]\ntier = "small"', 1, "steps.clam"),
        (
            '[steps.claim]\ntier = "medium"',
            2,
            "key steps.claim.tier: found 'medium', expected one of 'embedded', 'small'",
        ),
        ("[steps.claim]\nmax_output = 0", 2, "key steps.claim.max_output: found 0, expected 1 or more"),
        ("[steps.claim]\nmax_output = 64_000", 2, "key steps.claim.max_output"),
        (
            '[steps.claim]\ndenser_when = ["unsure"]',
            2,
            "key steps.claim.denser_when.0: found 'unsure', expected one of",
        ),
        ('[steps.claim]\ndenser_wen = ["unfit"]', 2, "write 'denser_when'"),
        ('[steps.claim]\ntier = "small"\ndenser_when = ["low_confidence"]', 3, "this step cannot see"),
        ('[steps.reply]\ndenser_when = ["unfit"]', 2, "there is no tier above"),
        (f"[models.p.large]\n{OFFLINE}\n[models.p.small]\n{OFFLINE}\ntpm = 100", 7, "tpm is 100, but"),
        ('[steps.route]\ndenser_when = ["low_confidence"]', 2, "there is no min_confidence"),
        ("[steps.route]\nmin_confidence = 0.5", 2, "says nothing without"),
        ("[steps.route]\nmin_confidence = 0", 2, "key steps.route.min_confidence"),
        ('[steps.claim]\ndenser_when = ["high_stakes"]', 2, "there is no high_stakes_minor"),
        ('[steps.claim]\ndenser_when = ["high_stakes"]\nhigh_stakes_minor = { USD = 0 }', 3, "more than 0"),
        ('[steps.claim]\ndenser_when = ["high_stakes"]\nhigh_stakes_minor = { usd = 1 }', 3, "high_stakes_minor.usd"),
        ('[profile_steps.nobody.route]\ntier = "small"', 1, "profile_steps names 'nobody': expected one of"),
        ('[profile_steps.openai.reply]\ndenser_when = ["unfit"]', 2, "there is no tier above"),
        ('[steps.reply]\ncheaper_when_short = "tiny"', 2, "found 'tiny', expected one of"),
        ('[steps.lead]\ncheaper_when_short = "small"', 2, "no cheaper than the step's tier 'small'"),
        (
            '[steps.lead]\ntier = "embedded"\ncheaper_when_short = "small"',
            3,
            "no cheaper than the step's tier 'embedded'",
        ),
        (
            '[profile_steps.openai.lead]\ncheaper_when_short = "large"',
            2,
            "profile_steps.openai.lead.cheaper_when_short",
        ),
        ('[steps.reply]\ncheaper_when_short = "small"', 2, "says nothing without a budget"),
        ('[steps.reply]\ntier = "small"\ndenser_when = ["unfit"]\ncheaper_when_short = ""', 4, "cheaper_when_short"),
        (
            (
                '[steps.claim]\ncheaper_when_short = "embedded"\n'
                'denser_when = ["high_stakes"]\nhigh_stakes_minor = { USD = 1 }'
            ),
            2,
            "where much is at stake nothing is saved",
        ),
        ('[models.openai.medium]\nprovider = "openai"', 1, "medium"),
        (TWO.replace("gpt-5.4-nano", "gpt-9"), 3, "models.two.small.0.model: model 'gpt-9' has no price"),
        (TWO.replace("claude-haiku-4-5", "claude-9"), 7, "models.two.small.1.model: model 'claude-9' has no price"),
        (TWO.replace('"claude-haiku-4-5"', '"claude-haiku-4-5"\nidle_s = 0'), 8, "key models.two.small.1.idle_s"),
        (TWO.replace('"claude-haiku-4-5"', '"claude-haiku-4-5"\nanswer_s = 9e9'), 8, "answer_s is 9e+09"),
        (
            TWO.replace('"anthropic"\nmodel = "claude-haiku-4-5"', '"openai"\nmodel = "gpt-5.4-nano"'),
            7,
            "models.two.small.1 is openai gpt-5.4-nano again, which stands at 0 already",
        ),
        ("[models.two]\nsmall = []\nlarge = []", 2, "key models.two.small: found [], expected 1 entry or more"),
        ('[[prices]]\nmodel = "gpt-4o"\ninput = 1\noutput = 1\nvalid_from = "2026-01-01"', 2, "twice for the same day"),
        (
            TWICE_PRICED,
            5,
            "its next price begins on 2026-02-01",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(folder: Path, text: str, line: int, said: str) -> None:
    first = add(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        load_all(folder)
    assert said in str(caught.value)
    assert re.search(rf"blueprint\.toml, line {first + line - 1}: ", str(caught.value)), str(caught.value)


def test_a_step_may_begin_cheaper_where_there_is_a_budget_and_its_own_tier_is_then_the_denser_one(folder: Path) -> None:
    add(folder, '[steps.reply]\ncheaper_when_short = "small"\ndenser_when = ["unfit"]\n')
    add(folder, '[[budgets]]\nscope = "all"\ncap = 100\nunit = "tokens"\n')
    rules = load_all(folder)[0].step(ModelStep.REPLY)
    assert (rules.tier, rules.cheaper_when_short, rules.denser_when) == (Tier.LARGE, Tier.SMALL, (DenserWhen.UNFIT,))


def test_a_price_of_the_future_does_not_count_yet(folder: Path) -> None:
    path = folder / "blueprint.toml"
    text = path.read_text("utf-8").replace('gpt-4.1-mini"\ninput', 'gpt-4.1-mini"\nvalid_from = "2999-01-01"\ninput')
    text = text.replace('output = 1.60\nvalid_from = "2026-01-01"', "output = 1.60")
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=r"'gpt-4.1-mini' has no price in force on 20"):
        load_all(folder)


def test_one_table_or_several_are_read_and_one_is_put_on_record_as_before(folder: Path) -> None:
    add(folder, TWO)
    blueprint, _ = load_all(folder)
    assert [c.model for c in blueprint.models["two"][Tier.SMALL]] == ["gpt-5.4-nano", "claude-haiku-4-5"]
    assert [c.model for c in blueprint.choices("two")] == ["gpt-5.4-nano", "claude-haiku-4-5", "gpt-5.4"]
    dumped = blueprint.model_dump(mode="json")["models"]
    assert (type(dumped["two"]["small"]), dumped["two"]["large"]["model"]) == (list, "gpt-5.4")
    assert Blueprint.model_validate_json(blueprint.model_dump_json()) == blueprint


def test_a_model_may_stand_in_for_itself_by_another_key(folder: Path) -> None:
    again = '"openai"\nmodel = "gpt-5.4-nano"\napi_key_env = "SALES_KEY"'
    add(folder, TWO.replace('"anthropic"\nmodel = "claude-haiku-4-5"', again))
    blueprint, _ = load_all(folder)
    assert [c.asked_as for c in blueprint.models["two"][Tier.SMALL]] == [
        "openai gpt-5.4-nano",
        "openai gpt-5.4-nano (SALES_KEY)",
    ]


def test_several_are_built_in_order_and_each_needs_its_key(folder: Path) -> None:
    add(folder, TWO)
    blueprint, _ = load_all(folder)
    small = build_models(blueprint, "two", secrets_in(KEYS), "", MoodsInMemory())[Tier.SMALL]
    assert isinstance(small, TierModels)
    assert [m.watch.model for m in small.models] == ["openai gpt-5.4-nano", "anthropic claude-haiku-4-5"]
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY"):
        build_models(blueprint, "two", secrets_in({"OPENAI_API_KEY": "x"}), "", MoodsInMemory())


def test_the_price_of_the_day_is_charged_by_a_worker_that_runs_over_midnight() -> None:
    day = datetime(2026, 12, 31, tzinfo=UTC)
    old = next(p for p in BLUEPRINT.prices if p.model == "gpt-4.1-mini")
    new = old.model_copy(update={"input": 9.0, "valid_from": "2027-01-01"})
    blueprint = BLUEPRINT.model_copy(update={"prices": [*BLUEPRINT.prices, new]})
    models = build_models(blueprint, "openai", secrets_in(KEYS), "", MoodsInMemory(), clock=lambda: day)
    small = models[Tier.SMALL]
    assert isinstance(small, WatchedModel)
    price = small.model.model.model.model._price  # type: ignore[attr-defined] # the wire's own, behind its guards
    assert price().input == 0.40
    day = datetime(2027, 1, 1, tzinfo=UTC)
    assert price().input == 9.0


def test_the_example_in_the_default_blueprint_is_good(folder: Path) -> None:
    path = folder / "blueprint.toml"
    text = path.read_text("utf-8")
    for first, after in (
        ("# [steps.route]", "# --- budgets"), ("# [[budgets]]", "# --- batches"), ("# [cache]", "[runaway]"),
    ):  # fmt: skip
        start, end = text.index(first), text.index(after)
        add(
            folder, "\n".join(line.removeprefix("# ").removeprefix("#") for line in text[start:end].splitlines()) + "\n"
        )
    blueprint, _ = load_all(folder)
    assert blueprint.step(ModelStep.REPLY).cheaper_when_short is Tier.SMALL
    assert blueprint.step(ModelStep.ROUTE).min_confidence == 0.8
    assert DenserWhen.HIGH_STAKES in blueprint.step(ModelStep.CLAIM).denser_when
    assert blueprint.cache.steps == (ModelStep.DIAGNOSIS, ModelStep.ARTICLE)


def test_steps_of_a_profile_are_its_own() -> None:
    blueprint, _ = load_all(DEFAULT)
    thrifty = blueprint.for_profile("openai_thrifty")
    assert thrifty.step(ModelStep.ROUTE).tier is Tier.EMBEDDED
    assert thrifty.step(ModelStep.CLAIM).max_output == DEFAULT_STEPS[ModelStep.CLAIM].max_output
    assert blueprint.for_profile("openai").step(ModelStep.ROUTE) == DEFAULT_STEPS[ModelStep.ROUTE]


def test_the_budgets_of_the_docs_can_be_added_to_the_default_blueprint(tmp_path: Path) -> None:
    """The first block as it stands; the second one, which the blueprint has already, in the place of its own."""
    added, runaway = re.findall(r"```toml\n(.*?)```", BUDGETS.read_text("utf-8"), re.DOTALL)[:2]
    folder = Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))
    path = folder / "blueprint.toml"
    text = path.read_text("utf-8")
    path.write_text(f"{text}\n{added}", "utf-8")
    assert [budget.scope for budget in load_all(folder)[0].budgets] == ["all", "tenant:*"]
    before, own = text.split("[runaway]")
    path.write_text(f"{before}{runaway}{own[own.index('# ---') :]}\n{added}", "utf-8")
    assert load_all(folder)[0].runaway.calls == 40
