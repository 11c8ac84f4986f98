"""An approval as a message in Slack: blocks made by code from the brief, and the buttons under it.

What comes from outside stands in `plain_text`, in which Slack reads no links, mentions or formats. The notification's
text is escaped.
"""

import json
from collections.abc import Mapping, Sequence

from domain.conversations.since import if_approved, since_rows
from domain.money.approval import ApprovalView, Standing

APPROVE, REJECT, DETAILS, REASON = "headgate.approve", "headgate.reject", "headgate.details", "headgate.reason"
REASON_CHARS = 500
_SECTION_CHARS = 2_900  # Slack refuses a message with more than 3,000 in one
_VALUE_CHARS = 1_900
_HEADER_CHARS = 150

Block = Mapping[str, object]


def escaped(text: str) -> str:
    """Return a text in which Slack finds neither links nor mentions.

    >>> escaped("<!channel> & <https://evil.example|here>")
    '&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def notification(view: ApprovalView) -> str:
    """Return the text of the notification, which is also what is read where blocks are not shown."""
    return escaped(f"{_headline(view)}: {view.brief.what}"[:_SECTION_CHARS])


def message_blocks(view: ApprovalView) -> list[Block]:
    """Return the message: who wants what and why, what each answer does; buttons only while it waits."""
    brief = view.brief
    rows = [
        ("What", brief.what),
        ("For", brief.for_whom),
        ("Why a person", brief.why),
        ("Policy", brief.policy),
        ("If approved", if_approved(view)),
        ("If rejected", brief.if_rejected),
        ("Decide until", f"{view.expires_at:%Y-%m-%d %H:%M} UTC"),
    ]
    blocks: list[Block] = [
        {"type": "header", "text": _plain(_headline(view)[:_HEADER_CHARS])},
        _section(rows),
        _section(since_rows(view)),
    ]
    if view.standing is Standing.PENDING:
        blocks.append(_buttons(view))
    elif view.reason:
        blocks.append(_section([("Reason", view.reason)]))
    return [block for block in blocks if block]


def details_text(view: ApprovalView) -> str:
    """Return what Details tells: the evidence and what the customer wrote, escaped."""
    lines = [f"• {line}" for line in (*view.brief.evidence, *view.brief.request)]
    return escaped("\n".join([view.approval_id, *lines])[:_SECTION_CHARS])


def reason_dialog(approval_id: str, digest: str, channel: str, message: str) -> Block:
    """Return the dialog that asks why somebody rejects; what it is about comes back with it, from Slack."""
    return {
        "type": "modal",
        "callback_id": REASON,
        "private_metadata": json.dumps([approval_id, digest, channel, message]),
        "title": _plain("Reject"),
        "submit": _plain("Reject"),
        "close": _plain("Back"),
        "blocks": [
            {
                "type": "input",
                "block_id": REASON,
                "label": _plain("Why? The customer is told."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON,
                    "multiline": True,
                    "max_length": REASON_CHARS,
                },
            }
        ],
    }


def _headline(view: ApprovalView) -> str:
    if view.standing is Standing.PENDING:
        return f"{view.amount} waits for your decision"
    by = f" by {view.decided_by}" if view.decided_by else ""
    return f"{view.amount}: {view.standing}{by}"


def _buttons(view: ApprovalView) -> Block:
    value = json.dumps([view.approval_id, view.digest])
    if len(value) > _VALUE_CHARS:
        return _section([("Decide", f"on the approvals page: {view.approval_id[:200]}…")])
    said = ((APPROVE, "Approve", "primary"), (REJECT, "Reject …", "danger"), (DETAILS, "Details", ""))
    buttons = [
        {"type": "button", "action_id": action, "text": _plain(text), "value": value}
        | ({"style": style} if style else {})
        for action, text, style in said
    ]
    return {"type": "actions", "elements": buttons}


def _section(rows: Sequence[tuple[str, str]]) -> Block:
    if not rows:
        return {}
    text = "\n".join(f"{name}: {value}" for name, value in rows)
    cut = f"{text[:_SECTION_CHARS]} …" if len(text) > _SECTION_CHARS else text
    return {"type": "section", "text": _plain(cut)}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
