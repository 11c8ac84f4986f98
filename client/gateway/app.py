"""The gateway's application: the webhook path first, everything else through Starlette."""

import asyncio
import logging
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, SecretBytes
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from activities.ports import Inbox
from client.gateway.approvals import ApprovalPages
from client.gateway.approvers import ApproverRegistry
from client.gateway.desk import ApprovalDesk
from client.gateway.pages import page, stylesheet
from client.gateway.sessions import Sessions
from client.gateway.webhooks import PREFIX, Sources, WebhookReceiver
from client.signing import TOLERANCE_S
from domain.webhook import ACCEPTED_TYPES, MAX_BODY_BYTES, problem

_LOG = logging.getLogger("headgate.gateway")
_READY_WITHIN_S = 3.0


class GatewaySettings(BaseModel):
    """How the gateway behaves; seconds and bytes. `links` are shown on the first page."""

    model_config = ConfigDict(extra="forbid")

    max_body_bytes: int = Field(default=MAX_BODY_BYTES, gt=0, le=MAX_BODY_BYTES)
    body_timeout_s: float = Field(default=10.0, gt=0)
    tolerance_s: float = Field(default=TOLERANCE_S, gt=0)
    retry_after_s: float = Field(default=5.0, gt=0)
    session_key: SecretBytes | None = None  # needed where there are approvers; the same for all gateways
    session_s: float = Field(default=8 * 3600.0, gt=0)
    secure_cookies: bool = False  # true behind TLS
    links: Mapping[str, str] = Field(default_factory=dict)


def create_gateway(
    inbox: Inbox,
    sources: Sources,
    desk: ApprovalDesk | None = None,
    approvers: ApproverRegistry | None = None,
    settings: GatewaySettings | None = None,
) -> ASGIApp:
    """Return the gateway as an ASGI application; without a desk and approvers it takes webhooks only.

    Raises:
        ValueError: there are approvers but no key to sign their sessions with.
    """
    settings = settings or GatewaySettings()
    receiver = WebhookReceiver(
        inbox,
        sources,
        max_body_bytes=settings.max_body_bytes,
        body_timeout_s=settings.body_timeout_s,
        tolerance_s=settings.tolerance_s,
        retry_after_s=settings.retry_after_s,
    )
    routes = [
        Route("/", _FirstPage(settings, with_approvals=desk is not None).show, methods=["GET"]),
        Route("/static/style.css", stylesheet, methods=["GET"]),
        Route("/healthz", _healthy, methods=["GET"]),
        Route("/readyz", _Readiness(inbox).show, methods=["GET"]),
    ]
    if desk is not None and approvers is not None:
        if settings.session_key is None:
            raise ValueError("session_key is not set: the approvals page signs its sessions with it")
        sessions = Sessions(settings.session_key.get_secret_value(), lifetime_s=settings.session_s)
        routes += ApprovalPages(desk, approvers, sessions, secure_cookies=settings.secure_cookies).routes()
    rest = Starlette(routes=routes, exception_handlers={HTTPException: _http_problem, Exception: _last_resort})

    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        # The hot path does without middleware and routing, which cost as much as all that it does itself.
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await receiver(scope, receive, send)
        else:
            await rest(scope, receive, send)

    return gateway


class _FirstPage:
    def __init__(self, settings: GatewaySettings, *, with_approvals: bool) -> None:
        self._settings = settings
        self._with_approvals = with_approvals

    async def show(self, _: Request) -> Response:
        return page(
            "index.html",
            types=ACCEPTED_TYPES,
            max_kib=self._settings.max_body_bytes // 1024,
            with_approvals=self._with_approvals,
            links=self._settings.links,
            user="",
            logout="",
        )


class _Readiness:
    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def show(self, _: Request) -> Response:
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                await self._inbox.depth()
        except Exception as e:  # noqa: BLE001 - any trouble means: not ready
            _LOG.warning("not ready: %s %s", type(e).__name__, e)
            return _problem(503, "not_ready", "Not ready", "the holding pen cannot be reached", "try again later")
        return JSONResponse({"ready": True})


async def _healthy(_: Request) -> Response:
    return JSONResponse({"alive": True})


async def _http_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    remedy = "GET / shows what there is here"
    return _problem(error.status_code, "http", error.detail, error.detail, remedy, error.headers)


async def _last_resort(_: Request, error: Exception) -> Response:
    _LOG.error("a page met a bug: %s", type(error).__name__)
    return _problem(503, "unavailable", "Not available just now", "something broke", "try again later")


def _problem(
    status: int, code: str, title: str, detail: str, remedy: str, headers: Mapping[str, str] | None = None
) -> Response:
    content = problem(status, code, title, detail, remedy)
    return JSONResponse(content, status, headers=headers, media_type="application/problem+json")
