"""The approvals page: who may look, what counts as a decision, and that nothing foreign runs on it."""

import asyncio
import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.authority.signed import Flaw, flaw_in
from domain.briefs.request import request_lines
from domain.money.approval import ApprovalView, Objection, Standing
from gateway.console.approvers import ensure_approvers
from tests.integration.pages.people import APPROVAL, HOSTILE, FakeDesk, Person, hidden
from workers.parts.decision_keys import KeysOfDecisions

# --- who may look ---


@pytest.mark.parametrize("path", ["/approvals", f"/approvals/{APPROVAL}"])
async def test_whoever_is_not_logged_in_sees_nothing_and_comes_back_after_it(person: Person, path: str) -> None:
    answer = await person.http.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
    logged_in = await person.log_in(target=path)
    assert (logged_in.status_code, logged_in.headers["location"]) == (303, path)
    assert (await person.http.get(path)).status_code == 200


@pytest.mark.parametrize(("name", "token"), [("ada", "wrong"), ("eve", "wrong"), ("", "x"), ("ada", "é")])
async def test_a_wrong_token_is_refused(person: Person, name: str, token: str) -> None:
    answer = await person.log_in(name, token)
    assert answer.status_code == 401
    assert (await person.http.get("/approvals")).status_code == 303


async def test_another_persons_token_is_refused(person: Person) -> None:
    assert (await person.log_in("ada", person.tokens["bob"])).status_code == 401


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/approvals//evil.example", "/approvals/\\evil", "/logout"]
)
async def test_the_log_in_leads_to_our_own_pages_only(person: Person, target: str) -> None:
    assert (await person.log_in(target=target)).headers["location"] == "/approvals"


async def test_a_log_in_from_another_site_is_refused(person: Person) -> None:
    fields = {"name": "ada", "token": person.tokens["ada"]}
    assert (await person.http.post("/login", data=fields)).status_code == 403
    await person.http.get("/login")
    assert (await person.http.post("/login", data={**fields, "form_token": "f" * 64})).status_code == 403


@pytest.mark.parametrize("cookie", ["", "x", "a.b", "W10=.00", "é"])
async def test_a_forged_cookie_is_nobody(person: Person, cookie: str) -> None:
    headers = [(b"cookie", f"headgate_session={cookie}".encode("latin-1"))]
    assert (await person.http.get("/approvals", headers=headers)).status_code == 303


async def test_the_cookie_is_for_this_site_and_out_of_reach_of_scripts(person: Person) -> None:
    cookie = (await person.log_in()).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


async def test_a_changed_token_ends_the_session(person: Person, approvers_file: Path) -> None:
    await person.log_in()
    assert (await person.http.get("/approvals")).status_code == 200
    approvers_file.unlink()
    ensure_approvers(approvers_file, ["ada"])
    await _look_again()
    assert (await person.http.get("/approvals")).status_code == 303


async def _look_again() -> None:
    await asyncio.sleep(0.6)  # the file is looked at twice a second


async def test_logging_out_needs_the_form_of_the_page(person: Person) -> None:
    await person.log_in()
    await person.http.post("/logout", data={"form_token": "forged"})
    page = await person.http.get("/approvals")
    assert page.status_code == 200
    await person.http.post("/logout", data={"form_token": hidden(page, "form_token")})
    assert (await person.http.get("/approvals")).status_code == 303


async def test_a_cookie_that_was_copied_is_good_for_nothing_after_the_log_out(person: Person) -> None:
    await person.log_in()
    page = await person.http.get("/approvals")
    copied = dict(person.http.cookies)
    await person.http.post("/logout", data={"form_token": hidden(page, "form_token")})
    for cookies in ({}, copied):
        person.http.cookies.clear()
        person.http.cookies.update(cookies)
        assert (await person.http.get("/approvals")).status_code == 303
    # The next log-in is not troubled by it.
    await person.log_in()
    assert (await person.http.get("/approvals")).status_code == 200


async def test_a_log_out_that_cannot_be_written_down_says_so(person: Person, approvers_file: Path) -> None:
    await person.log_in()
    page = await person.http.get("/approvals")
    approvers_file.with_name(".ended-sessions.lock").mkdir()
    answer = await person.http.post("/logout", data={"form_token": hidden(page, "form_token")})
    assert answer.status_code == 503
    assert "this browser only" in answer.text
    assert (await person.http.get("/approvals")).status_code == 303


def test_tokens_are_told_once_and_kept_as_digests(approvers_file: Path, tokens: dict[str, str]) -> None:
    assert set(tokens) == {"ada", "bob"}
    assert ensure_approvers(approvers_file, ["ada", "bob"]) == {}
    assert approvers_file.stat().st_mode & 0o777 == 0o600
    assert all(token not in approvers_file.read_text() for token in tokens.values())


# --- what is shown ---


