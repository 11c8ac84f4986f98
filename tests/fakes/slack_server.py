"""A server that speaks Slack: its Web API in this process, and clicks that are signed as Slack signs them."""

import hashlib
import hmac
import json
import time
from collections import deque
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "xoxb-of-the-tests"
SECRET = b"8f742231b10e8888abcd99yyyzzz85a5"
TEAM, CHANNEL = "T012", "C042"


class SlackServer:
    """Slack with one channel. `messages` are as people see them now, by their `ts`; `posted` counts all ever posted."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.posted = 0
        self.dialogs: list[dict[str, Any]] = []
        self.whispers: list[tuple[str, str]] = []  # user and text
        self.troubles: deque[Response] = deque()
        self.app = Starlette(routes=[Route("/api/{method}", self._answer, methods=["POST"])])

    @property
    def transport(self) -> httpx.ASGITransport:
        """A way to it without a network."""
        return httpx.ASGITransport(self.app)

    async def _answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"ok": False, "error": "invalid_auth"})
        if self.troubles:
            return self.troubles.popleft()
        method, said = request.path_params["method"], await request.json()
        if method == "views.open":
            self.dialogs.append(said["view"])
            return JSONResponse({"ok": True})
        if said.get("channel") != CHANNEL:
            return JSONResponse({"ok": False, "error": "channel_not_found"})
        if any(len(_text(block)) > 3_000 for block in said.get("blocks", [])):
            return JSONResponse({"ok": False, "error": "invalid_blocks"})
        if method == "chat.postEphemeral":
            self.whispers.append((said["user"], said["text"]))
            return JSONResponse({"ok": True})
        if method == "chat.postMessage":
            self.posted += 1
            ts = f"1700000000.{self.posted:06}"
        else:
            ts = said["ts"]
            if ts not in self.messages:
                return JSONResponse({"ok": False, "error": "message_not_found"})
        self.messages[ts] = said
        return JSONResponse({"ok": True, "ts": ts, "channel": CHANNEL})

    # --- what people do -----------------------------------------------------------------------------------------------

    def press(self, ts: str, action_id: str, user: str, *, team: str = TEAM) -> bytes:
        """Return the request of a click on a button of a message."""
        [button] = [b for b in self.buttons(ts) if b["action_id"] == action_id]
        action = {"action_id": action_id, "value": button["value"], "type": "button"}
        return _form(
            {
                "type": "block_actions",
                "user": {"id": user, "username": "whoever"},
                "team": {"id": team, "domain": "shop"},
                "trigger_id": f"{time.monotonic_ns()}.1",
                "container": {"type": "message", "channel_id": CHANNEL, "message_ts": ts},
                "actions": [action],
            }
        )

    def send_off(self, dialog: dict[str, Any], reason: str, user: str) -> bytes:
        """Return the request of a dialog that is sent off."""
        state = {
            "values": {dialog["callback_id"]: {dialog["callback_id"]: {"type": "plain_text_input", "value": reason}}}
        }
        view = {"id": "V1", "callback_id": dialog["callback_id"], "private_metadata": dialog["private_metadata"]}
        said = {"type": "view_submission", "user": {"id": user}, "team": {"id": TEAM}, "view": {**view, "state": state}}
        return _form(said)

    def buttons(self, ts: str) -> list[dict[str, Any]]:
        """Return the buttons that a message has now."""
        blocks = self.messages[ts]["blocks"]
        return [button for block in blocks if block["type"] == "actions" for button in block["elements"]]

    def shown(self, ts: str) -> str:
        """Return all text of a message as it is now."""
        return "\n".join(_text(block) for block in self.messages[ts]["blocks"])


def headers(body: bytes, *, secret: bytes = SECRET, at: float | None = None, **more: str) -> dict[str, str]:
    """Return the headers that Slack sends with a request."""
    sent = str(int(time.time() if at is None else at))
    code = hmac.new(secret, b"v0:" + sent.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": sent,
        "X-Slack-Signature": f"v0={code}",
        "Content-Type": "application/x-www-form-urlencoded",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def _form(payload: dict[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def _text(block: dict[str, Any]) -> str:
    found = block.get("text")
    return str(found["text"]) if isinstance(found, dict) else ""
