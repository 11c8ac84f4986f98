"""Which questions a blueprint moved to another tier goes with the case, for its queue."""

from pathlib import Path

import pytest

from adapters.blueprints.folder import load_blueprint
from domain.model_call import Tier
from domain.model_steps import ModelStep
from workers.bootstrap import Parts
from workers.config.settings import Settings

BLUEPRINT = load_blueprint(Path(__file__).parents[3] / "blueprints" / "default")


def test_of_the_usual_tiers_nothing_is_said() -> None:
    assert BLUEPRINT.for_profile("offline").case_policy("default").tiers == {}


@pytest.mark.parametrize(
    ("step", "tier"), [(ModelStep.ROUTE, Tier.LARGE), (ModelStep.REPLY, Tier.SMALL), (ModelStep.ROUTE, Tier.EMBEDDED)]
)
def test_a_step_that_was_moved_is_named_with_its_tier(step: ModelStep, tier: Tier) -> None:
    moved = BLUEPRINT.step(step).model_copy(update={"tier": tier})
    policy = BLUEPRINT.model_copy(update={"steps": {step: moved}}).case_policy("default")
    assert policy.tiers == {step: tier}
    assert type(policy).model_validate_json(policy.model_dump_json()).tiers == {step: tier}


def test_a_profile_s_own_steps_count_where_cases_are_made(tmp_path: Path) -> None:
    settings = Settings(models="openai_thrifty", data_dir=tmp_path)
    assert Parts(settings).case_policy("default").tiers["route"] is Tier.EMBEDDED
