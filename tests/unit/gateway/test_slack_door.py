"""Clicks in Slack: only Slack's own, once, in the name of who clicked."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse

from adapters.chat.slack import SlackChat
from domain.authority.signed import flaw_in
from domain.chat.slack_message import APPROVE, DETAILS, REJECT, message_blocks, notification
from domain.errors import NotReachableError, UnknownCaseError
from domain.money.approval import ApprovalDecision, DecisionAnswer, Objection, Standing, Surface, Verdict
from gateway.slack import SLACK_PATH, SlackDoor
from tests.fakes.signing import KEYS, SLACK
from tests.fakes.slack_server import CHANNEL, SECRET, TOKEN, SlackServer, headers
from tests.integration.pages.people import FakeDesk

OLD_SECRET = b"the one before it was rotated"
USERS = {"T012/U1": "ada", "T012/U2": "bob"}


class Desk(FakeDesk):
    """A desk that knows its approvers, and that may be slow or away."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()
        self.opened.set()
        self.error: Exception | None = None

    async def decide(self, decision: ApprovalDecision) -> DecisionAnswer:
        await self.opened.wait()
        if self.error is not None:
            raise self.error
        if decision.by not in USERS.values():
            self.decisions.append(decision)
            return DecisionAnswer(accepted=False, message=Objection.NOT_ENTITLED)
        return await super().decide(decision)


class Office:
    """Headgate's door, and the Slack before it with one message."""

    def __init__(self) -> None:
        self.slack = SlackServer()
        self.desk = Desk()
        self.chat = SlackChat(TOKEN, base_url="https://slack.test/api", transport=self.slack.transport)
        self.door = SlackDoor(self.desk, self.chat, SLACK, users=lambda: USERS, secrets=lambda: [OLD_SECRET, SECRET])
        app = Starlette(routes=self.door.routes())
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://gateway")
        self.ts = ""

    async def open(self) -> None:
        view = self.desk.view
        self.ts = await self.chat.post(CHANNEL, notification(view), message_blocks(view))

    async def send(self, body: bytes, sent: dict[str, str] | None = None) -> int:
        answer = await self.http.post(SLACK_PATH, content=body, headers=sent or headers(body))
        return answer.status_code

    async def click(self, action: str, user: str = "U1") -> int:
        status = await self.send(self.slack.press(self.ts, action, user))
        await self.door.settled()
        return status


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    office = Office()
    await office.open()
    async with office.http:
        yield office


# --- who is not let in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["unsigned", "another secret", "stale", "from the future", "another body", "no secret"]
)
async def test_only_slack_is_heard(office: Office, fault: str) -> None:
    body = office.slack.press(office.ts, APPROVE, "U1")
    now = float(headers(body)["X-Slack-Request-Timestamp"])
    sent = {
        "unsigned": {"Content-Type": "application/x-www-form-urlencoded"},
        "another secret": headers(body, secret=b"guessed"),
        "stale": headers(body, at=now - 310),
        "from the future": headers(body, at=now + 310),
        "another body": headers(office.slack.press(office.ts, APPROVE, "U2")),
        "no secret": headers(body, secret=b""),
    }[fault]
    assert await office.send(body, sent) == 401
    await office.door.settled()
    assert office.desk.decisions == []
    assert office.slack.whispers == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload=%7B",
        b"payload=%5B%5D",
        b"payload=%7B%7D&payload=%7B%7D",
        b"other=1",
        b"payload=%7B%22type%22%3A%22block_actions%22%7D",
        b"\xff\xfe",
        b"x" * 70_000,
    ],
)
async def test_what_is_no_click_is_refused_with_words(office: Office, body: bytes) -> None:
    assert await office.send(body) in (400, 413)
    await office.door.settled()
    assert office.desk.decisions == []


async def test_while_a_secret_is_rotated_both_count(office: Office) -> None:
    for secret in (OLD_SECRET, SECRET):
        body = office.slack.press(office.ts, DETAILS, "U1")
        assert await office.send(body, headers(body, secret=secret)) == 200
    await office.door.settled()
    assert len(office.slack.whispers) == 2


async def test_a_stranger_is_told_so_and_recorded_and_changes_nothing(office: Office) -> None:
    assert await office.click(APPROVE, "U666") == 200
    [decision] = office.desk.decisions
    assert decision.by == "slack:T012/U666"
    [(user, text)] = office.slack.whispers
    assert user == "U666"
    assert "not among the approvers" in text
    assert office.desk.view.standing is Standing.PENDING
    assert office.slack.buttons(office.ts), "the others can still decide"


async def test_the_same_user_id_of_another_team_is_a_stranger(office: Office) -> None:
    await office.send(office.slack.press(office.ts, APPROVE, "U1", team="T999"))
    await office.door.settled()
    assert office.desk.view.standing is Standing.PENDING
    [decision] = office.desk.decisions
    assert decision.by == "slack:T999/U1"