async def test_the_list_and_the_brief_are_shown_and_escaped(person: Person) -> None:
    await person.log_in()
    for path in ("/approvals", f"/approvals/{APPROVAL}"):
        page = await person.http.get(path)
        assert "5,000.00 USD" in page.text
        assert "<script>" not in page.text
        assert "<img" not in page.text
    assert "charged twice" in page.text
    assert "46 hours left" in page.text


async def test_nothing_foreign_can_run_on_any_page(person: Person) -> None:
    await person.log_in()
    for path in ("/", "/login", "/approvals", f"/approvals/{APPROVAL}", "/approvals/unknown"):
        page = await person.http.get(path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "same-origin"
        assert not re.search(r"<script|\son\w+=|style=", page.text)


async def test_an_unknown_approval_is_not_found(person: Person) -> None:
    await person.log_in()
    answer = await person.http.get("/approvals/case/shop/other/approval/1")
    assert answer.status_code == 404
    assert "no approval" in answer.text


async def test_trouble_behind_the_page_is_said_in_words(person: Person, desk: FakeDesk) -> None:
    await person.log_in()
    desk.away = True
    answer = await person.http.get("/approvals")
    assert answer.status_code == 503
    assert "try again" in answer.text
    assert "Temporal" not in answer.text


async def test_the_first_page_says_what_this_is(person: Person) -> None:
    page = await person.http.get("/")
    assert "/approvals" in page.text
    assert "http://127.0.0.1:8233" in page.text
    assert "message/rfc822" in page.text
    assert (await person.http.get("/static/style.css")).headers["content-type"].startswith("text/css")


async def test_pages_that_are_not_there_are_a_problem(person: Person) -> None:
    answer = await person.http.get("/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


# --- what counts ---


@pytest.mark.parametrize(("verdict", "standing"), [("approve", Standing.APPROVED), ("reject", Standing.REJECTED)])
async def test_a_decision_counts_once(person: Person, desk: FakeDesk, verdict: str, standing: Standing) -> None:
    await person.log_in()
    answer = await person.decide(verdict, reason="checked with the bank")
    assert answer.status_code == 200
    assert "Your decision counts." in answer.text
    assert desk.view.standing is standing
    (decision,) = desk.decisions
    assert (decision.by, decision.digest, decision.reason) == ("ada", "d" * 64, "checked with the bank")
    assert 'name="verdict"' not in answer.text


async def test_a_second_decision_is_told_that_it_changed_nothing(person: Person, desk: FakeDesk) -> None:
    await person.log_in()
    page = await person.http.get(f"/approvals/{APPROVAL}")
    await person.decide("approve")
    fields = {"form_token": hidden(page, "form_token", last=True), "digest": "d" * 64, "verdict": "reject"}
    answer = await person.http.post(f"/approvals/{APPROVAL}", data=fields)
    assert answer.status_code == 409
    assert "changed nothing" in answer.text
    assert Objection.ALREADY_DECIDED in answer.text
    assert desk.view.standing is Standing.APPROVED


async def test_a_decision_on_another_action_is_told_so(person: Person, desk: FakeDesk) -> None:
    await person.log_in()
    answer = await person.decide(digest="e" * 64)
    assert answer.status_code == 409
    assert "look at the request again" in answer.text
    assert desk.view.standing is Standing.PENDING


async def test_a_person_above_their_limit_is_told_so(person: Person, desk: FakeDesk) -> None:
    await person.log_in("bob")
    answer = await person.decide()
    assert answer.status_code == 409
    assert html.escape(Objection.ABOVE_LIMIT) in answer.text.replace("&#39;", "&#x27;")
    assert desk.view.standing is Standing.PENDING


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"form_token": ""}, 403),
        ({"form_token": "f" * 64}, 403),
        ({"verdict": ""}, 400),
        ({"verdict": "maybe"}, 400),
        ({"reason": "x" * 501}, 400),
    ],
)
async def test_forms_that_are_not_ours_decide_nothing(
    person: Person, desk: FakeDesk, changes: dict[str, str], status: int
) -> None:
    await person.log_in()
    answer = await person.decide(**changes)
    assert answer.status_code == status
    assert "Nothing was decided" in answer.text
    assert desk.decisions == []


async def test_a_form_of_another_approval_decides_nothing(person: Person, desk: FakeDesk) -> None:
    await person.log_in()
    page = await person.http.get("/approvals")
    answer = await person.decide(form_token=hidden(page, "form_token"))
    assert answer.status_code == 403
    assert desk.decisions == []


async def test_an_oversized_form_decides_nothing(person: Person, desk: FakeDesk) -> None:
    await person.log_in()
    answer = await person.decide(reason="x" * 100_000)
    assert answer.status_code == 403
    assert desk.decisions == []


async def test_whoever_is_not_logged_in_decides_nothing(person: Person, desk: FakeDesk) -> None:
    answer = await person.http.post(f"/approvals/{APPROVAL}", data={"verdict": "approve", "digest": "d" * 64})
    assert answer.status_code == 303
    assert desk.decisions == []


