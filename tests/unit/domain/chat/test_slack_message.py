"""What stands in a message is told by code, and nothing in it is more than text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chat.slack_click import read_click
from domain.chat.slack_message import details_text, message_blocks, notification, reason_dialog
from domain.money.approval import Standing
from tests.integration.pages.people import FakeDesk

VIEW = FakeDesk().view
HOSTILE = "<!channel> <https://evil.example|pay> *bold* :rotating_light: @here & <script>"


def texts(node: object) -> list[dict[str, object]]:
    """Return every text object in blocks."""
    if isinstance(node, dict):
        own = [node] if isinstance(node.get("text"), str) else []
        return own + [found for value in node.values() for found in texts(value)]
    return [found for item in node for found in texts(item)] if isinstance(node, list) else []


@given(what=st.text(max_size=8_000))
def test_whatever_is_in_a_brief_is_plain_text_of_a_size_that_slack_takes(what: str) -> None:
    view = VIEW.model_copy(update={"brief": VIEW.brief.model_copy(update={"what": HOSTILE + what, "why": what})})
    found = texts(message_blocks(view))
    assert found
    assert {item["type"] for item in found} == {"plain_text"}
    assert all(not item["emoji"] and len(str(item["text"])) <= 3_000 for item in found)


def test_a_notification_calls_nobody_and_links_nowhere() -> None:
    brief = VIEW.brief.model_copy(update={"what": HOSTILE, "evidence": [HOSTILE]})
    view = VIEW.model_copy(update={"brief": brief})
    assert "<" not in notification(view) + details_text(view)


@pytest.mark.parametrize("standing", [s for s in Standing if s is not Standing.PENDING])
def test_what_has_ended_has_no_buttons(standing: Standing) -> None:
    blocks = message_blocks(VIEW.model_copy(update={"standing": standing, "decided_by": "ada"}))
    assert all(block["type"] != "actions" for block in blocks)
    assert str(standing) in json.dumps(blocks)


def test_an_id_too_long_for_a_button_is_decided_on_the_page() -> None:
    blocks = message_blocks(VIEW.model_copy(update={"approval_id": "case/" + "x" * 1_990}))
    assert all(block["type"] != "actions" for block in blocks)
    assert "approvals page" in json.dumps(blocks)


@pytest.mark.parametrize(
    "metadata", ["", "{}", "[]", '["a"]', '["a", "b", "c", 4]', '["a","b","c","d","e"]', "[" * 2_000]
)
def test_a_dialog_that_is_not_ours_decides_nothing(metadata: str) -> None:
    view = {"callback_id": "headgate.reason", "private_metadata": metadata, "state": {}}
    said = {"type": "view_submission", "user": {"id": "U1"}, "team": {"id": "T1"}, "view": view}
    with pytest.raises(ValueError, match="not ours"):
        read_click(json.dumps(said))


def test_a_dialog_without_a_readable_reason_has_none() -> None:
    dialog = reason_dialog("case/1/approval/1", "d", "C1", "1.2")
    for state in ({}, {"values": []}, {"values": {"headgate.reason": {"headgate.reason": {"value": None}}}}):
        said = {
            "type": "view_submission",
            "user": {"id": "U1"},
            "team": {"id": "T1"},
            "view": {**dialog, "state": state},
        }
        click = read_click(json.dumps(said))
        assert click is not None
        assert click.reason == ""


def test_clicks_of_other_apps_and_other_buttons_are_not_ours() -> None:
    said = {"type": "block_actions", "user": {"id": "U1"}, "team": {"id": "T1"}, "actions": [{"action_id": "other"}]}
    assert read_click(json.dumps(said)) is None
    assert read_click(json.dumps({**said, "type": "shortcut"})) is None
