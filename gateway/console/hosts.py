"""The host that a request names (Host, Origin), read strictly."""

import ipaddress
import re
from dataclasses import dataclass

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>{_LABEL}(?:\.{_LABEL})*))(?::(?P<port>[0-9]{{1,5}}))?")
_LAST_PORT = 65_535
_UNSAID_PORTS = ("80", "443")


@dataclass(frozen=True, slots=True)
class NamedHost:
    """A host as a request names it: small letters, an address of IPv6 without its brackets.

    Attributes:
        name: without the port.
        port: empty where it goes without saying (80, 443).
    """

    name: str
    port: str = ""


def host_of(text: str) -> NamedHost | None:
    """Read `HOST` or `HOST:PORT`, and nothing else: no user before an @, no path, query or blank, no last dot.

    What one program takes for localhost, another may not; such a text is no host.

    >>> host_of("Desk.Example:443"), host_of("[::1]:8700")
    (NamedHost(name='desk.example', port=''), NamedHost(name='::1', port='8700'))
    >>> host_of("evil@localhost"), host_of("localhost/evil"), host_of("[::1]evil"), host_of("::1"), host_of("")
    (None, None, None, None, None)
    """
    found = _HOST.fullmatch(text)
    if found is None or int(found["port"] or 0) > _LAST_PORT:
        return None
    if found["v6"] and not (":" in found["v6"] and is_address(found["v6"])):
        return None
    port = str(int(found["port"])) if found["port"] else ""
    return NamedHost((found["v6"] or found["name"]).lower(), "" if port in _UNSAID_PORTS else port)


def is_address(name: str) -> bool:
    """Return whether a host is an address in numbers."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
