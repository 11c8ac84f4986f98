"""What somebody clicked in Slack, read from a request whose signature was checked."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.chat.slack_message import APPROVE, DETAILS, REASON, REASON_CHARS, REJECT

_BUTTONS = (APPROVE, REJECT, DETAILS)
_TEXTS = TypeAdapter(list[str])


class Click(StrEnum):
    """What was clicked; `REASON` is the dialog that was sent off."""

    APPROVE = APPROVE
    REJECT = REJECT
    DETAILS = DETAILS
    REASON = REASON


class SlackClick(BaseModel):
    """A click on one approval's message. `user` is the team and the person: `T012/U345`."""

    click: Click
    user: str
    approval_id: str
    digest: str
    channel: str
    message: str
    trigger: str = ""
    reason: str = ""


class _Id(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1, max_length=100)


class _Action(BaseModel):
    action_id: str
    value: str = Field(default="", max_length=3_000)


class _Container(BaseModel):
    channel_id: str = ""
    message_ts: str = ""


class _View(BaseModel):
    callback_id: str = ""
    private_metadata: str = Field(default="", max_length=3_000)
    state: dict[str, object] = Field(default_factory=dict)


class _Payload(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str
    user: _Id
    team: _Id
    actions: list[_Action] = Field(default_factory=list)
    container: _Container = _Container()
    trigger_id: str = ""
    view: _View = _View()


def read_click(payload: str) -> SlackClick | None:
    """Return what was clicked; None for what is not ours.

    Raises:
        ValueError: it is no click that Slack sends.
    """
    try:
        said = _Payload.model_validate_json(payload)
    except ValidationError as error:
        raise ValueError(f"{error.error_count()} fields are not those of a click in Slack") from error
    user = f"{said.team.id}/{said.user.id}"
    if said.type == "view_submission" and said.view.callback_id == REASON:
        approval_id, digest, channel, message = _texts(said.view.private_metadata, 4)
        return SlackClick(
            click=Click.REASON, user=user, approval_id=approval_id, digest=digest, channel=channel, message=message,
            reason=_reason(said.view.state),
        )  # fmt: skip
    if said.type != "block_actions" or len(said.actions) != 1 or said.actions[0].action_id not in _BUTTONS:
        return None
    approval_id, digest = _texts(said.actions[0].value, 2)
    return SlackClick(
        click=Click(said.actions[0].action_id), user=user, approval_id=approval_id, digest=digest,
        channel=said.container.channel_id, message=said.container.message_ts, trigger=said.trigger_id,
    )  # fmt: skip


def _texts(value: str, count: int) -> list[str]:
    try:
        found = _TEXTS.validate_json(value)
    except ValidationError:
        found = []
    if len(found) != count:
        raise ValueError(f"a button's value is not ours: expected {count} texts")
    return found


def _reason(state: Mapping[str, object]) -> str:
    found: object = state.get("values")
    for name in (REASON, REASON, "value"):
        found = found.get(name) if isinstance(found, dict) else None
    return found.strip()[:REASON_CHARS] if isinstance(found, str) else ""
