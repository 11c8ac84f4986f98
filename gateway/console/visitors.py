"""From where the pages may be asked: under which names (Host), and by forms of which site (Origin).

A site that lets its own name lead to this machine (DNS rebinding) is the same site for a browser, and would read the
pages as its own. Its name gives it away. An address in numbers is nobody's name and always good. Webhooks are not asked
here: their senders show who they are, and proxies name hosts as they like.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from domain.errors import WebhookRefusedError

LOOPBACK = ("localhost",)
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OUR_SITE = frozenset({"same-origin", "none"})


class Visitors:
    """Judges the head of a request for a page; `names` are hosts, each with or without a port."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(filter(None, map(_plain, (*LOOPBACK, *names))))

    def refusal(self, method: str, headers: Mapping[bytes, bytes]) -> WebhookRefusedError | None:
        """Return why a request is not answered, None if it may be."""
        host = _plain(headers.get(b"host", b"").decode("latin-1"))
        if not self._is_ours(host):
            return WebhookRefusedError(
                421,
                "unknown_host",
                "Not known by this name",
                f"no page is shown under the host name {host[:100]!r}",
                "open it by localhost or an address in numbers, or set HEADGATE_PAGE_HOSTS to the name that people use",
            )
        if method in _UNSAFE and not self._is_own_form(host, headers):
            return WebhookRefusedError(
                403,
                "foreign_origin",
                "Not sent by a page of this gateway",
                "the browser says that another site sent the form",
                "open the page anew and send the form from there; behind a proxy set HEADGATE_PAGE_HOSTS to the name "
                "that people use",
            )
        return None

    def _is_ours(self, host: str) -> bool:
        name = name_of(host)
        return host in self._names or name in self._names or _is_address(name)

    def _is_own_form(self, host: str, headers: Mapping[bytes, bytes]) -> bool:
        site = headers.get(b"sec-fetch-site")
        if site is not None and site.decode("latin-1").lower() not in _OUR_SITE:
            return False
        origin = headers.get(b"origin")
        if origin is None:  # no browser; the token of the form is asked for in any case
            return True
        scheme, _, rest = origin.decode("latin-1").partition("://")
        there = _plain(rest)
        return scheme in ("http", "https") and bool(there) and (there == host or there in self._names - {*LOOPBACK})


def _plain(host: str) -> str:
    """Return a host as hosts are compared: small letters, no port that goes without saying.

    >>> _plain("Desk.Example:443"), _plain("[::1]:8700"), _plain("a.example.")
    ('desk.example', '[::1]:8700', 'a.example')
    """
    name = host.strip().lower()
    for port in (":80", ":443"):
        name = name.removesuffix(port)
    return name.removesuffix(".")


def name_of(host: str) -> str:
    """Return a host without its port, empty where it is none.

    >>> name_of("localhost:8700"), name_of("[::1]:8700"), name_of("[::1")
    ('localhost', '::1', '')
    """
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
