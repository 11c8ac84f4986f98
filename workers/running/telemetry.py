"""OpenTelemetry in a worker process: spans and metrics go out by OTLP where the `OTEL_*` variables name a collector."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from domain.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
CONTENTS = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
LAST_WORDS_S = 1.5
"""So long a worker that ends waits for a collector to take the rest: with `GRACE` less than the grace of `headgate up`.
"""

RESTARTS_METRIC = "headgate.worker.restarts"
_SIGNALS = ("TRACES", "METRICS")
_CONTENTS_SHOWN = {"": False, "false": False, "no_content": False, "true": True, "span_only": True}
_LOG = logging.getLogger("headgate.worker")


def shows_contents(environ: Mapping[str, str]) -> bool:
    """Return whether spans have the messages of model calls. Raises UsageError where the variable says neither.

    >>> shows_contents({}), shows_contents({CONTENTS: "SPAN_ONLY"})
    (False, True)
    """
    said = environ.get(CONTENTS, "")
    shown = _CONTENTS_SHOWN.get(said.strip().lower())
    if shown is None:
        raise UsageError(f"{CONTENTS}={said!r}: expected true, false, SPAN_ONLY or NO_CONTENT; unset it for none")
    return shown


def signals_wanted(environ: Mapping[str, str]) -> list[str]:
    """Return what goes to a collector: `TRACES`, `METRICS`, both or nothing.

    >>> signals_wanted({}), signals_wanted({ENDPOINT: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"})
    ([], ['METRICS'])

    Raises:
        UsageError: an address is none of HTTP, or another protocol is asked for.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    return [signal for signal in _SIGNALS if _wanted(signal, environ)]


def _wanted(signal: str, environ: Mapping[str, str]) -> bool:
    exporter, own = f"OTEL_{signal}_EXPORTER", f"OTEL_EXPORTER_OTLP_{signal}"
    named = environ.get(exporter, "").strip().lower()
    variable = f"{own}_ENDPOINT" if environ.get(f"{own}_ENDPOINT") else ENDPOINT
    address = environ.get(variable, "")
    if named == "none" or not address:
        return False
    if named not in ("", "otlp"):
        raise UsageError(f"{exporter}={named!r}: expected otlp or none")
    if not address.lower().startswith(("http://", "https://")):
        raise UsageError(f"{variable}={address!r}: expected an address such as http://127.0.0.1:4318")
    variable = f"{own}_PROTOCOL" if environ.get(f"{own}_PROTOCOL") else PROTOCOL
    if environ.get(variable, "") not in ("", "http/protobuf"):
        raise UsageError(f"{variable}={environ[variable]!r}: only http/protobuf is spoken; unset it, use port 4318")
    return True


@contextmanager
def telling() -> Iterator[list[str]]:
    """Tell spans and metrics to the collector that the variables name, if they do; yields which of both.

    A collector that is away costs what it was not told, and nothing else.

    Raises:
        UsageError: a variable is not what it should be.
    """
    wanted = signals_wanted(os.environ)
    shows_contents(os.environ)  # a wrong one is told at the start, wherever no model is built yet
    if not wanted:
        yield []
        return
    ending: list[Callable[[], object]] = []
    try:
        resource = _resource()
        if "TRACES" in wanted:
            ending.append(_trace(resource).shutdown)
        if "METRICS" in wanted:
            ending.append(_measure(resource).shutdown)
    except ValueError as error:  # a number, a header or a file of the variables
        raise UsageError(f"OTEL_*: {error}; see docs/telemetry.md") from error
    _LOG.info("OpenTelemetry: %s go to the collector", " and ".join(wanted).lower())
    try:
        yield wanted
    finally:
        _end(ending)


def count_restart(role: str) -> None:
    """Count a worker that ends because Temporal's core can no longer be trusted; nothing without a collector."""
    from opentelemetry import metrics

    said = "Workers that ended to be started anew, since Temporal's core could no longer be trusted."
    counter = metrics.get_meter("headgate.workers").create_counter(RESTARTS_METRIC, unit="{restart}", description=said)
    counter.add(1, {"headgate.role": role})


def _resource() -> "Resource":
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    own = {"service.name": "headgate", "service.version": version("headgate")}
    return Resource.create(own | dict(OTELResourceDetector().detect().attributes))


def _trace(resource: "Resource") -> "TracerProvider":
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def _measure(resource: "Resource") -> "MeterProvider":
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider


def _end(ending: list[Callable[[], object]]) -> None:
    """Give the rest away, all at once; who does not take it in time gets none."""
    threads = [threading.Thread(target=shutdown, daemon=True) for shutdown in ending]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LAST_WORDS_S / len(threads))
