"""Slack's Web API, as far as approvals need it: post, edit, ask, tell."""

import asyncio
from collections.abc import Mapping, Sequence

import httpx

from adapters.models.wires.retry_after import told_to_wait, wait_seconds
from domain.errors import ConfigurationError, HeadgateError, RefusedError, TransientError

BASE_URL = "https://slack.com/api"
_TIMEOUT_S = 5.0
_WITHIN_S = 8.0
_TIME_MENDS = frozenset(
    {"ratelimited", "fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_OF_THE_APP = frozenset(
    {
        "account_inactive", "channel_not_found", "invalid_auth", "is_archived", "missing_scope", "no_permission",
        "not_authed", "not_in_channel", "token_expired", "token_revoked",
    }
)  # fmt: skip


class SlackChat:
    """`ApprovalChat` with a bot's token (`xoxb-…`, scope `chat:write`)."""

    def __init__(
        self, token: str, *, base_url: str = BASE_URL, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}
        self._base_url = base_url
        self._transport = transport

    async def post(self, channel: str, text: str, blocks: Sequence[Mapping[str, object]]) -> str:
        """Post a message; return the name by which it is edited."""
        answer = await self._call("chat.postMessage", channel=channel, text=text, blocks=list(blocks), **_NO_LINKS)
        return str(answer.get("ts", ""))

    async def edit(self, channel: str, message: str, text: str, blocks: Sequence[Mapping[str, object]]) -> None:
        """Put other words in the place of a message."""
        await self._call("chat.update", channel=channel, ts=message, text=text, blocks=list(blocks))

    async def ask(self, trigger: str, dialog: Mapping[str, object]) -> None:
        """Open a dialog for the person whose click `trigger` names; Slack takes it for three seconds."""
        await self._call("views.open", trigger_id=trigger, view=dict(dialog))

    async def tell(self, channel: str, user: str, text: str) -> None:
        """Tell one person something that nobody else sees; `user` is team and person."""
        await self._call("chat.postEphemeral", channel=channel, user=user.rpartition("/")[2], text=text)

    async def _call(self, method: str, **fields: object) -> Mapping[str, object]:
        """Call a method and return its answer.

        Raises:
            ToldToWaitError, TransientError: time mends it.
            ConfigurationError: the token, its scopes or the channel are wrong.
            RefusedError: Slack does not take this very message.
        """
        try:
            async with (
                asyncio.timeout(_WITHIN_S),
                httpx.AsyncClient(timeout=_TIMEOUT_S, transport=self._transport, headers=self._headers) as client,
            ):
                answer = await client.post(f"{self._base_url}/{method}", json=fields)
        except (httpx.HTTPError, OSError) as error:  # asyncio's TimeoutError is an OSError
            raise TransientError(f"Slack's {method}: {type(error).__name__}") from error
        return _taken(method, answer)


_NO_LINKS: Mapping[str, object] = {"unfurl_links": False, "unfurl_media": False}


def _taken(method: str, answer: httpx.Response) -> Mapping[str, object]:
    said = f"Slack's {method} answered {answer.status_code}"
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise told_to_wait(said, wait_seconds(answer.headers))
    if not answer.is_success:
        raise TransientError(said)
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise TransientError(f"{said}, with what is no JSON object")
    if document.get("ok") is True:
        return document
    raise _error(method, str(document.get("error", "unknown"))[:100])


def _error(method: str, why: str) -> HeadgateError:
    said = f"Slack's {method}: {why}"
    if why in _TIME_MENDS:
        return TransientError(said)
    if why in _OF_THE_APP:
        return ConfigurationError(f"{said}: look at the app's token and scopes, and invite it to the channel")
    return RefusedError(said)
