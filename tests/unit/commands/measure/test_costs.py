"""Costs are those of the calls that are made; a free first look that is wrong is seen."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.spending.costs import Labelled, bench_costs, sample_messages
from commands.measure.model_server import models_for
from domain.model_call import Tier
from domain.routing import SALES
from tests.fakes.blueprint import BLUEPRINT

SOME = 12


async def costs_of(change: Callable[[list[Labelled]], list[Labelled]] = lambda messages: messages) -> dict[str, Any]:
    async with models_for("offline") as parts:
        wire: Any = parts.models[Tier.SMALL]  # Any: through its guards, to close its connections
        while not hasattr(wire, "aclose"):
            wire = getattr(wire, "model", None) or wire._model
        try:
            return await bench_costs(parts, change(sample_messages(parts, lambda names: names[:SOME])))
        finally:
            await wire.aclose()


@pytest.fixture(scope="module")
def costs() -> dict[str, Any]:
    return asyncio.run(costs_of())


@pytest.mark.parametrize("profile", ["openai", "anthropic", "openai_thrifty"])
def test_rows_are_priced_by_their_tokens_and_add_up(costs: dict[str, Any], profile: str) -> None:
    rows = costs["by step"][profile]
    prices = {price.model: price for price in BLUEPRINT.prices}
    for row in rows:
        exact = row["tokens_in"] * prices[row["model"]].input + row["tokens_out"] * prices[row["model"]].output
        assert row["usd"] == pytest.approx(exact / 1e6, abs=1e-4)
    assert costs[profile]["usd"] == pytest.approx(sum(row["usd"] for row in rows), abs=1e-3)
    assert costs[profile]["usd"] < costs[profile]["usd_large"]


def test_the_large_model_answers_every_step_where_it_is_said_to(costs: dict[str, Any]) -> None:
    rows = costs["by step"]["gpt-5.4, large for every step"]
    assert {row["model"] for row in rows} == {"gpt-5.4"}
    assert costs["openai_thrifty"]["beside"] == costs["openai"]["beside"] == "gpt-5.4, large for every step"


def test_the_thrifty_profile_is_ten_times_cheaper_and_ends_the_same(costs: dict[str, Any]) -> None:
    assert costs["openai_thrifty"]["times_cheaper"] >= 10
    assert costs["openai_thrifty"]["other_outcome"] == 0
    routes = {row["model"]: row["calls"] for row in costs["by step"]["openai_thrifty"] if row["step"] == "route"}
    assert routes["embedded-router-1"] == SOME, "the free look comes first"


async def test_a_free_look_that_is_sure_and_wrong_is_another_outcome() -> None:
    def wronged(messages: list[Labelled]) -> list[Labelled]:
        return [replace(message, category=SALES) for message in messages if message.category != SALES]

    document = await costs_of(wronged)
    assert document["openai_thrifty"]["other_outcome"] > 0
    assert document["openai"]["other_outcome"] == 0
