"""A quick look at a webhook's JSON: most bodies are plainly good, and the hot path need not take them apart twice.

`is_plainly_good` says yes only to bodies that `parse_webhook` takes without a note; whatever is unusual (numbers,
nulls, unknown fields, odd spacing, half characters) is left to the full reading, which knows what to fold and the words
for a refusal.
"""

from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from domain.inbound.formats.charsets import says_something
from domain.inbound.formats.mapping import SourceReading
from domain.inbound.message.inbound import DEFAULT_TENANT
from domain.inbound.webhook import JSON_TYPE, parse_webhook

_Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", max_length=64)]
_ADDRESS = r"^([A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,189})?$"  # the everyday ones
_STRICT = ConfigDict(extra="forbid", strict=True)


class _CustomerFields(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    id: _Word
    email: Annotated[str, Field(pattern=_ADDRESS)]
    name: _Word


class _Message(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    channel: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    lang: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,4}$")]
    subject: Annotated[str, Field(max_length=1000)]
    text: str
    html: str
    customer: _CustomerFields
    order_id: _Word
    amount: _Word
    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{0,16}$")]
    priority: _Word
    thread_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@/+=#-]{0,200}$")]


class _Envelope(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    type: str
    timestamp: str
    data: _Message


_PLAIN = TypeAdapter(_Message).validator
_WRAPPED = TypeAdapter(_Envelope).validator


def check_webhook(content_type: str, body: bytes, reading: SourceReading | None = None) -> tuple[str, str | None]:
    """Check that a webhook can be read, as quickly as its body allows; return tenant and priority that it names.

    Raises:
        WebhookRefusedError: as `parse_webhook` does.
    """
    message = _plain_message(body) if content_type == JSON_TYPE and reading is None else None
    if message is None:
        parsed = parse_webhook(content_type, body, reading)
        return parsed.tenant, parsed.priority
    return message.get("tenant", DEFAULT_TENANT), message.get("priority")


def is_plainly_good(body: bytes) -> bool:
    """Return whether a body is JSON that `parse_webhook` takes for sure.

    >>> is_plainly_good(b'{"text": "hi"}'), is_plainly_good(b'{"text": "a", "text": "b"}')
    (True, False)
    """
    return _plain_message(body) is not None


def _plain_message(body: bytes) -> _Message | None:
    # A key has been written as `"key":` if no blank stands before its colon; then counting finds one that comes twice.
    if b" :" in body or b"\t:" in body or b"\n:" in body or b"\r:" in body:
        return None
    if b"\\u0000" in body:
        return None
    keys = 0
    try:
        if b'"data":' in body:
            envelope = _WRAPPED.validate_json(body)
            keys, message = 3, envelope["data"]
        else:
            message = _PLAIN.validate_json(body)
    except ValidationError:
        return None
    keys += len(message) + len(message.get("customer", ()))
    if body.count(b'":') != keys:
        return None
    return message if says_something(message.get("text")) or says_something(message.get("html")) else None