async def test_a_stranger_is_not_shown_the_evidence(office: Office) -> None:
    await office.click(DETAILS, "U666")
    [(_, text)] = office.slack.whispers
    assert "not among the approvers" in text


# --- deciding ------------------------------------------------------------------------------------------------------


async def test_one_click_approves_signed_and_the_message_becomes_its_outcome(office: Office) -> None:
    assert await office.click(APPROVE) == 200
    [decision] = office.desk.decisions
    view = office.desk.view
    assert (decision.by, decision.verdict, decision.digest) == ("ada", Verdict.APPROVE, view.digest)
    assert decision.seal is not None
    assert decision.seal.surface == Surface.SLACK
    assert flaw_in(decision, KEYS, asked_at=view.requested_at, now=view.expires_at) is None
    assert office.slack.buttons(office.ts) == []
    assert "approved by ada" in office.slack.shown(office.ts)
    assert office.slack.posted == 1


async def test_a_rejection_asks_for_its_reason_first(office: Office) -> None:
    await office.click(REJECT)
    assert office.desk.decisions == []
    [dialog] = office.slack.dialogs
    assert await office.send(office.slack.send_off(dialog, "  not ours  ", "U1")) == 200
    await office.door.settled()
    [decision] = office.desk.decisions
    assert (decision.verdict, decision.reason, decision.by) == (Verdict.REJECT, "not ours", "ada")
    assert "rejected by ada" in office.slack.shown(office.ts)


@pytest.mark.parametrize("retry", [{}, {"X_Slack_Retry_Num": "1", "X_Slack_Retry_Reason": "http_timeout"}])
async def test_a_delivery_that_comes_again_is_harmless(office: Office, retry: dict[str, str]) -> None:
    body = office.slack.press(office.ts, APPROVE, "U1")
    for _ in range(3):
        assert await office.send(body, headers(body, **retry)) == 200
    await office.door.settled()
    assert len(office.desk.decisions) == 1
    assert office.slack.whispers == []


async def test_twenty_clicks_of_two_people_have_one_outcome(office: Office) -> None:
    bodies = [office.slack.press(office.ts, APPROVE, user) for user in ("U1", "U2") * 10]
    assert set(await asyncio.gather(*(office.send(body) for body in bodies))) == {200}
    await office.door.settled()
    assert office.desk.view.decided_by == "ada"
    told = [text for _, text in office.slack.whispers]
    assert len(told) == 19, "each of the others is told that it changed nothing"
    assert "approved by ada" in office.slack.shown(office.ts)


async def test_the_answer_does_not_wait_for_headgate(office: Office) -> None:
    office.desk.opened.clear()
    assert await asyncio.wait_for(office.send(office.slack.press(office.ts, APPROVE, "U1")), 3) == 200
    assert office.desk.decisions == []
    office.desk.opened.set()
    await office.door.settled()
    assert office.desk.view.standing is Standing.APPROVED


async def test_with_every_worker_stopped_the_decision_is_kept_and_the_clicker_told(office: Office) -> None:
    office.desk.error = NotReachableError("no case worker answers")
    await office.click(APPROVE)
    [decision] = office.desk.left
    view = office.desk.view
    assert (decision.by, decision.verdict) == ("ada", Verdict.APPROVE)
    assert flaw_in(decision, KEYS, asked_at=view.requested_at, now=view.expires_at) is None
    [(user, text)] = office.slack.whispers
    assert user == "U1"
    assert "is kept" in text


async def test_whatever_goes_wrong_the_clicker_is_told_and_nothing_is_formatted(office: Office) -> None:
    office.desk.error = UnknownCaseError("case/<!channel>")
    await office.click(APPROVE)
    [(user, text)] = office.slack.whispers
    assert user == "U1"
    assert "&lt;!channel&gt;" in text
    assert "<" not in text


async def test_a_changed_action_is_told_and_the_message_stays_open(office: Office) -> None:
    body = office.slack.press(office.ts, APPROVE, "U1")
    office.desk.view = office.desk.view.model_copy(update={"digest": "e" * 64})
    assert await office.send(body) == 200
    await office.door.settled()
    [(_, text)] = office.slack.whispers
    assert Objection.STALE_DIGEST in text
    assert [json.loads(button["value"])[1] for button in office.slack.buttons(office.ts)] == ["e" * 64] * 3


async def test_a_message_that_cannot_be_edited_is_told_and_loses_no_decision(office: Office) -> None:
    office.slack.troubles.append(JSONResponse({"ok": False, "error": "fatal_error"}))
    await office.click(APPROVE)
    assert office.desk.view.standing is Standing.APPROVED
    [(_, text)] = office.slack.whispers
    assert "could not be brought up to date" in text


async def test_a_slack_that_is_down_loses_no_decision(office: Office) -> None:
    office.slack.troubles.extend(JSONResponse({"ok": False, "error": "fatal_error"}) for _ in range(2))
    await office.click(APPROVE)
    assert office.desk.view.standing is Standing.APPROVED
