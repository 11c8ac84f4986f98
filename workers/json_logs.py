"""Logs: one line of JSON each on stderr, stdlib underneath so that Temporal's replay-safe loggers pass through."""

import logging
import sys

import structlog

from domain.errors import ToldToWaitError, TransientError

_TIME_MENDS = frozenset({TransientError.__name__, ToldToWaitError.__name__})


def configure_logging(level: str) -> None:
    """Send all logging to stderr as JSON; `level` as in the settings."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ExtraAdder(),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
    )
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # A line for every request of every client would bury what matters.
    for chatty in ("imapclient", "httpx", "httpx2", "httpcore", "openai", "anthropic", "uvicorn.access", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("temporalio.activity").addFilter(without_trace)


def without_trace(record: logging.LogRecord) -> bool:
    """Say in one line why a try failed that time mends: a broker or store that is away is no bug with a place in the
    code, and is tried every few seconds. At level debug the trace stays.
    """
    error = record.exc_info[1] if record.exc_info else None
    if getattr(error, "type", None) in _TIME_MENDS and not logging.getLogger().isEnabledFor(logging.DEBUG):
        record.msg, record.args = f"{record.getMessage()}: {getattr(error, 'message', error)}", ()
        record.exc_info = record.exc_text = None
    return True
