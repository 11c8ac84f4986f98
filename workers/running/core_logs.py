"""What Temporal's core says, in this process's log, and heard where it says that runs can no longer be trusted."""

import asyncio
import contextlib
import logging
import time
from typing import Self

from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig

from workers.running.core_trust import loses_trust

CORE_LOGGER = logging.getLogger("temporalio.core")
SHORTEST_LIFE_S = 60.0
"""A process lives at least so long before it ends for lost trust: an error that comes again at once costs no more than
a start a minute."""
_LONGEST_QUOTE = 200
_LOG = logging.getLogger("headgate.worker")


def forwarding() -> LogForwardingConfig:
    """Return how lines of core become records of `CORE_LOGGER`."""
    return LogForwardingConfig(
        CORE_LOGGER,
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,
    )


def forward_core_logs() -> None:
    """Have core's warnings and errors, the same that it printed by itself, go where this process logs.

    Once, before the first client of Temporal is made.
    """
    if _plain not in CORE_LOGGER.filters:
        CORE_LOGGER.addFilter(_plain)
    how = LoggingConfig(filter=LoggingConfig.default.filter, forwarding=forwarding())
    with contextlib.suppress(RuntimeError):  # a process that began otherwise, as a test's own, logs as it chose
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=how)))


def _plain(record: logging.LogRecord) -> bool:
    """Put core's module and fields where the log writes them, instead of an object that means nothing there."""
    said = record.__dict__.pop("temporal_log", None)
    if said is not None:
        record.target = said.target
        if fields := said.fields:
            record.fields = fields
    return True


class CoreWatch(logging.Handler):
    """Hears core in this process while it is entered; used inside the event loop.

        with CoreWatch() as watch:
            await watch.trust_lost()

    Records may come from any thread.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic()
        self._lost = asyncio.Event()

    def __enter__(self) -> Self:
        CORE_LOGGER.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        CORE_LOGGER.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Hear one line; the first that loses trust is told."""
        target, said = str(getattr(record, "target", "")), record.getMessage()
        if loses_trust(record.levelno, target, said):
            self._loop.call_soon_threadsafe(self._lose, said[:_LONGEST_QUOTE])

    def _lose(self, said: str) -> None:
        if self._lost.is_set():
            return
        self._lost.set()
        _LOG.error(
            "Temporal's core broke a rule of its own (%r), runs of this process may stand still: it ends in %.0f s, to "
            "be started anew, and they go on there",
            said,
            self._rest_s(),
        )

    async def trust_lost(self) -> None:
        """Wait until runs of this process may stand still, and until it has lived its shortest life."""
        await self._lost.wait()
        await asyncio.sleep(self._rest_s())

    def _rest_s(self) -> float:
        return max(0.0, self._began + SHORTEST_LIFE_S - time.monotonic())
