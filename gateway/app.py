"""The gateway's application: the webhook path first, everything else through Starlette."""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from client.deciding.surface_keys import ensure_surface_keys
from domain.errors import WebhookRefusedError
from domain.inbound.signing import TOLERANCE_S
from domain.inbound.webhook import ACCEPTED_TYPES, MAX_BODY_BYTES
from domain.installation.in_force import InForce
from domain.money.approval import Surface
from domain.turns import TurnRules
from gateway.answers import problem_response
from gateway.console.approval_pages import ApprovalPages
from gateway.console.approvers import ApproverRegistry, ensure_approvers
from gateway.console.case_pages import CasePages
from gateway.console.desk import ApprovalDesk, CaseDesk, Originals, Standstills
from gateway.console.door import Door
from gateway.console.pages import page, stylesheet
from gateway.console.sessions import Sessions, ensure_session_key
from gateway.console.visitors import Visitors
from gateway.heads import head_refusal
from gateway.readiness import Liveness, Readiness
from gateway.webhooks.problems import send_problem
from gateway.webhooks.receiver import PREFIX, Sources, WebhookReceiver
from ports.incoming.inbox import Inbox

_LOG = logging.getLogger("headgate.gateway")
_FOR_MACHINES = frozenset({"/healthz", "/readyz"})  # whoever looks after the gateway asks by any name


class GatewaySettings(BaseModel):
    """How the gateway behaves; seconds and bytes.

    The approvals page needs `approvers_file`; its keys, of sessions and of decisions, are kept beside it, the same for
    all gateways.
    """

    model_config = ConfigDict(extra="forbid")

    body_limit_bytes: int = Field(default=MAX_BODY_BYTES, gt=0, le=MAX_BODY_BYTES)
    body_timeout_s: float = Field(default=10.0, gt=0)
    tolerance_s: float = Field(default=TOLERANCE_S, gt=0)
    retry_after_s: float = Field(default=5.0, gt=0)
    approvers_file: Path | None = None
    session_s: float = Field(default=8 * 3600.0, gt=0)
    secure_cookies: bool = False  # true behind TLS
    temporal_ui_url: str | None = None  # linked on the first page
    page_hosts: tuple[str, ...] = ()  # names under which the pages are opened, besides localhost and addresses


def create_gateway(
    inbox: Inbox,
    sources: Sources,
    desk: ApprovalDesk | None = None,
    settings: GatewaySettings | None = None,
    *,
    cases: CaseDesk | None = None,
    originals: Originals | None = None,
    in_force: InForce | None = None,
    standstills: Standstills | None = None,
    turns: TurnRules | None = None,
) -> ASGIApp:
    """Return the gateway as an ASGI application; without a desk and a file of approvers it takes webhooks only.

    The pages of cases need `cases` and `originals` as well. `/readyz` tells operators (`gateway/readiness.py`) what is
    `in_force` and, with `standstills`, what is stuck; `/healthz` says whose gateway it is. `turns` say what a message's
    own word for its priority means.

    Raises:
        ConfigurationError: the file of approvers is not as expected.
    """
    settings = settings or GatewaySettings()
    with_approvals = desk is not None and settings.approvers_file is not None
    with_cases = with_approvals and cases is not None and originals is not None
    receiver = WebhookReceiver(
        inbox,
        sources,
        max_body_bytes=settings.body_limit_bytes,
        body_timeout_s=settings.body_timeout_s,
        tolerance_s=settings.tolerance_s,
        retry_after_s=settings.retry_after_s,
        turns=turns,
    )
    approvers = _approvers(settings.approvers_file)
    routes = [
        Route("/", _FirstPage(settings, with_approvals=with_approvals, with_cases=with_cases).show, methods=["GET"]),
        Route("/static/style.css", stylesheet, methods=["GET"]),
        Route("/healthz", Liveness(in_force).show, methods=["GET"]),
        Route("/readyz", Readiness(inbox, in_force, standstills, approvers).show, methods=["GET"]),
    ]
    if desk is not None and settings.approvers_file is not None and approvers is not None:
        door = _door(approvers, settings.approvers_file, settings, with_cases=with_cases)
        keys = ensure_surface_keys(settings.approvers_file.parent)
        routes += door.routes() + ApprovalPages(desk, door, keys[Surface.PAGE]).routes()
        if cases is not None and originals is not None:
            routes += CasePages(cases, originals, door).routes()
    visitors = Visitors(settings.page_hosts)
    rest = Starlette(routes=routes, exception_handlers={HTTPException: _answer_http_error, Exception: _answer_bug})

    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        # The hot path does without middleware and routing, which cost as much as all that it does itself.
        if scope["type"] != "http":
            await rest(scope, receive, send)
            return
        path: str = scope["path"]
        refused: WebhookRefusedError | None = head_refusal(scope["http_version"], scope["headers"])
        if refused is None and path.startswith(PREFIX):
            await receiver(scope, receive, send)
            return
        if refused is None and path not in _FOR_MACHINES:
            refused = visitors.refusal(scope["method"], dict(scope["headers"]))
        if refused is not None:
            await send_problem(send, refused)
            return
        await rest(scope, receive, send)

    return gateway


def _approvers(file: Path | None) -> ApproverRegistry | None:
    if file is None:
        return None
    ensure_approvers(file, [])
    return ApproverRegistry(file)


def _door(approvers: ApproverRegistry, approvers_file: Path, settings: GatewaySettings, *, with_cases: bool) -> Door:
    key = ensure_session_key(approvers_file.with_name("session.key"))
    return Door(
        approvers,
        Sessions(key, lifetime_s=settings.session_s, ended_file=approvers_file.with_name("ended-sessions")),
        secure_cookies=settings.secure_cookies,
        with_cases=with_cases,
    )


class _FirstPage:
    def __init__(self, settings: GatewaySettings, *, with_approvals: bool, with_cases: bool) -> None:
        self._settings = settings
        self._with_approvals = with_approvals
        self._with_cases = with_cases

    async def show(self, _: Request) -> Response:
        return page(
            "index.html",
            types=ACCEPTED_TYPES,
            max_kib=self._settings.body_limit_bytes // 1024,
            with_approvals=self._with_approvals,
            with_cases=self._with_cases,
            temporal_ui_url=self._settings.temporal_ui_url,
            user="",
            logout="",
        )


async def _answer_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    remedy = "GET / shows what there is here"
    return problem_response(error.status_code, "http", error.detail, error.detail, remedy, error.headers)


async def _answer_bug(_: Request, error: Exception) -> Response:
    _LOG.error("a page met a bug: %s", type(error).__name__)
    return problem_response(503, "unavailable", "Not available just now", "something broke", "try again later")
