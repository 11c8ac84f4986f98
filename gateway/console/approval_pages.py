"""The approvals page: what waits for a person, on what evidence, and the two buttons. No script runs on it.

Logged in by name and personal token; the decision is handed to the desk with the digest of the exact action that the
page showed, so that whoever decides on something that changed meanwhile is told so.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from domain.errors import FormError, UnknownCaseError
from domain.inbound.web_forms import read_urlencoded
from domain.money.approval import ApprovalDecision, ApprovalView, DecisionAnswer, Standing, Verdict
from gateway.console.approvers import ApproverRegistry
from gateway.console.desk import ApprovalDesk
from gateway.console.pages import SECURITY_HEADERS, approval_path, message_page, page
from gateway.console.sessions import COOKIE, Session, Sessions

_LOG = logging.getLogger("headgate.gateway")
_FORM_BYTES = 16 * 1024
_REASON_CHARS = 500
_LIST = "/approvals"

_Page = Callable[[Request, Session], Awaitable[Response]]


class ApprovalPages:
    """The routes of the approvals page."""

    def __init__(
        self, desk: ApprovalDesk, approvers: ApproverRegistry, sessions: Sessions, *, secure_cookies: bool
    ) -> None:
        self._desk = desk
        self._approvers = approvers
        self._sessions = sessions
        self._secure = secure_cookies

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/login", self.show_login, methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
            Route(_LIST, self._for_logged_in(self._show_list), methods=["GET"]),
            Route(_LIST + "/{approval_id:path}", self._for_logged_in(self._show_one), methods=["GET"]),
            Route(_LIST + "/{approval_id:path}", self._for_logged_in(self._decide), methods=["POST"]),
        ]

    async def show_login(self, request: Request) -> Response:
        """Show the form to log in; a session without a name binds it to this browser."""
        return self._login_page(_next_of(request.query_params.get("next")))

    async def log_in(self, request: Request) -> Response:
        """Start a session if name and token fit."""
        fields = await _read_form(request)
        target = _next_of(fields.get("next"))
        session = self._sessions.read(request.cookies.get(COOKIE))
        if session is None or not self._sessions.is_form_token(session, "login", fields.get("form_token", "")):
            return self._login_page(target, "The form was too old. Please try again.", 403)
        name = fields.get("name", "").strip()
        fingerprint = self._approvers.log_in(name, fields.get("token", ""))
        if fingerprint is None:
            _LOG.warning("log-in refused for the name %r", name[:64])
            return self._login_page(target, "Name and token do not fit together.", 401)
        _, cookie = self._sessions.issue(name, fingerprint)
        response = RedirectResponse(target, 303, headers=SECURITY_HEADERS)
        self._set_cookie(response, cookie)
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session of this browser."""
        session = self._logged_in(request)
        fields = await _read_form(request)
        response = RedirectResponse("/login", 303, headers=SECURITY_HEADERS)
        if session is not None and self._sessions.is_form_token(session, "logout", fields.get("form_token", "")):
            response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=self._secure)
        return response

    async def _show_list(self, _: Request, session: Session) -> Response:
        pending = await self._desk.pending()
        views = sorted(pending.views, key=lambda view: view.expires_at)
        now = datetime.now(UTC)
        rows = [(view, (view.expires_at - now).total_seconds()) for view in views]
        return page("approvals.html", 200, rows=rows, unshown=pending.unshown, **self._navigation(session))

    async def _show_one(self, request: Request, session: Session) -> Response:
        return self._approval_page(await self._desk.show(request.path_params["approval_id"]), session)

    async def _decide(self, request: Request, session: Session) -> Response:
        approval_id = request.path_params["approval_id"]
        fields = await _read_form(request)
        if not self._sessions.is_form_token(session, approval_id, fields.get("form_token", "")):
            return message_page(
                403,
                "Nothing was decided",
                "The form did not come from this session. Open the request again and decide there.",
                back=approval_path(approval_id),
                back_text="Open the request",
            )
        verdict, reason = fields.get("verdict", ""), fields.get("reason", "").strip()
        if verdict not in tuple(Verdict) or len(reason) > _REASON_CHARS:
            text = f"Press one of the two buttons, with a reason of at most {_REASON_CHARS} characters."
            return message_page(
                400, "Nothing was decided", text, back=approval_path(approval_id), back_text="Open the request"
            )
        decision = ApprovalDecision(
            approval_id=approval_id,
            digest=fields.get("digest", ""),
            verdict=Verdict(verdict),
            by=session.name,
            reason=reason,
        )
        answer = await self._desk.decide(decision)
        _LOG.info("%s by %r on %s: counted=%s", verdict, session.name, approval_id, answer.accepted)
        view = await self._desk.show(approval_id)
        return self._approval_page(view, session, answer, 200 if answer.accepted else 409)

    def _approval_page(
        self, view: ApprovalView, session: Session, answer: DecisionAnswer | None = None, status: int = 200
    ) -> Response:
        left_s = (view.expires_at - datetime.now(UTC)).total_seconds()
        return page(
            "approval.html",
            status,
            view=view,
            left_s=left_s,
            is_open=view.standing is Standing.PENDING and left_s > 0 and not (answer and answer.accepted),
            answer=answer,
            form_token=self._sessions.form_token(session, view.approval_id),
            reason_chars=_REASON_CHARS,
            **self._navigation(session),
        )

    def _login_page(self, target: str, error: str = "", status: int = 200) -> Response:
        session, cookie = self._sessions.issue()
        form_token = self._sessions.form_token(session, "login")
        response = page("login.html", status, error=error, next=target, form_token=form_token, user="", logout="")
        self._set_cookie(response, cookie)
        return response

    def _navigation(self, session: Session) -> dict[str, str]:
        return {"user": session.name, "logout": self._sessions.form_token(session, "logout")}

    def _logged_in(self, request: Request) -> Session | None:
        session = self._sessions.read(request.cookies.get(COOKIE))
        if session is None or not session.name or not self._approvers.is_current(session.name, session.fingerprint):
            return None
        return session

    def _for_logged_in(self, show: _Page) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a page: only people who are logged in see it, and errors become a page, too."""

        async def guarded(request: Request) -> Response:
            session = self._logged_in(request)
            if session is None:
                target = request.url.path if request.method == "GET" else _LIST
                return RedirectResponse(f"/login?next={quote(target)}", 303, headers=SECURITY_HEADERS)
            try:
                return await show(request, session)
            except UnknownCaseError:
                return message_page(404, "Not found", "There is no approval with this id.")
            except Exception:  # noqa: BLE001 - whatever is away behind the desk, the person is told to try again
                _LOG.exception("the approvals page failed")
                text = "Headgate cannot be reached just now. Nothing was lost; try again in a moment."
                return message_page(503, "Not available just now", text)

        return guarded

    def _set_cookie(self, response: Response, value: str) -> None:
        response.set_cookie(
            COOKIE,
            value,
            max_age=int(self._sessions.lifetime_s),
            path="/",
            httponly=True,
            samesite="strict",
            secure=self._secure,
        )


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a small form; none if it is no form or too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_BYTES:
            return {}
    try:
        return {field.name: field.value for field in read_urlencoded(bytes(body))}
    except FormError:
        return {}


def _next_of(target: str | None) -> str:
    """Return where to go after the log-in: one of our own pages, whatever the address said."""
    inside = target is not None and target.startswith(f"{_LIST}/") and "//" not in target and "\\" not in target
    return target if inside and target is not None else _LIST
