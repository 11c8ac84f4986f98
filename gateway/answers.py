"""Refusals of everything but webhooks, as answers of the framework."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from domain.inbound.webhook import problem


def problem_response(
    status: int, code: str, title: str, detail: str, remedy: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an RFC 9457 problem, as `domain.inbound.webhook.problem` writes it."""
    content = problem(status, code, title, detail, remedy)
    return JSONResponse(content, status, headers=headers, media_type="application/problem+json")
