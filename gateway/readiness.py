"""`/healthz` and `/readyz`: what whoever looks after the gateway asks.

Everybody hears the verdict. From which amount on a person decides, which models and which store are in use, and what
stands still is for operators: callers on the machine itself, and people who may log in to the pages.
"""

import asyncio
import base64
import ipaddress
import logging
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import TransientError
from domain.inbound.webhook import problem
from domain.installation.in_force import InForce
from gateway.console.approvers import ApproverRegistry
from gateway.console.desk import Standstills
from gateway.console.hosts import host_of
from gateway.console.visitors import LOOPBACK
from ports.incoming.inbox import Inbox

_LOG = logging.getLogger("headgate.gateway")
_READY_WITHIN_S = 5.0
# A header that a proxy adds is known by a word of its name, or by whose it is: X-Cluster-Client-IP, CF-Ray.
_WORDS_OF_PROXIES = frozenset(
    ("forwarded", "forward", "via", "proxy", "ip", "ipv4", "ipv6", "clientip", "socketip", "addr", "address", "host")
)
_MAKERS_OF_PROXIES = ("cf-", "cdn-", "fastly-", "cloudfront-", "akamai-", "x-amz", "x-azure-", "x-envoy-", "x-arr-")
_NOT_KEPT = {"cache-control": "no-store"}  # the next one who asks may be somebody else


class Readiness:
    """Ready is who can take webhooks. What is stuck in Temporal is told beside it, and takes no gateway out of service:
    webhooks would be refused that can wait in the pen.
    """

    def __init__(
        self,
        inbox: Inbox,
        in_force: InForce | None,
        standstills: Standstills | None,
        approvers: ApproverRegistry | None,
    ) -> None:
        self._inbox = inbox
        self._in_force: dict[str, object] = {}
        if in_force is not None:
            self._in_force["in_force"] = in_force.model_dump(mode="json")
        self._standstills = standstills
        self._approvers = approvers

    async def show(self, request: Request) -> Response:
        """Answer 200 where the pen can take something in, 503 where not."""
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                await self._inbox.check_writable()
        except Exception as e:  # noqa: BLE001 - any trouble means: not ready
            _LOG.warning("not ready: %s %s", type(e).__name__, e)
            return await self._not_ready(request, e)
        details = await self._details() if self._is_operator(request) else {}
        return JSONResponse({"ready": True, **details}, headers=_NOT_KEPT)

    async def _not_ready(self, request: Request, error: Exception) -> Response:
        """Return the verdict; to operators also which part it is, but not what that said: it may name secrets."""
        detail, more = "the holding pen cannot take anything in", {}
        if self._is_operator(request):
            part, why = part_of(error)
            detail = f"{detail}: {why}"
            more = {"not_ready": [part], **await self._details()}
        content = problem(503, "not_ready", "Not ready", detail, "try again later") | more
        return JSONResponse(content, 503, headers=_NOT_KEPT, media_type="application/problem+json")

    def _is_operator(self, request: Request) -> bool:
        peer = request.client.host if request.client is not None else ""
        return is_of_this_machine(peer, request.headers) or may_log_in(self._approvers, request.headers)

    async def _details(self) -> dict[str, object]:
        if self._standstills is None:
            return self._in_force
        look = await self._standstills.latest()
        if look is None:
            return {**self._in_force, "stuck": None, "warnings": ["Temporal does not say what is stuck"]}
        return {**self._in_force, "stuck": len(look.stuck), "warnings": look.warnings()}


def part_of(error: Exception) -> tuple[str, str]:
    """Return which part keeps the gateway from taking webhooks, and what is known of it without secrets.

    >>> part_of(TransientError("inbox: 9 payloads wait already, send again later"))
    ('holding pen', '9 payloads wait already, send again later')
    >>> part_of(TransientError("amqp://…: connection refused"))[0]
    'holding pen'
    """
    if isinstance(error, TransientError) and error.of_store:
        return (
            "store",
            "the store, which has the ids of what came, cannot be used now; the gateway's log says why",
        )
    if isinstance(error, TimeoutError):
        return "holding pen", f"no answer within {_READY_WITHIN_S:g} seconds"
    ours = str(error).removeprefix("inbox: ")  # such words are our own: how full pen and disk are
    if isinstance(error, TransientError) and ours != str(error):
        return "holding pen", ours
    return "holding pen", "it is away or refuses; the gateway's log says why, `headgate doctor` what to do"


class Liveness:
    """That this process lives, and whose it is."""

    def __init__(self, in_force: InForce | None) -> None:
        self._whose = {"instance": in_force.installation} if in_force is not None else {}

    async def show(self, _: Request) -> Response:
        """Answer 200."""
        return JSONResponse({"alive": True, **self._whose})


def is_of_this_machine(peer: str, headers: Mapping[str, str]) -> bool:
    """Return whether a request was made on this machine, by a name of it.

    A proxy that stands here has our address, too: one that says for whom it asks, or keeps the name, is known by that.
    So is a page of another site whose name was made to lead here.
    """
    host = host_of(headers.get("host", ""))
    return (
        _is_loopback(peer)
        and host is not None
        and (host.name in LOOPBACK or _is_loopback(host.name))
        and not any(map(is_of_a_proxy, headers))
    )


def is_of_a_proxy(header: str) -> bool:
    """Return whether proxies add a header of this name, and those who ask for themselves do not.

    >>> [is_of_a_proxy(name) for name in ("CF-Connecting-IP", "X-Forwarded-Port", "Via", "Host", "User-Agent")]
    [True, True, True, False, False]
    """
    name = header.lower().replace("_", "-")
    return name != "host" and (name.startswith(_MAKERS_OF_PROXIES) or not _WORDS_OF_PROXIES.isdisjoint(name.split("-")))


def may_log_in(approvers: ApproverRegistry | None, headers: Mapping[str, str]) -> bool:
    """Return whether name and personal token of an approver came as `Authorization: Basic`."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if approvers is None or scheme.lower() != "basic":
        return False
    try:
        name, _, token = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except ValueError:
        return False
    return approvers.log_in(name, token) is not None


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
