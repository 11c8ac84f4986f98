"""From where the pages may be asked: under which names (Host), and by forms of which site (Origin).

A site that lets its own name lead to this machine (DNS rebinding) is the same site for a browser, and would read the
pages as its own. Its name gives it away. An address in numbers is nobody's name and always good. Webhooks are not asked
here: their senders show who they are, and proxies name hosts as they like.
"""

from collections.abc import Iterable, Mapping

from domain.errors import WebhookRefusedError
from gateway.console.hosts import NamedHost, host_of, is_address

LOOPBACK = ("localhost",)
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OUR_SITE = frozenset({"same-origin", "none"})


class Visitors:
    """Judges the head of a request for a page; `names` are hosts, each with or without a port."""

    def __init__(self, names: Iterable[str]) -> None:
        ours = (host_of(name.strip().removesuffix(".")) for name in (*LOOPBACK, *names))
        self._hosts = frozenset(host for host in ours if host is not None)

    def refusal(self, method: str, headers: Mapping[bytes, bytes]) -> WebhookRefusedError | None:
        """Return why a request is not answered, None if it may be."""
        said = headers.get(b"host", b"").decode("latin-1")
        host = host_of(said)
        if host is None or not self._is_ours(host):
            return WebhookRefusedError(
                421,
                "unknown_host",
                "Not known by this name",
                f"no page is shown under the host name {said[:100]!r}",
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

    def _is_ours(self, host: NamedHost) -> bool:
        return host in self._hosts or NamedHost(host.name) in self._hosts or is_address(host.name)

    def _is_own_form(self, host: NamedHost, headers: Mapping[bytes, bytes]) -> bool:
        site = headers.get(b"sec-fetch-site")
        if site is not None and site.decode("latin-1").lower() not in _OUR_SITE:
            return False
        origin = headers.get(b"origin")
        if origin is None:  # no browser; the token of the form is asked for in any case
            return True
        scheme, _, rest = origin.decode("latin-1").partition("://")
        there = host_of(rest)
        return scheme in ("http", "https") and there is not None and (there == host or self._is_outer(there))

    def _is_outer(self, origin: NamedHost) -> bool:
        return origin in self._hosts and origin.name not in LOOPBACK
