"""Nothing is told unless a collector is named; a variable that says something else is refused with the remedy."""

import pytest

from domain.errors import UsageError
from workers.machine.stack import _without_temporal
from workers.running.telemetry import CONTENTS, ENDPOINT, PROTOCOL, shows_contents, signals_wanted

AT = "http://collector:4318"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({ENDPOINT: "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT='collector:4318'.*http://127.0.0.1:4318"),
        (
            {ENDPOINT: AT, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "grpc://x"},
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT='grpc://x'",
        ),
        ({ENDPOINT: AT, PROTOCOL: "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL='grpc'.*http/protobuf"),
        (
            {ENDPOINT: AT, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL='http/json'",
        ),
        ({ENDPOINT: AT, "OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER='zipkin'.*otlp or none"),
    ],
)
def test_a_variable_that_cannot_be_kept_is_named(environ: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        signals_wanted(environ)


@pytest.mark.parametrize("said", ["yes", "1", "EVENT_ONLY", "span_and_event"])
def test_contents_are_never_shown_by_a_word_that_nobody_knows(said: str) -> None:
    with pytest.raises(UsageError, match=f"{CONTENTS}='{said}'"):
        shows_contents({CONTENTS: said})


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, []),
        ({ENDPOINT: ""}, []),
        ({ENDPOINT: AT}, ["TRACES", "METRICS"]),
        ({ENDPOINT: AT, PROTOCOL: "http/protobuf", "OTEL_METRICS_EXPORTER": "none"}, ["TRACES"]),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": AT}, ["METRICS"]),
        ({ENDPOINT: AT, "OTEL_SDK_DISABLED": "true"}, []),
        ({ENDPOINT: "nonsense", "OTEL_SDK_DISABLED": "TRUE"}, []),
    ],
)
def test_what_goes_to_a_collector(environ: dict[str, str], wanted: list[str]) -> None:
    assert signals_wanted(environ) == wanted


@pytest.mark.parametrize(
    ("said", "shown"), [("", False), ("false", False), ("NO_CONTENT", False), ("True", True), ("SPAN_ONLY", True)]
)
def test_contents_are_shown_where_a_word_says_so(said: str, shown: bool) -> None:
    assert shows_contents({CONTENTS: said}) is shown


def test_temporals_own_server_hears_nothing_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    assert _without_temporal()["OTEL_TRACES_EXPORTER"] is None, "it takes the variable away"
