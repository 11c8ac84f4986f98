"""Categories are the blueprint's: as many as it likes, several to a specialist, each with its knowledge and tools."""

import pytest

from activities.models.answer import AnswerResult
from activities.models.route import RouteRequest
from domain.blueprint import CasePolicy
from domain.case import CaseState, HumanDecision, Lane
from domain.routing import BILLING, DEFAULT_CATEGORIES, Category
from tests.workflows.fake_world import ARTICLE, ONE_CALL, FakeWorld, account, routed
from tests.workflows.running import Mill, new_case, policy
from workflows.case import CaseWorkflow

RETURNS = Category(
    name="Returns", description="somebody wants to send something back.", specialist="billing", knowledge=("returns",)
)
HELP_DESK = Category(
    name="IT help desk", description="an employee asks how something works.", specialist="knowledge", knowledge=("it",)
)
NO_MONEY = Category(
    name="Complaints",
    description="somebody is angry.",
    specialist="billing",
    tools=("extract_claim", "find_account", "search_billing_knowledge"),
)


def rules(*more: Category) -> CasePolicy:
    return policy(categories=(*DEFAULT_CATEGORIES, *more))


async def test_a_category_of_the_blueprint_alone_is_worked_by_the_specialist_that_it_names(
    mill: Mill, world: FakeWorld
) -> None:
    world.always("route_case", routed("Returns"))
    outcome = await mill.run(new_case(policy=rules(RETURNS)))
    assert (outcome.state, outcome.category) == (CaseState.DONE, "Returns")
    assert [e.key for e in outcome.effects] == [f"{outcome.case_id}/refund"]
    [asked] = world.requests("route_case")
    assert isinstance(asked, RouteRequest)
    assert [c.name for c in asked.case.policy.categories][-1] == "Returns"


async def test_a_question_is_answered_from_an_approved_article_with_the_article_named(
    mill: Mill, world: FakeWorld
) -> None:
    world.always("route_case", routed("IT help desk"))
    outcome = await mill.run(new_case(policy=rules(HELP_DESK), text="How do I get into the VPN?"))
    assert (outcome.state, outcome.category) == (CaseState.DONE, "IT help desk")
    assert outcome.finding == "answered from KB-7 v3: The tap drips"
    assert "KB-7" in world.reply()
    [asked] = world.requests("answer_from_articles")
    assert tuple(asked.knowledge) == ("it",)
    assert not {"extract_claim", "find_account", "refund"} & set(world.names)


async def test_a_question_that_no_article_answers_goes_to_a_person_with_what_was_looked_at(
    mill: Mill, world: FakeWorld
) -> None:
    world.always("route_case", routed("IT help desk"))
    world.always("answer_from_articles", AnswerResult(article=None, candidates=["kb-vpn (40%)"], usage=ONE_CALL))
    handle = await mill.start(new_case(policy=rules(HELP_DESK)))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == "no approved article answers it; looked at: kb-vpn (40%)"
    await mill.close_by_hand(handle)


@pytest.mark.parametrize("amount", [2_000, 600_000])
async def test_a_category_may_keep_its_specialist_from_a_tool(mill: Mill, world: FakeWorld, amount: int) -> None:
    """Neither is money paid nor is anybody asked to approve what could not be paid."""
    world.always("route_case", routed("Complaints"))
    world.always("find_account", account(amount))
    handle = await mill.start(new_case(policy=rules(NO_MONEY)))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == "pay the refund: the tool 'refund' is not granted to the category 'Complaints'"
    assert not {"refund", "announce_approval"} & set(world.names)
    await mill.close_by_hand(handle)


async def test_two_categories_of_one_specialist_never_share_a_workflow_id(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", routed("Complaints"))
    apart = (category.model_copy(update={"apart": True}) for category in (NO_MONEY, RETURNS))
    handle = await mill.start(new_case(policy=rules(*apart)))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.ROUTE, by="ana", category="returns"))
    outcome = await handle.result()
    assert (outcome.state, outcome.category) == (CaseState.DONE, "Returns")
    assert [c.workflow_id for c in world.of("extract_claim")] == [f"{handle.id}/billing", f"{handle.id}/billing-2"]


async def test_only_the_category_that_says_so_stands_apart(mill: Mill, world: FakeWorld) -> None:
    apart = NO_MONEY.model_copy(update={"apart": True})
    world.always("route_case", routed("Complaints"))
    handle = await mill.start(new_case(policy=rules(apart, RETURNS)))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.ROUTE, by="ana", category="returns"))
    assert (await handle.result()).state is CaseState.DONE
    assert [c.workflow_id for c in world.of("extract_claim")] == [f"{handle.id}/billing", handle.id]


async def test_a_person_can_route_only_to_a_category_that_the_case_started_with(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", routed("Complaints"))
    handle = await mill.start(new_case(policy=rules(NO_MONEY)))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    answer = await handle.execute_update(
        CaseWorkflow.decide, HumanDecision(verdict=Lane.ROUTE, by="ana", category="Returns")
    )
    assert not answer.accepted
    assert answer.message == "category 'Returns': expected one of Billing, Technical Support, Sales, Complaints"
    await mill.close_by_hand(handle)


async def test_a_route_that_the_case_does_not_have_goes_to_a_person(mill: Mill, world: FakeWorld) -> None:
    """The router is asked with the case's own categories; what it says beyond them acts on nothing."""
    world.always("route_case", routed("Returns"))
    handle = await mill.start()
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert (status.category, status.finding) == (None, "the router gave no category: no category")
    await mill.close_by_hand(handle)


async def test_a_tenant_sees_the_categories_that_are_there_for_it() -> None:
    from workers.config.settings import Settings
    from workers.parts.blueprint import read_blueprint

    blueprint = read_blueprint(Settings())
    acme_only = RETURNS.model_copy(update={"tenants": ("acme",)})
    more = blueprint.model_copy(update={"categories": (*blueprint.categories, acme_only)})
    assert [c.name for c in more.case_policy("acme").categories][-1] == "Returns"
    assert "Returns" not in [c.name for c in more.case_policy("other").categories]
    assert more.case_policy("other").category(" billing. ") is blueprint.categories[0]
    assert blueprint.categories[0].name == BILLING
    assert ARTICLE.approved
