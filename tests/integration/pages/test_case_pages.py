"""Pages of cases: who waits and why, the message, and the message as it came in for those who may see it."""

import html
import re
from pathlib import Path

import httpx
import pytest

from client.case_rows import WaitingCases
from gateway.app import GatewaySettings, create_gateway
from gateway.console.approvers import ensure_approvers
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from tests.fakes.inbox import FakeInbox
from tests.integration.pages.people import CASE, HOSTILE, FakeCases, FakeDesk, FakeOriginals, Person

ONE, ORIGINAL, DOWNLOAD = f"/cases/{CASE}", f"/cases/{CASE}/original", f"/cases/{CASE}/original/download"
MAIL = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\nSubject: Lamp\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Kaputt f=FCr immer\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<img src=https://evil.example/pixel.png onload=alert(1)>\r\n"
    b"--b\r\nContent-Type: application/pdf; name=x.pdf\r\n\r\n%PDF\r\n--b--\r\n"
)


@pytest.mark.parametrize("path", ["/cases", ONE, ORIGINAL, DOWNLOAD])
async def test_whoever_is_not_logged_in_sees_nothing_and_comes_back_after_it(
    person: Person, originals: FakeOriginals, path: str
) -> None:
    answer = await person.http.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
    assert originals.asked == []
    assert (await person.log_in(target=path)).headers["location"] == path
    assert (await person.http.get(path)).status_code == 200


@pytest.mark.parametrize("target", ["/cases//evil.example", "/cases\\evil", "/casesevil", "//cases/x"])
async def test_the_log_in_leads_to_our_own_pages_only(person: Person, target: str) -> None:
    assert (await person.log_in(target=target)).headers["location"] == "/approvals"


async def test_nothing_foreign_runs_or_is_linked_on_any_page(person: Person) -> None:
    await person.log_in()
    for path in ("/cases", ONE, ORIGINAL, "/cases/case/shop/unknown"):
        page = await person.http.get(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "script-src" not in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script|<img|<b>|<i>|style=", page.text)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e]", page.text)
        assert all(link.startswith("/") for link in re.findall(r'(?:href|src|action)="([^"]*)"', page.text))


async def test_what_waits_is_listed_with_the_reason_and_the_customers_words(person: Person) -> None:
    await person.log_in()
    page = (await person.http.get("/cases")).text
    assert "human: unreadable field &lt;b&gt;" in page
    assert "“Please pay back 20 EUR &#34;›‹img src=x" in page
    assert "48 hours left" in page
    assert f'href="{ONE}"' in page


async def test_what_cannot_be_shown_and_what_is_more_is_told(person: Person, cases: FakeCases) -> None:
    await person.log_in()
    cases.found = WaitingCases(unshown=["case/shop/<sick>"], more=True)
    page = (await person.http.get("/cases")).text
    assert "1 more cannot be shown just now: case/shop/&lt;sick&gt;" in page
    assert "headgate cases list --state waiting_human" in page
    cases.found = WaitingCases()
    assert "Nothing waits" in (await person.http.get("/cases")).text
    cases.away = True
    assert (await person.http.get("/cases")).status_code == 503


async def test_one_case_says_why_what_about_and_how_to_decide(person: Person, cases: FakeCases) -> None:
    await person.log_in()
    page = html.unescape((await person.http.get(ONE)).text)
    assert "<i>Lamp</i>" in page
    assert "hidden text" in page
    assert "the sender's address is <none> of ours" in page
    assert "\\x1b[2J\\u202eabc" in page
    assert "Money back " * 100 in page
    assert f"headgate cases route {CASE} CATEGORY" in page
    cases.view = cases.view.model_copy(update={"state": "terminated"})
    ended = (await person.http.get(ONE)).text
    assert "terminated" in ended
    assert "headgate cases route" not in ended


@pytest.mark.parametrize(
    "path",
    ["/cases/case/shop/other", "/cases/case/shop/other/original", "/cases/case/SHOP/x", "/cases/case/shop/%3Cx%3E"],
)
async def test_an_unknown_case_is_not_found(person: Person, path: str) -> None:
    await person.log_in()
    answer = await person.http.get(path)
    assert answer.status_code == 404
    assert "no case" in answer.text


async def test_another_tenants_approver_may_not_open_the_original(
    person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    await person.log_in("bob")
    for path in (ORIGINAL, DOWNLOAD):
        answer = await person.http.get(path)
        assert answer.status_code == 403
        assert "not among the approvers" in answer.text
        assert "evil" not in answer.text
    assert f"'bob' may not open the original of {CASE}" in caplog.text


async def test_every_look_at_an_original_is_in_the_log(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "headgate.gateway")
    await person.log_in()
    await person.http.get(ORIGINAL)
    assert f"'ada' opened the original of {CASE}" in caplog.text


async def test_the_original_is_shown_as_text(person: Person) -> None:
    await person.log_in()
    page = (await person.http.get(ORIGINAL)).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\\x1b[2J\\u202eabc" in page
    assert '<pre class="message" dir="auto">' in page


async def test_a_mail_is_taken_apart_and_decoded(person: Person, originals: FakeOriginals) -> None:
    originals.stored = originals.stored.model_copy(update={"content_type": "message/rfc822", "body": MAIL})
    await person.log_in()
    page = html.unescape((await person.http.get(ORIGINAL)).text)
    assert "From: Jörg <joerg@example.org>" in page
    assert "Kaputt für immer" in page
    assert "part 3: application/pdf, named 'x.pdf', 4 bytes, not shown" in page
    assert "<img src=https://evil.example/pixel.png onload=alert(1)>" in page


async def test_of_a_very_long_original_the_page_shows_the_beginning_and_says_so(
    person: Person, originals: FakeOriginals
) -> None:
    originals.stored = originals.stored.model_copy(update={"content_type": "text/plain", "body": b"x " * 150_000})
    await person.log_in()
    page = (await person.http.get(ORIGINAL)).text
    assert len(page) < 210_000
    assert "100,000 more characters are not shown" in page


async def test_the_exact_bytes_can_be_downloaded_and_no_browser_opens_them(
    person: Person, originals: FakeOriginals
) -> None:
    body = bytes(range(256)) * 3
    originals.stored = originals.stored.model_copy(
        update={"content_type": "text/html; name=../../evil.html", "body": body}
    )
    await person.log_in()
    answer = await person.http.get(DOWNLOAD)
    assert answer.content == body
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="original-message.bin"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_the_pages_are_named_on_the_others(person: Person) -> None:
    assert 'href="/cases"' in (await person.http.get("/")).text
    await person.log_in()
    assert 'href="/cases"' in (await person.http.get("/approvals")).text


async def test_without_a_store_there_are_approvals_and_no_pages_of_cases(tmp_path: Path) -> None:
    tokens = ensure_approvers(tmp_path / "approvers.json", ["ada"])
    ensure_sources(tmp_path / "sources.json", ["shop"])
    settings = GatewaySettings(approvers_file=tmp_path / "approvers.json")
    app = create_gateway(FakeInbox(), SourceRegistry(tmp_path / "sources.json"), FakeDesk(), settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        await Person(http, tokens).log_in()
        page = await http.get("/approvals/case/shop/evt_1/approval/1")
        assert page.status_code == 200
        assert "/cases" not in page.text
        assert (await http.get("/cases")).status_code == 404


def test_the_sample_is_as_hostile_as_the_tests_say() -> None:
    assert all(sign in HOSTILE for sign in ("<script", "\x1b", "\u202e", "](https://", "@channel", "onerror="))
