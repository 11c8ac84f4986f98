"""Where the RabbitMQ is: `amqp[s]://user:password@host:port/vhost?prefix=headgate`."""

import re
from dataclasses import dataclass, field

from yarl import URL

from adapters.inbox.brokers.shown import shown_url
from domain.errors import ConfigurationError

SETTING = "HEADGATE_INBOX"
_FORM = "amqp[s]://user:password@host:port/vhost?prefix=headgate"
_PORTS = {"amqp": 5672, "amqps": 5671}
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,50}")
_TLS_OPTIONS = frozenset({"cafile", "certfile", "keyfile"})  # as the client library reads them
_HEARTBEAT_S = 10  # the server lets go of a client that was silent for two of them, we of a server after 33 seconds


@dataclass(frozen=True, slots=True)
class RabbitAddress:
    """An address that can be meant. `prefix` begins the names of all queues; `shown` is for messages."""

    url: URL = field(repr=False)
    prefix: str
    shown: str

    def mistake(self, found: str, remedy: str) -> ConfigurationError:
        """Return the error that says what was found there, and what to do."""
        return ConfigurationError(f"{SETTING}={self.shown}: {found}; {remedy}")


def read_address(text: str) -> RabbitAddress:
    """Return what the setting says.

    Raises:
        ConfigurationError: it is no such address; the message is without the password.

    >>> read_address("amqp://gate:secret@mq.example:5672/mail?prefix=head").shown
    'amqp://mq.example:5672/mail'
    """
    shown = shown_url(text)
    try:
        url = URL(text)
        user, password, host, port = url.user, url.password, url.host, url.port
    except ValueError:
        # What the error says may be the password, read as a port.
        raise ConfigurationError(f"{SETTING}={shown} is not a URL: expected {_FORM}") from None
    if url.scheme not in _PORTS or not host or port == 0:
        raise ConfigurationError(f"{SETTING}={shown}: expected {_FORM}")
    if not user or password is None:
        raise ConfigurationError(f"{SETTING}={shown}: no user or password; expected {_FORM}")
    if set(url.query) - _TLS_OPTIONS - {"prefix"}:
        known = ", ".join(sorted({"prefix", *_TLS_OPTIONS}))
        raise ConfigurationError(f"{SETTING}={shown}: an option after `?` is unknown; expected some of {known}")
    prefix = url.query.get("prefix", "headgate")
    if not _PREFIX.fullmatch(prefix):
        raise ConfigurationError(
            f"{SETTING}={shown}: its prefix must be 1 to 50 letters, digits, '-' and '_'; choose such a one"
        )
    options = {name: value for name, value in url.query.items() if name in _TLS_OPTIONS}
    url = url.with_port(port or _PORTS[url.scheme])
    return RabbitAddress(url.with_query({**options, "heartbeat": str(_HEARTBEAT_S)}), prefix, shown)
