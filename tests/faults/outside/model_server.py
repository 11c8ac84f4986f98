"""The model server: writes down each request, has the offline model answer it, and breaks as it is told to."""

import re
from collections.abc import Callable

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.faults.outside.storms import Storm, now
from tests.faults.records import Book, ModelCall

ORDER = re.compile(r"ORD-\d{6}")


class ModelServer:
    """An OpenAI-compatible server.

    Args:
        calls: where it writes down each request.
        behind: returns the address of the offline model, which may change with a restart.
    """

    def __init__(self, calls: Book, behind: Callable[[], str]) -> None:
        self.storm: Storm | None = None
        self.broke = 0
        self._calls = calls
        self._behind = behind
        self._client: httpx.AsyncClient | None = None

    def app(self) -> Starlette:
        """Return the app."""
        return Starlette(routes=[Route("/v1/{path:path}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        at, body = now(), await request.body()
        answer, until = await self._answer_to(request, body)
        self._calls.write(
            ModelCall(
                at=at,
                answered=now(),
                status=answer.status_code,
                until=until,
                retries=int(request.headers.get("x-stainless-retry-count", "0")),
                orders=tuple(sorted(set(ORDER.findall(body.decode("utf-8", "replace"))))),
            )
        )
        return answer

    async def _answer_to(self, request: Request, body: bytes) -> tuple[Response, float | None]:
        if self.storm is not None:
            self.broke += 1
            headers, until = self.storm.header(now())
            error = {"message": "enough for now", "type": "rate_limit_error", "code": None, "param": None}
            return JSONResponse({"error": error}, self.storm.status, headers=headers), until
        # In the loop of the thread that serves: an httpx client belongs to one.
        self._client = self._client or httpx.AsyncClient(timeout=60)
        try:
            found = await self._client.request(
                request.method,
                f"{self._behind()}/v1/{request.path_params['path']}",
                content=body,
                headers={"content-type": request.headers.get("content-type", "application/json")},
            )
        except (httpx.HTTPError, OSError):
            return JSONResponse({"error": {"message": "nobody is behind", "type": "api_error"}}, 502), None
        return Response(found.content, found.status_code, media_type=found.headers.get("content-type")), None
