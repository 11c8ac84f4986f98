"""A new specialist is its own files and one row of one table; all else follows from the row."""

from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from domain.blueprint import check_categories
from domain.case import CaseState
from domain.errors import CategoryError, RefusedError
from domain.routing import DEFAULT_CATEGORIES, Category
from domain.specialists import SPECIALISTS, is_granted
from tests.examples.loyalty.row import ROW
from tests.examples.loyalty.rules import Birthday
from tests.workflows.fake_world import FakeWorld, routed
from tests.workflows.running import Mill, new_case, policy
from workers.bootstrap import Parts
from workers.config.settings import Settings
from workers.roles import workflows

BIRTHDAYS = Category(name="Birthdays", description="somebody has a birthday.", specialist="loyalty")
OWN_FILES = {"rules.py", "activities.py", "workflow.py", "row.py"}


@pytest.fixture(autouse=True)
def row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table with one row more."""
    monkeypatch.setitem(SPECIALISTS, ROW.name, ROW)


async def test_it_is_four_files_of_which_one_is_the_row() -> None:
    folder = Path(__file__).parents[2] / "examples" / "loyalty"
    assert {path.name for path in folder.glob("*.py")} == OWN_FILES


async def test_workers_serve_it(tmp_path: Path) -> None:
    parts = Parts(Settings(data_dir=tmp_path))
    try:
        assert "look_up_birthday" in {tool.__name__ for tool in parts.action_activities()}
    finally:
        parts.close()
    assert "LoyaltyWorkflow" in {workflow.__name__ for workflow in workflows()}


async def test_it_alone_may_use_its_tool_and_no_other() -> None:
    assert is_granted("LoyaltyWorkflow", "look_up_birthday")
    assert not is_granted("LoyaltyWorkflow", "refund")
    assert not is_granted("BillingWorkflow", "look_up_birthday")


async def test_a_blueprint_may_name_it_and_only_its_tools() -> None:
    check_categories([*DEFAULT_CATEGORIES, BIRTHDAYS])
    with pytest.raises(CategoryError, match="'refund', which the specialist 'loyalty' does not have"):
        check_categories([BIRTHDAYS.model_copy(update={"tools": ("refund",)})])


async def test_cases_of_its_category_are_worked(env: WorkflowEnvironment, client: Client) -> None:
    world = FakeWorld()
    world.always("route_case", routed("Birthdays"))
    world.always("look_up_birthday", Birthday(member=True, years=4))
    async with Mill(env, client, world) as mill:
        rules = policy(categories=(*DEFAULT_CATEGORIES, BIRTHDAYS))
        outcome = await mill.run(new_case(policy=rules))
        assert (outcome.state, outcome.category, outcome.finding) == (CaseState.DONE, "Birthdays", "140 points")
        assert "140 points are yours." in world.reply()
        world.always("look_up_birthday", RefusedError("the programme is closed"))
        handle = await mill.start(new_case(policy=rules))
        status = await mill.until(handle, CaseState.WAITING_HUMAN)
        assert status.finding == "look up the birthday: the programme is closed"
        await mill.close_by_hand(handle)
