"""Pages of cases: which wait for a person and why, what one is about, and its message as it came in. Nothing is decided
here; the page names the commands.

The message as it came in holds personal data, so it is for those only who may approve by the rules that the case
started with. It is shown as text that nothing can run in, or sent as bytes that no browser opens.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.case import case_id as id_of_case
from domain.errors import UnknownCaseError
from domain.inbound.original import OriginalPart, read_original
from domain.inbound.shown import visible
from gateway.console.desk import CaseDesk, Originals
from gateway.console.door import CASES, Door, Page
from gateway.console.pages import SECURITY_HEADERS, case_path, message_page, page
from gateway.console.sessions import Session
from ports.store import StoredCase

_LOG = logging.getLogger("headgate.gateway")
_ONE = CASES + "/case/{source}/{event_id}"
_SHOWN_CHARS = 200_000  # of an original, on its page
_DOWNLOAD_HEADERS = SECURITY_HEADERS | {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "content-disposition": 'attachment; filename="original-message.bin"',
}


class CasePages:
    """The routes of the pages of cases, behind the door."""

    def __init__(self, desk: CaseDesk, originals: Originals, door: Door) -> None:
        self._desk = desk
        self._originals = originals
        self._door = door

    def routes(self) -> list[Route]:
        """Return the routes."""
        pages: dict[str, Page] = {
            CASES: self._show_waiting,
            _ONE: self._show_one,
            f"{_ONE}/original": self._show_original,
            f"{_ONE}/original/download": self._download,
        }
        return [Route(path, self._guarded(show), methods=["GET"]) for path, show in pages.items()]

    def _guarded(self, show: Page) -> Callable[[Request], Awaitable[Response]]:
        return self._door.for_logged_in(
            show, unknown="There is no case with this id.", back=CASES, back_text="All cases that wait"
        )

    async def _show_waiting(self, _: Request, session: Session) -> Response:
        waiting = await self._desk.waiting()
        now = datetime.now(UTC)
        untils = [view.status.waits_until for view in waiting.views]
        left = [(until - now).total_seconds() if until else None for until in untils]
        rows = list(zip(waiting.views, left, strict=True))
        return page("cases.html", 200, rows=rows, waiting=waiting, **self._door.navigation(session))

    async def _show_one(self, request: Request, session: Session) -> Response:
        view = await self._desk.show(_case_id(request))
        text = visible(view.message.text)
        return page("case.html", 200, view=view, text=text, **self._door.navigation(session))

    async def _show_original(self, request: Request, session: Session) -> Response:
        stored = await self._original(request, session)
        if isinstance(stored, Response):
            return stored
        parts = await asyncio.to_thread(read_original, stored.content_type, stored.body)
        shown, left_out = _first_parts(parts)
        return page(
            "original.html",
            200,
            case=stored.case,
            kind=visible(stored.content_type[:200]),
            size=len(stored.body),
            parts=shown,
            left_out=left_out,
            **self._door.navigation(session),
        )

    async def _download(self, request: Request, session: Session) -> Response:
        stored = await self._original(request, session)
        if isinstance(stored, Response):
            return stored
        return Response(stored.body, media_type="application/octet-stream", headers=_DOWNLOAD_HEADERS)

    async def _original(self, request: Request, session: Session) -> StoredCase | Response:
        """Return a case with its payload, or the page that refuses it; every look is in the gateway's log.

        Raises:
            UnknownCaseError: it is not in the store.
        """
        case_id = _case_id(request)
        try:
            stored = await asyncio.to_thread(self._originals.load, case_id)
        except KeyError:
            raise UnknownCaseError(case_id) from None
        if session.name not in {approver.name for approver in stored.case.policy.approval.approvers}:
            _LOG.warning("%r may not open the original of %s", session.name, case_id)
            text = "You are not among the approvers of this case. Its message as it came in is for them only."
            return message_page(403, "Not for you", text, back=case_path(case_id), back_text="The case")
        _LOG.info("%r opened the original of %s", session.name, case_id)
        return stored


def _case_id(request: Request) -> str:
    """Return the id of the case that an address names.

    Raises:
        UnknownCaseError: there cannot be such a case.
    """
    source, event_id = request.path_params["source"], request.path_params["event_id"]
    try:
        return id_of_case(source, event_id)
    except ValueError:
        raise UnknownCaseError(f"case/{source}/{event_id}"[:300]) from None


def _first_parts(parts: list[OriginalPart]) -> tuple[list[OriginalPart], int]:
    """Return what a page shows of an original, and how many characters it leaves out."""
    room, shown = _SHOWN_CHARS, []
    for part in parts:
        shown.append(OriginalPart(title=part.title, text=part.text[:room]))
        room -= len(shown[-1].text)
    return shown, sum(len(part.text) for part in parts) - (_SHOWN_CHARS - room)
