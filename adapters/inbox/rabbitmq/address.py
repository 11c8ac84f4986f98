"""Where the RabbitMQ is: `amqp[s]://user:password@host:port/vhost?prefix=headgate`."""

import re
from dataclasses import dataclass, field

from yarl import URL

from domain.errors import ConfigurationError

SETTING = "HEADGATE_INBOX"
_FORM = "amqp[s]://user:password@host:port/vhost?prefix=headgate"
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,50}")
_TLS_OPTIONS = frozenset({"cafile", "certfile", "keyfile"})  # as the client library reads them
_HEARTBEAT_S = 10  # the server lets go of a client that was silent for two of them, we of a server after 33 seconds


@dataclass(frozen=True, slots=True)
class RabbitAddress:
    """An address that can be meant. `prefix` begins the names of all queues; `shown` is it without the password."""

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
    'amqp://gate:***@mq.example:5672/mail?prefix=head'
    """
    try:
        url = URL(text)
        user, password, host, port = url.user, url.password, url.host, url.port
    except ValueError:
        # What cannot be read cannot be shown either: who knows where its password stands.
        raise ConfigurationError(f"{SETTING} is not a URL: expected {_FORM}") from None
    shown = str(url.with_password("***")) if password else str(url)
    if url.scheme not in {"amqp", "amqps"} or not host or port == 0:
        raise ConfigurationError(f"{SETTING}={shown}: expected {_FORM}")
    if not user or password is None:
        raise ConfigurationError(f"{SETTING}={shown}: no user or password; expected {_FORM}")
    if unknown := set(url.query) - _TLS_OPTIONS - {"prefix"}:
        known = ", ".join(sorted({"prefix", *_TLS_OPTIONS}))
        raise ConfigurationError(f"{SETTING}={shown}: {min(unknown)!r} is unknown; expected one of {known}")
    prefix = url.query.get("prefix", "headgate")
    if not _PREFIX.fullmatch(prefix):
        raise ConfigurationError(
            f"{SETTING}={shown}: prefix {prefix!r} must be 1 to 50 letters, digits, '-' and '_'; choose such a one"
        )
    options = {name: value for name, value in url.query.items() if name in _TLS_OPTIONS}
    return RabbitAddress(url.with_query({**options, "heartbeat": str(_HEARTBEAT_S)}), prefix, shown)