async def test_an_expired_request_has_no_buttons(person: Person, desk: FakeDesk) -> None:
    desk.view = desk.view.model_copy(update={"expires_at": datetime.now(UTC) - timedelta(seconds=1)})
    await person.log_in()
    assert 'name="verdict"' not in (await person.http.get(f"/approvals/{APPROVAL}")).text


async def test_one_that_cannot_be_shown_hides_nothing_and_is_told(person: Person, desk: FakeDesk) -> None:
    desk.unshown = ["case/shop/<sick>/approval/1"]
    await person.log_in()
    page = await person.http.get("/approvals")
    assert page.status_code == 200
    assert APPROVAL in page.text
    assert "1 more cannot be shown just now: case/shop/&lt;sick&gt;/approval/1" in page.text


# --- the customer's words ---


def with_request(desk: FakeDesk, text: str) -> None:
    brief = desk.view.brief.model_copy(update={"request": request_lines(text)})
    desk.view = desk.view.model_copy(update={"brief": brief})


async def test_the_customers_words_are_beside_the_figures_and_do_nothing(person: Person, desk: FakeDesk) -> None:
    with_request(desk, HOSTILE)
    await person.log_in()
    one = (await person.http.get(f"/approvals/{APPROVAL}")).text
    quotes = re.findall(r'<li dir="auto" class="said">(.*?)</li>', one)
    assert len(quotes) == 3
    assert all(quote.startswith("“") and len(html.unescape(quote)) <= 300 for quote in quotes)
    assert "hxxps[:]//evil[.]example" in one
    for page in (one, (await person.http.get("/approvals")).text):
        assert "“" in page
        assert not re.search(r"<script|<img|<b>|https://|www\.|@|[\x00-\x09\x0b-\x1f\u202a-\u202e]", page)
        assert not [link for link in re.findall(r'href="([^"]*)"', page) if not link.startswith("/")]


async def test_a_brief_of_an_older_version_has_no_words_and_is_shown(person: Person, desk: FakeDesk) -> None:
    old = desk.view.model_dump(mode="json")
    del old["brief"]["request"]
    desk.view = ApprovalView.model_validate(old)
    await person.log_in()
    page = (await person.http.get(f"/approvals/{APPROVAL}")).text
    assert "charged twice" in page
    assert "The customer" not in page
    assert (await person.http.get("/approvals")).status_code == 200


async def test_each_reason_for_a_person_stands_by_itself(person: Person, desk: FakeDesk) -> None:
    told = {"marks": ["field_derived", "field_guessed"], "reasons": ["one was <b>filled in", "one was guessed"]}
    brief = desk.view.brief.model_copy(update={**told, "why": "Policy allows it (faulty), but both."})
    desk.view = desk.view.model_copy(update={"brief": brief})
    await person.log_in()
    page = (await person.http.get(f"/approvals/{APPROVAL}")).text
    assert "Policy allows it (faulty), but:<ul><li>one was &lt;b&gt;filled in</li><li>one was guessed</li></ul>" in page
    assert "field derived, field guessed" in (await person.http.get("/approvals")).text


async def test_the_original_can_be_opened_from_the_request(person: Person) -> None:
    await person.log_in()
    page = (await person.http.get(f"/approvals/{APPROVAL}")).text
    [link] = re.findall(r'href="(/cases/[^"]*/original)"', page)
    assert (await person.http.get(link)).status_code == 200


async def test_what_the_customer_wrote_since_is_shown_escaped_and_what_became_of_it(
    person: Person, desk: FakeDesk
) -> None:
    await person.log_in()
    desk.view = desk.view.model_copy(update={"wrote_since": ["“Half <b>of</b> it.”", HOSTILE], "unread": 2})
    listed = (await person.http.get("/approvals")).text
    assert "2 times since this was asked" in listed
    shown = (await person.http.get(f"/approvals/{APPROVAL}")).text
    assert "“Half &lt;b&gt;of&lt;/b&gt; it.”" in shown
    assert HOSTILE not in shown
    assert "if you approve, nothing is paid" in shown
    decided = {"standing": Standing.APPROVED, "became": "nothing was paid: the case waits for a person"}
    desk.view = desk.view.model_copy(update=decided)
    shown = (await person.http.get(f"/approvals/{APPROVAL}")).text
    assert "nothing was paid: the case waits for a person" in shown
    assert "if you approve" not in shown


async def test_what_is_decided_on_the_page_is_signed_for_the_one_who_is_logged_in(
    person: Person, desk: FakeDesk, approvers_file: Path
) -> None:
    await person.log_in()
    await person.decide("approve", reason="checked")
    [decision] = desk.decisions
    keys = KeysOfDecisions(approvers_file.parent, approvers_file)()
    now = datetime.now(UTC)
    assert decision.by == "ada"
    assert flaw_in(decision, keys, asked_at=now - timedelta(hours=1), now=now) is None
    as_bob = decision.model_copy(update={"by": "bob"})
    assert flaw_in(as_bob, keys, asked_at=now - timedelta(hours=1), now=now) is Flaw.CHANGED
