"""The door of the pages: people log in by name and personal token, and only who is logged in is shown anything."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from domain.errors import FormError, UnknownCaseError
from domain.inbound.web_forms import read_urlencoded
from gateway.console.approvers import ApproverRegistry
from gateway.console.pages import SECURITY_HEADERS, message_page, page
from gateway.console.sessions import COOKIE, Session, Sessions

_LOG = logging.getLogger("headgate.gateway")
_FORM_BYTES = 16 * 1024
APPROVALS, CASES = "/approvals", "/cases"

Page = Callable[[Request, Session], Awaitable[Response]]


class Door:
    """Lets people in, and out.

    Attributes:
        sessions: who is logged in, and the tokens of their forms.
        with_cases: whether there are pages of cases, to be named on every page.
    """

    def __init__(
        self, approvers: ApproverRegistry, sessions: Sessions, *, secure_cookies: bool, with_cases: bool = False
    ) -> None:
        self.sessions = sessions
        self.with_cases = with_cases
        self._approvers = approvers
        self._secure = secure_cookies

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/login", self.show_login, methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    async def show_login(self, request: Request) -> Response:
        """Show the form to log in; a session without a name binds it to this browser."""
        return self._login_page(_next_of(request.query_params.get("next")))

    async def log_in(self, request: Request) -> Response:
        """Start a session if name and token fit."""
        fields = await read_form(request)
        target = _next_of(fields.get("next"))
        session = self.sessions.read(request.cookies.get(COOKIE))
        if session is None or not self.sessions.is_form_token(session, "login", fields.get("form_token", "")):
            return self._login_page(target, "The form was too old. Please try again.", 403)
        name = fields.get("name", "").strip()
        fingerprint = self._approvers.log_in(name, fields.get("token", ""))
        if fingerprint is None:
            _LOG.warning("log-in refused for the name %r", name[:64])
            return self._login_page(target, "Name and token do not fit together.", 401)
        _, cookie = self.sessions.issue(name, fingerprint)
        response = RedirectResponse(target, 303, headers=SECURITY_HEADERS)
        self._set_cookie(response, cookie)
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session of this browser, so that no copy of its cookie is good for anything."""
        session = self._logged_in(request)
        fields = await read_form(request)
        response: Response = RedirectResponse("/login", 303, headers=SECURITY_HEADERS)
        if session is not None and self.sessions.is_form_token(session, "logout", fields.get("form_token", "")):
            try:
                await asyncio.to_thread(self.sessions.end, session)
            except (OSError, ValueError):
                _LOG.exception("a session could not be ended")
                response = message_page(
                    503,
                    "Logged out in this browser only",
                    "The end of the session could not be written down. Close this browser, and ask for a new token if "
                    "somebody may have copied its cookie.",
                    back="/login",
                    back_text="Log in",
                )
            response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=self._secure)
        return response

    def navigation(self, session: Session) -> dict[str, object]:
        """Return what the head of every page shows."""
        logout = self.sessions.form_token(session, "logout")
        return {"user": session.name, "logout": logout, "with_cases": self.with_cases}

    def for_logged_in(
        self,
        show: Page,
        *,
        unknown: str = "There is no approval with this id.",
        back: str = APPROVALS,
        back_text: str = "All approvals",
    ) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a page: only people who are logged in see it, and errors become a page, too."""

        async def guarded(request: Request) -> Response:
            session = self._logged_in(request)
            if session is None:
                target = request.url.path if request.method == "GET" else APPROVALS
                return RedirectResponse(f"/login?next={quote(target)}", 303, headers=SECURITY_HEADERS)
            try:
                return await show(request, session)
            except UnknownCaseError:
                return message_page(404, "Not found", unknown, back=back, back_text=back_text)
            except Exception:  # noqa: BLE001 - whatever is away behind the desk, the person is told to try again
                _LOG.exception("a page for people failed")
                text = "Headgate cannot be reached just now. Nothing was lost; try again in a moment."
                return message_page(503, "Not available just now", text, back=back, back_text=back_text)

        return guarded

    def _login_page(self, target: str, error: str = "", status: int = 200) -> Response:
        session, cookie = self.sessions.issue()
        form_token = self.sessions.form_token(session, "login")
        response = page("login.html", status, error=error, next=target, form_token=form_token, user="", logout="")
        self._set_cookie(response, cookie)
        return response

    def _logged_in(self, request: Request) -> Session | None:
        session = self.sessions.read(request.cookies.get(COOKIE))
        if session is None or not session.name or not self._approvers.is_current(session.name, session.fingerprint):
            return None
        return session

    def _set_cookie(self, response: Response, value: str) -> None:
        response.set_cookie(
            COOKIE,
            value,
            max_age=int(self.sessions.lifetime_s),
            path="/",
            httponly=True,
            samesite="strict",
            secure=self._secure,
        )


async def read_form(request: Request) -> dict[str, str]:
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
    if target is None or "//" in target or "\\" in target:
        return APPROVALS
    ours = target == CASES or target.startswith((f"{APPROVALS}/", f"{CASES}/"))
    return target if ours else APPROVALS
