"""The approvals page: what waits for a person, on what evidence, and the two buttons. No script runs on it.

The decision is handed to the desk with the digest of the exact action that the page showed, so that whoever decides on
something that changed meanwhile is told so.
"""

import logging
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.authority.signed import SigningKey, sign
from domain.money.approval import ApprovalDecision, ApprovalView, DecisionAnswer, Standing, Verdict
from gateway.console.desk import ApprovalDesk
from gateway.console.door import APPROVALS, Door, read_form
from gateway.console.pages import approval_path, message_page, page
from gateway.console.sessions import Session

_LOG = logging.getLogger("headgate.gateway")
_REASON_CHARS = 500


class ApprovalPages:
    """The routes of the approvals page, behind the door; what is decided there is signed with the page's key."""

    def __init__(self, desk: ApprovalDesk, door: Door, key: SigningKey) -> None:
        self._desk = desk
        self._door = door
        self._key = key

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = APPROVALS + "/{approval_id:path}"
        return [
            Route(APPROVALS, self._door.for_logged_in(self._show_list), methods=["GET"]),
            Route(one, self._door.for_logged_in(self._show_one), methods=["GET"]),
            Route(one, self._door.for_logged_in(self._decide), methods=["POST"]),
        ]

    async def _show_list(self, _: Request, session: Session) -> Response:
        pending = await self._desk.pending()
        views = sorted(pending.views, key=lambda view: view.expires_at)
        now = datetime.now(UTC)
        rows = [(view, (view.expires_at - now).total_seconds()) for view in views]
        return page("approvals.html", 200, rows=rows, unshown=pending.unshown, **self._door.navigation(session))

    async def _show_one(self, request: Request, session: Session) -> Response:
        return self._approval_page(await self._desk.show(request.path_params["approval_id"]), session)

    async def _decide(self, request: Request, session: Session) -> Response:
        approval_id = request.path_params["approval_id"]
        fields = await read_form(request)
        if not self._door.sessions.is_form_token(session, approval_id, fields.get("form_token", "")):
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
        answer = await self._desk.decide(sign(decision, self._key, datetime.now(UTC)))
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
            form_token=self._door.sessions.form_token(session, view.approval_id),
            reason_chars=_REASON_CHARS,
            **self._door.navigation(session),
        )
