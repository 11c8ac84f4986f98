"""Reuse in place: what a specialist asks for is answered from near questions, or asked, and never anything between."""

import asyncio
import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.models.answer import AnswerRequest
from domain.errors import TransientError
from domain.model_call import Usage
from domain.model_steps import CacheRules, ModelStep
from ports.models.cache import Flight
from tests.contracts.store_samples import case_input
from tests.unit.activities.reuse.reuse_world import (
    ARTICLES,
    ASKED,
    COST,
    RULES,
    TECHNICAL,
    World,
)


async def test_after_some_customers_asked_the_next_costs_no_call_and_is_on_record() -> None:
    world = World()
    calls = []
    for _ in range(6):
        found = await world.ask()
        calls.append(world.model.calls)
        assert found.article is not None
        assert found.article.article_id == "kb-vpn"
    assert calls == [1, 2, 3, 4, 4, 4]
    assert found.usage == Usage()
    assert found.reused is not None
    assert found.reused == world.record.rows[-1]
    assert (found.reused.answer, found.reused.agree, found.reused.saved_micros) == ("kb-vpn@1", 4, 56)
    assert (found.reused.case_id, found.reused.asked_by) == ("case/shop/6", "technical_support/1.1")
    assert "kb-vpn@1 reused without a call" in found.reused.remark
    assert "saved 110 tokens" in found.reused.remark


async def test_an_article_that_has_expired_or_begun_ends_what_was_kept() -> None:
    """The cache is in place; only the day of the case is another one."""
    last = date(2026, 11, 30)
    before = [a.model_copy(update={"valid_until": last}) if a.article_id == "kb-vpn" else a for a in ARTICLES]
    world = World(articles=before)
    world.day = last
    await world.learnt()
    assert (await world.ask()).reused is not None
    world.day = last + timedelta(days=1)
    found = await world.ask()
    assert (found.reused, found.article, world.model.calls) == (None, None, 1), "chosen, but no longer offered"

    begins = [a.model_copy(update={"valid_from": last}) if a.article_id == "kb-mail" else a for a in ARTICLES]
    world = World(articles=begins)
    world.day = last - timedelta(days=1)
    await world.learnt()
    world.day = last
    assert (await world.ask()).reused is None, "another article may be nearer now"


async def test_a_help_desk_s_questions_are_answered_in_the_same_way_and_apart() -> None:
    world = World()
    await world.learnt()
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, workflow_type="KnowledgeWorkflow", activity_id="knowledge/1.1"
    )
    for n in range(6):
        case = case_input().model_copy(
            update={
                "case_id": f"case/desk/{n}", "customer_id": f"D-{n}", "lang": "en", "subject": "", "text": ASKED,
                "order_id": None, "amount": None, "flags": [],
            }
        )  # fmt: skip
        request = AnswerRequest(case=case, knowledge=("technical",), category=TECHNICAL)
        found = await environment.run(world.answering.answer_from_articles, request)
        assert found.article.article_id == "kb-vpn"
    assert world.model.calls == 4  # a diagnosis is no answer to another question
    assert found.reused.step == "article"


@pytest.mark.parametrize(
    "changed",
    [
        {"category": "Billing"},
        {"category": ""},
        {"lang": "de"},
        {"lang": "und"},
        {"suspicious": True},
        {"text": f"{ASKED} for ORD-10023"},
        {"text": f"{ASKED} of [NAME_1]"},
        {"answers": ["please"]},
        {"channel": "chat"},
        {"tenant": "other"},
        {"text": f"{ASKED}, not today"},  # the guard
        {"text": f"{ASKED} 2"},
    ],
)
async def test_whatever_is_another_matter_is_asked(changed: dict[str, Any]) -> None:
    world = World()
    await world.learnt()
    found = await world.ask(**changed)
    assert (world.model.calls, found.reused) == (1, None)


async def test_of_what_may_not_be_reused_nothing_is_learnt_and_no_vector_is_made() -> None:
    world = World()
    world.embedder.fails = AssertionError("asked for a vector")  # type: ignore[assignment]
    await world.learnt(suspicious=True)
    world.embedder.fails = None
    await world.ask()
    assert world.model.calls == 1


@pytest.mark.parametrize(
    "rules",
    [
        CacheRules(),
        RULES.model_copy(update={"steps": (ModelStep.ARTICLE,)}),
        RULES.model_copy(update={"measured": ()}),
        RULES.model_copy(update={"max_false_hit": 0.001}),
    ],
)
async def test_it_is_off_unless_the_blueprint_says_so_and_its_error_was_measured(rules: CacheRules) -> None:
    world = World(rules)
    for _ in range(7):
        assert (await world.ask()).reused is None
    assert world.model.calls == 7


async def test_what_is_far_or_between_two_answers_is_asked() -> None:
    world = World()
    await world.learnt()
    world.embedder.degrees |= {"mail password reset": 50.0, "password reset": 25.0}
    world.model.article = "kb-mail"
    assert (await world.ask("mail password reset")).reused is None
    assert (await world.ask("password reset")).reused is None
    assert world.model.calls == 2


async def test_one_customer_and_unknown_senders_teach_nobody() -> None:
    for customer in ("C-1", None):
        world = World()
        await world.learnt(8, customer_id=customer)
        await world.ask()
        assert world.model.calls == 1


