"""What Slack's answers mean for the next try; no message of ours has the token in it."""

import httpx
import pytest

from adapters.chat.slack import SlackChat
from domain.errors import ConfigurationError, HeadgateError, RefusedError, ToldToWaitError, TransientError
from tests.fakes.slack_server import CHANNEL, TOKEN, SlackServer

PAUSE = {"Retry-After": "30"}


def answering(answer: httpx.Response | Exception) -> SlackChat:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SlackChat(TOKEN, transport=httpx.MockTransport(handle))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("no route"), TransientError),
        (httpx.Response(500), TransientError),
        (httpx.Response(200, text="<html>"), TransientError),
        (httpx.Response(200, json=[]), TransientError),
        (httpx.Response(200, json={"ok": "true"}), RefusedError),
        (httpx.Response(200, json={"ok": False}), RefusedError),
        (httpx.Response(200, json={"ok": False, "error": "internal_error"}), TransientError),
        (httpx.Response(200, json={"ok": False, "error": "invalid_auth"}), ConfigurationError),
        (httpx.Response(200, json={"ok": False, "error": "not_in_channel"}), ConfigurationError),
        (httpx.Response(200, json={"ok": False, "error": "invalid_blocks"}), RefusedError),
        (httpx.Response(429, headers=PAUSE), ToldToWaitError),
    ],
)
async def test_each_answer_is_an_error_of_ours(answer: httpx.Response | Exception, error: type[HeadgateError]) -> None:
    with pytest.raises(error) as raised:
        await answering(answer).tell(CHANNEL, "T1/U1", "hello")
    assert "chat.postEphemeral" in str(raised.value)
    assert TOKEN not in str(raised.value)


async def test_a_message_is_edited_by_the_name_it_was_posted_under() -> None:
    slack = SlackServer()
    chat = SlackChat(TOKEN, base_url="https://slack.test/api", transport=slack.transport)
    name = await chat.post(CHANNEL, "first", [])
    await chat.edit(CHANNEL, name, "second", [])
    assert [message["text"] for message in slack.messages.values()] == ["second"]
    with pytest.raises(ConfigurationError, match="channel_not_found"):
        await chat.post("C404", "hello", [])
    with pytest.raises(ConfigurationError, match="invalid_auth"):
        await SlackChat("xoxb-guessed", base_url="https://slack.test/api", transport=slack.transport).post(
            CHANNEL, "", []
        )
