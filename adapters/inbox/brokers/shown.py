"""What of a broker's URL may be shown: who knows where its password stands, if it is written wrong."""

import re

_URL = re.compile(r"([a-z][a-z0-9+.-]{0,19})://([^/?#]*)([^?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[A-Za-z0-9._+-]{1,60}")
_HOST = re.compile(r"[A-Za-z0-9._-]*(:[0-9]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]*)?")


def shown_url(url: str) -> str:
    """Return scheme, host, port and path: never user, password or options.

    >>> shown_url("amqp://me:secret@mq.example:5672/work?prefix=x")
    'amqp://mq.example:5672/work'
    >>> shown_url("amqp://me:sec/ret@mq.example:5672/work")
    'amqp://… (percent-encode the password in HEADGATE_INBOX)'
    >>> shown_url("rabbitmq"), shown_url("user:secret@mq")  # a word alone is no address that a password could be in
    ('rabbitmq', '…')
    """
    found = _URL.fullmatch(url)
    if found is None:
        return url if _WORD.fullmatch(url) else "…"
    scheme, netloc, path, options = found.groups()
    host = netloc.rpartition("@")[2]
    # An `@` this late ends a password with one of /?# in it; such a one without `@` leaves a port that is no number.
    if "@" in path + options or not _HOST.fullmatch(host):
        return f"{scheme}://… (percent-encode the password in HEADGATE_INBOX)"
    return f"{scheme}://{host}{path}"
