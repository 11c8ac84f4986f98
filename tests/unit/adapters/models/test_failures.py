"""What a provider's refusal means for a retry: the tables are the documentation."""

from datetime import UTC, datetime

import pytest

from adapters.models.wires.failures import ANTHROPIC_FAILURES, OPENAI_FAILURES, Table, failure_for
from adapters.models.wires.retry_after import wait_seconds
from domain.errors import ConfigurationError, HeadgateError, ToldToWaitError, TransientError, UnsupportedTaskError
from domain.model_call import RateHeaders, RateWindow
from domain.moods.waits import LONGEST_S, UNSAID_S

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def failure(table: Table, status: int, *codes: str, **headers: str) -> HeadgateError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failure_for(table, "provider model", status, named, codes, "what it said")


@pytest.mark.parametrize("table", [OPENAI_FAILURES, ANTHROPIC_FAILURES])
@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (400, ConfigurationError),
        (401, ConfigurationError),
        (402, ConfigurationError),
        (403, ConfigurationError),
        (404, ConfigurationError),
        (405, ConfigurationError),
        (408, TransientError),
        (409, TransientError),
        (413, ConfigurationError),
        (422, ConfigurationError),
        (429, ToldToWaitError),
        (500, TransientError),
        (502, TransientError),
        (503, TransientError),
        (504, TransientError),
        (520, TransientError),
        (529, ToldToWaitError),
    ],
)
def test_what_a_status_means_on_both_wires(table: Table, status: int, meaning: type[HeadgateError]) -> None:
    assert type(failure(table, status)) is meaning


@pytest.mark.parametrize(
    ("table", "status", "code", "meaning"),
    [
        (OPENAI_FAILURES, 429, "insufficient_quota", ConfigurationError),
        (OPENAI_FAILURES, 429, "billing_hard_limit_reached", ConfigurationError),
        (OPENAI_FAILURES, 429, "rate_limit_exceeded", ToldToWaitError),
        (OPENAI_FAILURES, 400, "content_filter", UnsupportedTaskError),
        (OPENAI_FAILURES, 400, "context_length_exceeded", UnsupportedTaskError),
        (OPENAI_FAILURES, 422, "unsupported_task", UnsupportedTaskError),
        (ANTHROPIC_FAILURES, 422, "unsupported_task", UnsupportedTaskError),
        (ANTHROPIC_FAILURES, 429, "rate_limit_error", ToldToWaitError),
        (ANTHROPIC_FAILURES, 429, "enforced_spend_limit_reached", ConfigurationError),
        (ANTHROPIC_FAILURES, 500, "overloaded_error", ToldToWaitError),
        (ANTHROPIC_FAILURES, 400, "billing_error", ConfigurationError),
    ],
)
def test_a_code_says_more_than_its_status(table: Table, status: int, code: str, meaning: type[HeadgateError]) -> None:
    assert type(failure(table, status, code, "some_type")) is meaning
    assert type(failure(table, status, "", code)) is meaning


def test_a_quota_that_is_spent_is_not_waited_for_even_if_a_wait_is_named() -> None:
    assert isinstance(failure(OPENAI_FAILURES, 429, "insufficient_quota", retry_after="5"), ConfigurationError)


@pytest.mark.parametrize("status", [503, 520])
def test_a_5xx_that_names_a_wait_is_waited_for(status: int) -> None:
    error = failure(OPENAI_FAILURES, status, retry_after="7")
    assert isinstance(error, ToldToWaitError)
    assert error.wait_seconds == 7


@pytest.mark.parametrize(
    ("table", "headers"),
    [
        (OPENAI_FAILURES, {"x-ratelimit-limit-requests": "300", "x-ratelimit-remaining-requests": "0"}),
        (
            ANTHROPIC_FAILURES,
            {"anthropic-ratelimit-requests-limit": "300", "anthropic-ratelimit-requests-remaining": "0"},
        ),
    ],
)
@pytest.mark.parametrize(
    ("status", "wait"), [(429, {}), (529, {}), (503, {"retry-after": "2"}), (429, {"retry-after": "-1"})]
)
def test_a_refusal_has_the_limits_that_it_told(
    table: Table, headers: dict[str, str], status: int, wait: dict[str, str]
) -> None:
    error = failure_for(table, "m", status, headers | wait, (), "slow down")
    assert isinstance(error, ToldToWaitError)
    assert error.rate == RateHeaders(requests=RateWindow(limit=300, remaining=0))
    bare = failure_for(table, "m", status, wait, (), "slow down")
    assert isinstance(bare, ToldToWaitError)
    assert bare.rate is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "86400"}, LONGEST_S),
        ({"retry-after": "31536000"}, None),
        ({"retry-after": "999999999999"}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after-ms": "1e300", "retry-after": "9"}, 9.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 22 Nov 2027 12:00:00 GMT"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30"}, 30.0),
        ({"retry-after": "Sun, 99 Nov 2026 12:00:30 GMT"}, None),
        # The provider's clock, not ours: ten minutes apart.
        ({"retry-after": "Sun, 22 Nov 2026 12:10:30 GMT", "date": "Sun, 22 Nov 2026 12:10:00 GMT"}, 30.0),
    ],
)
def test_every_way_of_naming_a_wait_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_seconds(headers, NOW) == seconds


@pytest.mark.parametrize("said", [None, "soon", "nan"])
def test_a_429_without_a_sensible_wait_waits_the_default(said: str | None) -> None:
    error = failure(OPENAI_FAILURES, 429, **({"retry_after": said} if said else {}))
    assert isinstance(error, ToldToWaitError)
    assert (error.wait_seconds, error.named) == (UNSAID_S, False)


def test_a_failure_names_provider_status_and_code_but_no_key() -> None:
    words = "Incorrect API key provided: sk-proj-abcdef123456. You\ncan find\nit in " + "x" * 900
    error = failure_for(OPENAI_FAILURES, "openai gpt-x", 401, {}, ("invalid_api_key", ""), words)
    assert str(error).startswith("openai gpt-x: HTTP 401 invalid_api_key: Incorrect API key provided: [key]")
    assert "abcdef" not in str(error)
    assert len(str(error)) < 500
    assert "\n" not in str(error)
