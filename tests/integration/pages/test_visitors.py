"""Who may ask for pages, by Host and Origin: a name that leads here by itself is no name of ours."""

import httpx
import pytest

from gateway.console.visitors import Visitors
from tests.integration.pages.people import FakeDesk, Person


@pytest.mark.parametrize(
    "host",
    [
        "gateway",
        "GATEWAY:8700",
        "localhost:8700",
        "127.0.0.1:8700",
        "[::1]:8700",
        "10.0.0.5",
        "192.0.2.1:80",
    ],
)
async def test_pages_are_shown_under_our_own_names(http: httpx.AsyncClient, host: str) -> None:
    assert (await http.get("/login", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8700",
        "gateway.evil.example",
        "127.0.0.1.evil.example",
        "",
        "[::1",
        "a@b",
        "gateway.",
        "x@localhost",
    ],
)
async def test_a_name_of_somebody_else_is_shown_nothing(http: httpx.AsyncClient, host: str) -> None:
    for path in ("/", "/login", "/approvals", "/cases", "/static/style.css", "/nothing"):
        answer = await http.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["code"]) == (421, "unknown_host")
        assert "HEADGATE_PAGE_HOSTS" in answer.json()["remedy"]


async def test_webhooks_and_health_do_not_ask_for_the_name(http: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await http.get(path, headers={"host": "pod-7.internal"})).status_code == 200
    answer = await http.post("/webhooks/shop", content=b"x", headers={"host": "hooks.example", "origin": "https://a.b"})
    assert answer.json()["code"] == "signature_missing"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:3000"},  # another program of this machine
        {"origin": "null"},
        {"origin": "http://gateway:8701"},
        {"origin": "http://gateway.evil.example"},
        {"origin": "ftp://gateway"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://gateway"},
    ],
)
async def test_no_form_of_another_site_decides(person: Person, desk: FakeDesk, headers: dict[str, str]) -> None:
    await person.log_in()
    answer = await person.decide(headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert desk.decisions == []


@pytest.mark.parametrize("headers", [{}, {"origin": "http://gateway", "sec-fetch-site": "same-origin"}])
async def test_our_own_form_decides(person: Person, desk: FakeDesk, headers: dict[str, str]) -> None:
    await person.log_in()
    answer = await person.decide(headers=headers)
    assert answer.status_code == 200
    assert len(desk.decisions) == 1


async def test_our_pages_let_browsers_name_their_origin(http: httpx.AsyncClient) -> None:
    """Under `no-referrer` a browser sends "Origin: null" with our own forms."""
    assert (await http.get("/login")).headers["referrer-policy"] == "same-origin"


def test_behind_a_proxy_that_names_the_inner_host_the_outer_name_is_an_origin() -> None:
    visitors = Visitors(["desk.shop.example", "other.example:8443"])

    def judged(origin: bytes) -> bool:
        return visitors.refusal("POST", {b"host": b"10.0.0.5:8700", b"origin": origin}) is None

    assert judged(b"https://desk.shop.example")
    assert judged(b"https://other.example:8443")
    assert not judged(b"https://other.example")
    assert not judged(b"https://desk.shop.example:3000")
