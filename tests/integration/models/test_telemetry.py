"""A process tells its calls to a real collector by OTLP; one that is away or silent costs no call and no end."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROJECT = Path(__file__).resolve().parents[3]
ENDS_WITHIN_S = 60.0
WORKER = """
import asyncio
from adapters.models.guards.traced import ModelTelemetry, TracedModel
from domain.blueprint import ModelChoice
from domain.model_call import Message, ModelReply, ModelRequest, Tier, Usage
from workers.running.telemetry import telling

class Wire:
    async def complete(self, request):
        return ModelReply(text="Ann", model="m", usage=Usage(calls=1, input_tokens=7, output_tokens=2))

model = TracedModel(Wire(), ModelChoice(provider="openai", model="m"), ModelTelemetry())  # built before
request = ModelRequest(tier=Tier.SMALL, schema_name="claim", json_schema={},
                       messages=[Message(role="user", content="Ann")])
with telling() as told:
    print(asyncio.run(model.complete(request)).text, told)
"""

RESTART = """
from workers.running.telemetry import count_restart, telling
with telling():
    count_restart("case")
"""


class Collector(ThreadingHTTPServer):
    """Keeps what is sent to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.bodies: dict[str, list[bytes]] = {}
        self.headers: dict[str, str] = {}


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.setdefault(self.path, []).append(body)
        self.server.headers = dict(self.headers)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def call(code: str = WORKER, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")} | variables
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
        check=True,
    )


@pytest.mark.parametrize("silent", [False, True], ids=["away", "silent"])
def test_a_collector_that_takes_nothing_costs_no_call(*, silent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        if not silent:
            server.close()
        done = call(OTEL_EXPORTER_OTLP_ENDPOINT=address)
    assert done.stdout == "Ann ['TRACES', 'METRICS']\n"


def test_a_variable_that_the_library_cannot_read_is_told_at_the_start() -> None:
    with pytest.raises(subprocess.CalledProcessError) as ended:
        call(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert "UsageError" in ended.value.stderr
    assert ended.value.stdout == ""


def test_spans_and_metrics_come_to_the_collector_under_the_name_of_headgate(collector: Collector) -> None:
    address = f"http://127.0.0.1:{collector.server_address[1]}"
    empty = {"OTEL_EXPORTER_OTLP_PROTOCOL": "", "OTEL_SERVICE_NAME": "", "OTEL_RESOURCE_ATTRIBUTES": "team=desk"}
    done = call(OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_EXPORTER_OTLP_HEADERS="x-key=k1", **empty)
    assert done.stdout == "Ann ['TRACES', 'METRICS']\n", done.stderr
    traces = ExportTraceServiceRequest.FromString(collector.bodies["/v1/traces"][0])
    [resource] = traces.resource_spans
    named = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
    assert (named["service.name"], named["team"]) == ("headgate", "desk")
    [span] = resource.scope_spans[0].spans
    assert span.name == "chat m"
    metrics = ExportMetricsServiceRequest.FromString(collector.bodies["/v1/metrics"][0])
    names = {m.name for r in metrics.resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert {"gen_ai.client.token.usage", "gen_ai.client.operation.duration"} <= names
    assert {name.lower(): value for name, value in collector.headers.items()}["x-key"] == "k1"
    sent = b"".join(body for bodies in collector.bodies.values() for body in bodies)
    assert b"Ann" not in sent


def test_nothing_is_sent_where_no_collector_is_named() -> None:
    assert call().stdout == "Ann []\n"


def test_a_worker_that_starts_anew_is_counted_before_it_ends(collector: Collector) -> None:
    call(RESTART, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_address[1]}")
    told = ExportMetricsServiceRequest.FromString(collector.bodies["/v1/metrics"][0])
    [metric] = [m for r in told.resource_metrics for s in r.scope_metrics for m in s.metrics]
    [point] = metric.sum.data_points
    assert (metric.name, point.as_int) == ("headgate.worker.restarts", 1)
    assert [(a.key, a.value.string_value) for a in point.attributes] == [("headgate.role", "case")]


def test_without_a_collector_it_costs_nothing() -> None:
    assert call(RESTART).stderr == ""
