"""Costs are those of the calls that are made; a free first look that is wrong is seen."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bench.spending.costs import bench_costs, sample_messages
from commands.measure.model_server import models_for
from domain.routing import SALES
from workers.bootstrap import Parts

SOME = 12


@pytest.fixture(scope="module")
async def parts() -> AsyncIterator[Parts]:
    async with models_for("offline") as found:
        yield found


@pytest.fixture(scope="module")
async def costs(parts: Parts) -> dict[str, Any]:
    return await bench_costs(parts, sample_messages(parts, SOME))


@pytest.mark.parametrize("profile", ["openai", "anthropic", "openai_thrifty"])
def test_rows_are_priced_by_their_tokens_and_add_up(parts: Parts, costs: dict[str, Any], profile: str) -> None:
    rows = costs["by step"][profile]
    prices = {price.model: price for price in parts.blueprint.prices}
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


async def test_a_free_look_that_is_sure_and_wrong_is_another_outcome(parts: Parts) -> None:
    messages = sample_messages(parts, SOME)
    wronged = [replace(message, category=SALES) for message in messages if message.category != SALES]
    document: dict[str, Any] = await bench_costs(parts, wronged)
    assert document["openai_thrifty"]["other_outcome"] > 0
    assert document["openai"]["other_outcome"] == 0
