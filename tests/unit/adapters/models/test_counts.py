"""What providers count and what their headers say, sad paths first."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.models.offline.serving.limits import Bucket
from adapters.models.wires.billing import TokenCounts, anthropic_counts, billed, billed_in_vain, openai_counts
from adapters.models.wires.rate_headers import rate_headers, seconds_until
from domain.model_call import Message, ModelRequest, Price, RateWindow, Tier, Usage

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PRICE = Price(model="m", input=10, output=20, cached_input=1)
REQUEST = ModelRequest(
    tier=Tier.SMALL, schema_name="x", json_schema={}, messages=[Message(role="user", content="a" * 300)]
)


@pytest.mark.parametrize("odd", [None, -1, "12", 10**30, 1.5, True, float("nan"), float("inf"), [], {}])
def test_a_count_that_is_none_is_estimated_and_marked(odd: Any) -> None:  # Any: whatever a server sends
    for counts in (
        openai_counts({"prompt_tokens": odd, "completion_tokens": odd}),
        anthropic_counts({"input_tokens": odd, "output_tokens": odd}),
    ):
        used = billed(PRICE, "m", counts, REQUEST, "b" * 30)
        assert (used.input_tokens, used.output_tokens, used.estimated) == (116, 26, True)


def test_counts_in_full() -> None:
    openai = openai_counts(
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "prompt_tokens_details": {"cached_tokens": 80},
            "completion_tokens_details": {"reasoning_tokens": 40},
        }
    )
    assert openai == TokenCounts(100, 50, 80, 40)
    used = billed(PRICE, "m", openai, REQUEST, "x")
    assert (used.cost_micros, used.estimated) == (20 * 10 + 80 * 1 + 50 * 20, False)
    anthropic = {"input_tokens": 10, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 10}
    assert anthropic_counts(anthropic | {"output_tokens": 5}) == TokenCounts(100, 5, 80, 0)


@pytest.mark.parametrize("cached", [101, -5, "80", 10**30])
def test_no_discount_that_cannot_be(cached: Any) -> None:
    counts = openai_counts(
        {"prompt_tokens": 100, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": cached}}
    )
    used = billed(PRICE, "m", counts, REQUEST, "")
    assert (used.cost_micros, used.cached_input_tokens, used.estimated) == (1000, 0, True)


def test_cached_input_without_a_price_of_its_own_costs_as_any_other() -> None:
    assert Price(model="m", input=10, output=20).cost_micros(100, 0, 80) == 1000


def test_a_broken_answer_costs_what_was_counted_and_no_less_than_what_was_written() -> None:
    used = billed_in_vain(PRICE, "m", TokenCounts(read=500, written=1), REQUEST, "b" * 300)
    assert (used.input_tokens, used.output_tokens, used.estimated) == (500, 116, True)


def test_sums_keep_parts_and_mark() -> None:
    both = Usage(cached_input_tokens=1, reasoning_tokens=2).plus(Usage(reasoning_tokens=3, estimated=True))
    assert (both.cached_input_tokens, both.reasoning_tokens, both.estimated) == (1, 5, True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e99", None),
        ("6m0s extra", None),
        ("9" * 100, None),
        ("2199-01-01T00:00:00Z", None),
        ("2026-11-30T11:00:00Z", 0.0),
        ("2026-11-30T12:01:00Z", 60.0),
        ("2026-11-30T14:01:00+02:00", 60.0),
        ("Mon, 30 Nov 2026 12:00:30 GMT", 30.0),
        ("12", 12.0),
        ("0.5", 0.5),
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1h2m3s", 3723.0),
        ("20ms", 0.02),
    ],
)
def test_resets_in_every_spelling(text: str | None, seconds: float | None) -> None:
    assert seconds_until(text, NOW) == pytest.approx(seconds)


def test_headers_of_both_providers() -> None:
    openai = rate_headers(
        {
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-remaining-requests": "59",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-limit-tokens": "150000",
            "x-ratelimit-remaining-tokens": "-3",
            "x-ratelimit-reset-tokens": "6m0s",
        }
    )
    assert openai is not None
    assert openai.requests == RateWindow(limit=60, remaining=59, reset_s=1.0)
    assert openai.tokens == RateWindow(limit=150_000, remaining=0, reset_s=360.0)
    anthropic = rate_headers(
        {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-input-tokens-remaining": "7",
            "anthropic-ratelimit-requests-reset": "2026-11-30T12:00:10Z",
        },
        NOW,
    )
    assert anthropic is not None
    assert anthropic.requests == RateWindow(limit=50, reset_s=10.0)
    assert anthropic.tokens == RateWindow(remaining=7)


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-limit-requests": "many"}, {"x-ratelimit-reset-tokens": "?"}])
def test_no_limits_where_nothing_makes_sense(headers: dict[str, str]) -> None:
    assert rate_headers(headers) is None


def test_refused_calls_take_from_the_bucket_down_to_a_minute() -> None:
    now = [0.0]
    bucket = Bucket(2, lambda: now[0])
    assert [bucket.take(1) for _ in range(3)] == [True, True, False]
    assert bucket.wait_s(1) == pytest.approx(60)
    for _ in range(9):
        bucket.take(1)
    assert bucket.level() == -2
    now[0] = 90.0
    assert bucket.take(1)
    assert bucket.changed_to(1).level() <= 1
