"""HTML pages: templates that escape everything, and headers under which nothing foreign can run."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from domain.briefs.request import short_request
from domain.conversations.since import if_approved, times

_HERE = Path(__file__).parent
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with none at all, browsers send our own forms without their origin
    "cache-control": "no-store",
}


def page(template: str, status: int = 200, **context: object) -> HTMLResponse:
    """Return a rendered page."""
    html = _environment().get_template(template).render(**context)
    return HTMLResponse(html, status_code=status, headers=SECURITY_HEADERS)


def message_page(
    status: int, title: str, text: str, *, back: str = "/approvals", back_text: str = "All approvals"
) -> Response:
    """Return a page with a title, one sentence and a way back."""
    return page("message.html", status, title=title, text=text, back=back, back_text=back_text, user="", logout="")


async def stylesheet(_: Request) -> Response:
    """Return the one stylesheet."""
    headers = {"cache-control": "max-age=3600", "x-content-type-options": "nosniff"}
    return Response(_stylesheet(), media_type="text/css", headers=headers)


@cache
def _stylesheet() -> bytes:
    return (_HERE / "static" / "style.css").read_bytes()


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["when"] = when
    found.filters["remaining"] = remaining
    found.filters["path"] = approval_path
    found.filters["case_path"] = case_path
    found.filters["short"] = short_request
    found.filters["times"] = times
    found.filters["if_approved"] = if_approved
    return found


def approval_path(approval_id: str) -> str:
    """Return the address of an approval's page."""
    return f"/approvals/{quote(approval_id, safe='/')}"


def case_path(case_id: str) -> str:
    """Return the address of a case's page."""
    return f"/cases/{quote(case_id, safe='/')}"


def when(at: datetime) -> str:
    """Format a time for people.

    >>> when(datetime(2026, 1, 2, 15, 4, tzinfo=UTC))
    '2 Jan 2026, 15:04 UTC'
    """
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def remaining(seconds: float) -> str:
    """Format roughly how much time is left.

    >>> remaining(3 * 3600 + 125), remaining(30), remaining(-1), remaining(200_000)
    ('3 hours', 'less than a minute', 'no time', '55 hours')
    """
    if seconds <= 0:
        return "no time"
    for unit, length, least in (("day", 86_400, 3), ("hour", 3600, 1), ("minute", 60, 1)):
        count = int(seconds // length)
        if count >= least:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
