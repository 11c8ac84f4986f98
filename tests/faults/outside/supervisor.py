"""The supervisor's webhook: takes words to people, now and then only at the second try."""

import re

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.faults.outside.storms import now
from tests.faults.records import Book, Told

_CASE = re.compile(r"case/[a-z0-9-]+/([A-Za-z0-9-]+)")


class Supervisor:
    """Writes down each word that it answered 2xx."""

    def __init__(self, told: Book) -> None:
        self.away = False
        self.broke = 0
        self._told = told

    def app(self) -> Starlette:
        """Return the app."""
        return Starlette(routes=[Route("/words", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        message = await request.json()
        if self.away:
            self.broke += 1
            return Response(status_code=503)
        data = message.get("data") or {}
        if "alert_id" in data:
            case = _CASE.search(str(data.get("case_id") or data.get("approval_id") or message.get("text", "")))
            event_id = case.group(1) if case else ""
            self._told.write(Told(str(data["alert_id"]), str(message.get("subject", "")), event_id, now()))
        return Response(status_code=204)
