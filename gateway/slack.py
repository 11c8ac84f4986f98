"""`POST /slack/actions`: clicks in Slack, acknowledged at once and decided after that.

Slack waits three seconds and knows nothing of our workers, so the answer is 200 once the signature and the form are
right; whether the decision counted is told in Slack. A delivery that came before changes nothing.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.authority.signed import SigningKey, sign
from domain.chat.slack_click import Click, SlackClick, read_click
from domain.chat.slack_message import details_text, escaped, message_blocks, notification, reason_dialog
from domain.errors import FormError, HeadgateError, NotReachableError, SignatureError, UseError
from domain.inbound.signing import TOLERANCE_S
from domain.inbound.vendors.signatures import SLACK, SignedRequest, verify_vendor
from domain.inbound.web_forms import read_urlencoded
from domain.money.approval import ApprovalDecision, Verdict
from gateway.answers import problem_response
from gateway.console.desk import ApprovalDesk
from ports.people import ApprovalChat

SLACK_PATH = "/slack/actions"
_LOG = logging.getLogger("headgate.gateway")
_BODY_BYTES = 64 * 1024
_REMEMBERED = 4_096  # deliveries; Slack tries three times within an hour, and a captured one is stale in five minutes


class SlackDoor:
    """Takes clicks, and decides in the name of the approver that a Slack user is.

    Args:
        desk: where it is decided.
        chat: where people are answered.
        key: what the decisions are signed with.
        users: the approver's name by team and user (`T012/U345`).
        secrets: the active signing secrets of the app: while one is rotated, both.
    """

    def __init__(
        self,
        desk: ApprovalDesk,
        chat: ApprovalChat,
        key: SigningKey,
        *,
        users: Callable[[], Mapping[str, str]],
        secrets: Callable[[], Sequence[bytes]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._desk = desk
        self._chat = chat
        self._key = key
        self._users = users
        self._secrets = secrets
        self._clock = clock
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._under_way: set[asyncio.Task[None]] = set()

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route(SLACK_PATH, self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """Acknowledge a click, and begin to act on it."""
        body = await _body_of(request)
        if body is None:
            return _refusal(413, "too_large", f"a click has at most {_BODY_BYTES} bytes")
        try:
            headers = {name.lower(): value for name, value in request.headers.raw}
            verify_vendor(
                SLACK, self._secrets(), SignedRequest(headers, body), now=self._clock(), tolerance_s=TOLERANCE_S
            )
            click = read_click(_payload(body))
        except SignatureError as error:
            return _refusal(401, str(error.fault), str(error))
        except ValueError as error:
            return _refusal(400, "not_a_click", str(error))
        if click is not None and not self._came_before(click, body):
            task = asyncio.create_task(self._act(click))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return Response(status_code=200)

    async def settled(self) -> None:
        """Wait until what was clicked is done."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    def _came_before(self, click: SlackClick, body: bytes) -> bool:
        """Return whether this very delivery was taken: tried again by Slack, or sent again by somebody else."""
        mark = hashlib.sha256(body).digest()
        if mark in self._seen:
            _LOG.info("a click of %s on %s came again", click.user, click.approval_id)
            return True
        self._seen[mark] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return False

    async def _act(self, click: SlackClick) -> None:
        try:
            match click.click:
                case Click.REJECT:
                    dialog = reason_dialog(click.approval_id, click.digest, click.channel, click.message)
                    await self._chat.ask(click.trigger, dialog)
                case Click.DETAILS:
                    await self._show_details(click)
                case Click.APPROVE:
                    await self._decide(click, Verdict.APPROVE)
                case Click.REASON:
                    await self._decide(click, Verdict.REJECT)
        except Exception as error:  # noqa: BLE001 - whatever is away, the clicker is told
            known = isinstance(error, HeadgateError | UseError)
            _LOG.warning("a click of %s on %s failed: %s", click.user, click.approval_id, type(error).__name__)
            said = str(error) if known else "Headgate cannot be reached just now"
            await self._tell(click, f"It is not known whether that counted: {said}. Look at the request, or try again.")

    async def _show_details(self, click: SlackClick) -> None:
        if click.user not in self._users():
            await self._tell(click, "You are not among the approvers of this Headgate.")
            return
        await self._chat.tell(click.channel, click.user, details_text(await self._desk.show(click.approval_id)))

    async def _decide(self, click: SlackClick, verdict: Verdict) -> None:
        """Hand in the decision; a stranger's too, under the name that Slack gives: it is refused, and on the trail."""
        name = self._users().get(click.user)
        decision = ApprovalDecision(
            approval_id=click.approval_id,
            digest=click.digest,
            verdict=verdict,
            by=name or f"slack:{click.user}",
            reason=click.reason,
        )
        signed = sign(decision, self._key, datetime.fromtimestamp(self._clock(), UTC))
        try:
            answer = await self._desk.decide(signed)
        except NotReachableError:
            await self._desk.leave(signed)
            _LOG.warning("%s by %r on %s waits for a worker", verdict, decision.by, click.approval_id)
            await self._tell(
                click, "No worker answers just now. What you decided is kept, and counts if one is in time."
            )
            return
        _LOG.info("%s by %r on %s: counted=%s", verdict, decision.by, click.approval_id, answer.accepted)
        if name is None:
            await self._tell(
                click, f"You are not among the approvers of this Headgate; nothing changed: {answer.message}"
            )
            return
        if not answer.accepted:
            await self._tell(click, f"That changed nothing: {answer.message}")
        try:
            view = await self._desk.show(click.approval_id)
            await self._chat.edit(click.channel, click.message, notification(view), message_blocks(view))
        except (HeadgateError, UseError) as error:
            _LOG.warning("the message on %s is not as it stands: %s", click.approval_id, error)
            await self._tell(click, f"{answer.message}. The message above could not be brought up to date.")

    async def _tell(self, click: SlackClick, text: str) -> None:
        try:
            await self._chat.tell(click.channel, click.user, escaped(text))
        except HeadgateError as error:
            _LOG.warning("%s could not be told in Slack: %s", click.user, error)


async def _body_of(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES:
            return None
    return bytes(body)


def _payload(body: bytes) -> str:
    """Return the field `payload` of the form. Raises ValueError if there is none, or more than one."""
    try:
        found = [field.value for field in read_urlencoded(body) if field.name == "payload"]
    except FormError as error:
        raise ValueError(str(error)) from error
    if len(found) != 1:
        raise ValueError("expected a form with one field `payload`")
    return found[0]


def _refusal(status: int, code: str, detail: str) -> Response:
    return problem_response(status, code, "Not taken", detail, "only Slack itself may send this")
