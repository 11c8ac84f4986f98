"""Which holding pen a URL names.

    sqlite:                               a file in the data dir (the default); sqlite:///srv/pen.db is another
    amqp://user:password@host/vhost       RabbitMQ; amqps:// with TLS
    redis://:password@host/0              Redis Streams; rediss:// with TLS
    sqs://eu-central-1/headgate           AWS SQS; ?endpoint=http://… for a server that speaks it

Every broker URL takes `prefix=NAME`: what its queues' names begin with, `headgate` where it is not given.
"""

import re
from collections.abc import Callable
from pathlib import Path

from adapters.inbox.broker_inbox import BrokerInbox
from adapters.inbox.brokers.shown import shown_url
from adapters.inbox.sqlite import SqliteInbox
from domain.errors import ConfigurationError
from domain.turns import Turns
from ports.incoming.accepted_log import AcceptedLog
from ports.incoming.broker import Broker

OpenedInbox = SqliteInbox | BrokerInbox

_PREFIX = re.compile(r"[?&]prefix=([A-Za-z0-9][A-Za-z0-9._:-]*)(?=&|$)")
_EXPECTED = "expected sqlite:, amqp://…, redis://… or sqs://… (docs/pens.md)"


def open_inbox(url: str, *, file: Path, log: Callable[[], AcceptedLog], turns: Turns, max_waiting: int) -> OpenedInbox:
    """Return the pen of a URL; a broker is connected to with the first use.

    Args:
        url: as above; empty means `sqlite:`.
        file: the embedded pen's, where the URL names none.
        log: opens the log of accepted events, which brokers need.
        turns: of this process.
        max_waiting: so many payloads may wait.

    Raises:
        ConfigurationError: it is the URL of no pen.
    """
    broker = _broker_at(url)
    if broker is None:
        return SqliteInbox(_file_of(url) or file, turns=turns, max_waiting=max_waiting)
    return BrokerInbox(broker, log, turns=turns, max_waiting=max_waiting)


def check_url(url: str) -> None:
    """Return if it is the URL of a pen. Raises ConfigurationError if it is of none."""
    _broker_at(url)


async def ask_inbox(url: str) -> None:
    """Return if the pen of a URL can be used; of the embedded one nothing is asked, and no file is made.

    Raises:
        TransientError: it is away, or takes nothing for now.
        ConfigurationError: it cannot be used as it is set; the message names the setting and the remedy.
    """
    broker = _broker_at(url)
    if broker is not None:
        try:
            await broker.check()
        finally:
            await broker.close()


def shown_inbox(url: str) -> str:
    """Return which pen a URL names: without password, and of the options only the prefix.

    >>> shown_inbox("amqp://me:secret@mq.example:5672/work?prefix=x"), shown_inbox("")
    ('amqp://mq.example:5672/work?prefix=x', 'a file in the data dir')
    >>> shown_inbox("sqlite:///srv/pen.db")
    'sqlite:///srv/pen.db'
    """
    if _scheme(url) == "sqlite":
        file = _file_of(url)
        return f"sqlite://{file}" if file is not None else "a file in the data dir"
    shown, prefix = shown_url(url), _PREFIX.search(url)
    return f"{shown}?prefix={prefix[1]}" if prefix is not None and "…" not in shown else shown


def _broker_at(url: str) -> Broker | None:
    match _scheme(url):
        case "sqlite":
            _file_of(url)
            return None
        case "amqp" | "amqps":
            from adapters.inbox.rabbitmq.broker import RabbitBroker

            return RabbitBroker.from_url(url)
        case "redis" | "rediss":
            from adapters.inbox.brokers.redis_streams import RedisBroker

            return RedisBroker.from_url(url)
        case "sqs":
            from adapters.inbox.brokers.sqs import SqsBroker

            return SqsBroker.from_url(url)
        case _:
            raise ConfigurationError(f"HEADGATE_INBOX={shown_url(url)}: there is no pen of this kind; {_EXPECTED}")


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower() if url else "sqlite"


def _file_of(url: str) -> Path | None:
    rest = url.partition(":")[2]
    if not rest.strip("/"):
        return None
    if not rest.startswith("///"):
        raise ConfigurationError(f"HEADGATE_INBOX={url[:60]!r}: expected 'sqlite:' alone, or 'sqlite:///' and a path")
    return Path("/" + rest.lstrip("/"))  # `sqlite:////srv/pen.db`, as SQLAlchemy has it, is the same file
