"""The approvals page: who may look, what counts as a decision, and that nothing foreign runs on it."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from domain.errors import TransientError, UnknownCaseError
from domain.money.amount import Money
from domain.money.approval import (
    ApprovalDecision,
    ApprovalView,
    Brief,
    DecisionAnswer,
    Objection,
    PendingApprovals,
    Standing,
    Verdict,
)
from gateway.app import GatewaySettings, create_gateway
from gateway.console.approvers import ensure_approvers
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from tests.fakes.inbox import FakeInbox

APPROVAL = "case/shop/evt_1/approval/1"


class FakeDesk:
    """One approval, decided by the rules that matter here."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self.view = ApprovalView(
            approval_id=APPROVAL,
            case_id="case/shop/evt_1",
            brief=Brief(
                what="Refund of 5,000.00 USD on ORD-10023 <script>alert(1)</script>",
                for_whom="customer C-1001",
                why="charged twice",
                evidence=["two captures", '"><img src=x onerror=alert(1)>'],
                policy="at or above 5,000.00 USD",
                if_approved="the money goes back",
                if_rejected="the customer is told why",
            ),
            digest="d" * 64,
            amount=Money(minor=500_000, currency="USD"),
            requested_at=now - timedelta(hours=1),
            expires_at=now + timedelta(hours=47),
        )
        self.decisions: list[ApprovalDecision] = []
        self.away = False
        self.unshown: list[str] = []

    async def pending(self) -> PendingApprovals:
        if self.away:
            raise TransientError("no Temporal")
        views = [self.view] if self.view.standing is Standing.PENDING else []
        return PendingApprovals(views=views, unshown=self.unshown)

    async def show(self, approval_id: str) -> ApprovalView:
        if approval_id != APPROVAL:
            raise UnknownCaseError(approval_id)
        return self.view

    async def decide(self, decision: ApprovalDecision) -> DecisionAnswer:
        self.decisions.append(decision)
        if decision.by == "bob":
            return DecisionAnswer(accepted=False, message=Objection.ABOVE_LIMIT)
        if decision.digest != self.view.digest:
            return DecisionAnswer(accepted=False, message=Objection.STALE_DIGEST)
        if self.view.standing is not Standing.PENDING:
            return DecisionAnswer(accepted=False, message=Objection.ALREADY_DECIDED, standing=self.view.standing)
        standing = Standing.APPROVED if decision.verdict is Verdict.APPROVE else Standing.REJECTED
        self.view = self.view.model_copy(update={"standing": standing, "decided_by": decision.by})
        return DecisionAnswer(accepted=True, message="Thank you.", standing=standing)


class Person:
    """A browser."""

    def __init__(self, http: httpx.AsyncClient, tokens: dict[str, str]) -> None:
        self.http = http
        self.tokens = tokens

    async def log_in(self, name: str = "ada", token: str | None = None, target: str = "") -> httpx.Response:
        page = await self.http.get("/login", params={"next": target} if target else None)
        fields = {"name": name, "token": token or self.tokens[name], "next": hidden(page, "next")}
        return await self.http.post("/login", data={**fields, "form_token": hidden(page, "form_token")})

    async def decide(self, verdict: str = "approve", **changes: str) -> httpx.Response:
        page = await self.http.get(f"/approvals/{APPROVAL}")
        fields = {
            "form_token": hidden(page, "form_token", last=True),
            "digest": "d" * 64,
            "verdict": verdict,
            "reason": "ok",
        }
        return await self.http.post(f"/approvals/{APPROVAL}", data={**fields, **changes})


def hidden(page: httpx.Response, name: str, *, last: bool = False) -> str:
    values = re.findall(rf'name="{name}" value="([^"]*)"', page.text)
    return html.unescape(values[-1 if last else 0]) if values else ""


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def approvers_file(tmp_path: Path) -> Path:
    return tmp_path / "approvers.json"


@pytest.fixture
def tokens(approvers_file: Path) -> dict[str, str]:
    return ensure_approvers(approvers_file, ["ada", "bob"])


@pytest.fixture
async def http(desk: FakeDesk, approvers_file: Path, tokens: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    ensure_sources(approvers_file.with_name("sources.json"), ["shop"])
    app = create_gateway(
        FakeInbox(),
        SourceRegistry(approvers_file.with_name("sources.json")),
        desk,
        GatewaySettings(approvers_file=approvers_file, temporal_ui_url="http://127.0.0.1:8233"),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        yield client


@pytest.fixture
def person(http: httpx.AsyncClient, tokens: dict[str, str]) -> Person:
    return Person(http, tokens)


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
        assert page.headers["referrer-policy"] == "no-referrer"
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