@pytest.mark.parametrize("two", [("C-1", "#C-1"), ("made-up-1", "made-up-2"), ("C-1", "made-up-1")])
async def test_two_names_of_one_customer_and_customers_on_no_record_teach_nobody(two: tuple[str, str]) -> None:
    world = World()
    for customer in two * 3:
        await world.ask(customer_id=customer)
    world.model.calls = 0
    await world.ask()
    assert world.model.calls == 1


async def test_an_article_that_a_model_could_not_choose_is_not_reused() -> None:
    world = World()
    await world.learnt()
    world.embedder.degrees["my fax is dead"] = 0.0
    world.model.article = "kb-fax"
    found = await world.ask("my fax is dead")
    assert found.article is not None
    assert (found.article.article_id, found.reused) == ("kb-fax", None)


@pytest.mark.parametrize("restart", ["articles", "rules", "models"])
async def test_changed_knowledge_and_other_models_begin_anew(restart: str) -> None:
    world = World()
    await world.learnt()
    later = [a.model_copy(update={"version": 2, "steps": ["do it otherwise"]}) for a in ARTICLES]
    if restart == "articles":
        world.restarted(articles=later)
    elif restart == "models":
        world.restarted(models="others")
    else:
        world.restarted()
    found = await world.ask()
    assert world.model.calls == (0 if restart == "rules" else 1)
    assert found.article is not None
    assert found.article.version == (2 if restart == "articles" else 1)


@pytest.mark.parametrize("spoilt", [{"degraded": True}, None])
async def test_answers_of_a_stand_in_and_no_answers_are_not_kept(spoilt: dict[str, Any] | None) -> None:
    world = World()
    if spoilt is None:
        world.model.article = None
    else:
        world.model.usage = COST.model_copy(update=spoilt)
    await world.learnt(8)
    await world.ask()
    assert world.model.calls == 1


async def test_an_answer_is_over_after_its_window() -> None:
    world = World()
    for _ in range(5):
        await world.ask()
    late = datetime.now(UTC) + timedelta(seconds=86_401)
    world.diagnosing._reuse._clock = lambda: late
    world.model.calls = 0
    await world.ask()
    assert world.model.calls == 1


async def test_without_vectors_questions_are_asked() -> None:
    world = World()
    await world.learnt()
    world.embedder.fails = TransientError("no answer")
    assert (await world.ask()).reused is None
    assert world.model.calls == 1


async def test_what_cannot_be_put_on_record_is_tried_again() -> None:
    world = World()
    await world.learnt()
    world.record.fails = True
    with pytest.raises(TransientError, match="away"):
        await world.ask()
    world.record.fails = False
    assert (await world.ask()).reused is not None


async def test_of_500_equal_questions_at_once_one_is_asked_and_all_are_answered() -> None:
    world = World()
    found = await asyncio.gather(*(world.ask() for _ in range(500)))
    assert world.model.calls == 1
    assert {f.article.article_id for f in found if f.article} == {"kb-vpn"}
    assert sum(f.reused is not None for f in found) == len(world.record.rows) == 499
    assert sum(row.saved_micros for row in world.record.rows) == 499 * 56


async def test_of_equal_questions_without_an_article_each_is_asked() -> None:
    world = World()
    world.model.article = None
    found = await asyncio.gather(*(world.ask() for _ in range(20)))
    assert world.model.calls == 20
    assert all(f.article is None and f.reused is None for f in found)


async def test_where_the_one_who_asks_fails_the_others_ask() -> None:
    world = World()
    world.model.fails = TransientError("503")
    failing = await asyncio.gather(*(world.ask() for _ in range(5)), return_exceptions=True)
    assert [type(f) for f in failing] == [TransientError] * 5
    world.model.fails = None
    assert (await world.ask()).article is not None


@pytest.mark.parametrize(
    "said", ["", " ", "vpn", "a b kb-vpn@1", "-1 5 kb-vpn@1", f"{'9' * 40} 5 kb-vpn@1", "1 1 kb-none@1", "\ufffd"]
)
async def test_what_nobody_can_read_of_the_one_who_asks_is_asked(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    async def boarded(*_: object) -> Flight:
        return Flight(leads=False, answer=said)

    monkeypatch.setattr(world.store, "board", boarded)
    found = await world.ask()
    assert (found.reused, world.model.calls) == (None, 1)


# --- checks ---

CHECKED = RULES.model_copy(update={"shadow_first_share": 1.0})


async def test_a_checked_hit_that_is_wrong_counts_as_the_model_says_and_is_not_reused_again() -> None:
    world = World()
    await world.learnt()
    world.restarted(CHECKED)
    world.model.article = "kb-mail"
    found = await world.ask()
    assert found.article is not None
    assert found.article.article_id == "kb-mail"
    assert found.usage == COST
    assert found.reused is not None
    assert (found.reused.confirmed, found.reused.saved_micros) == (False, 0)
    assert "says something else" in found.reused.remark
    world.restarted(RULES)
    assert (await world.ask()).reused is None


async def test_a_checked_hit_that_is_right_stays() -> None:
    world = World()
    await world.learnt()
    world.restarted(CHECKED)
    found = await world.ask()
    assert (found.reused is not None and found.reused.confirmed, world.model.calls) == (True, 1)
    world.restarted(RULES)
    assert (await world.ask()).reused is not None
    assert world.model.calls == 1


async def test_a_check_that_fails_costs_no_case_its_answer() -> None:
    world = World()
    await world.learnt()
    world.restarted(CHECKED)
    world.model.fails = TransientError("503")
    found = await world.ask()
    assert found.article is not None
    assert found.reused is not None
    assert found.reused.confirmed is None
