"""`POST /webhooks/{source}`: the hot path, plain ASGI.

A 202 is a promise: it is sent only once the holding pen has the payload on disk. Whatever is refused is stored nowhere.
No exception leaves this module: what nobody foresaw is logged and answered with 503, so that the sender sends the event
again.
"""

import asyncio
import hashlib
import logging
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from starlette.types import Receive, Scope, Send

from domain.case import case_id as case_id_of
from domain.errors import SignatureError, TransientError, WebhookRefusedError
from domain.inbound.message.refusals import MALFORMED, too_large
from domain.inbound.quick_look import check_webhook
from domain.inbound.signing import ID_HEADER, SignatureFault, signed_headers, verify
from domain.inbound.vendors.signatures import SLACK, TWILIO, SignedRequest, challenge_of, vendor_event_id, verify_vendor
from domain.inbound.webhook import meaning_of, parse_webhook
from domain.turns import TurnRules
from gateway.webhooks import problems
from gateway.webhooks.coding import coding_of, inflate
from gateway.webhooks.sources import Scheme, Signed, Source
from ports.incoming.inbox import Inbox, InboxItem, PutOutcome

PREFIX = "/webhooks/"
_LOG = logging.getLogger("headgate.gateway")
_COMPARE_WITHIN_S = 0.9  # beside the four seconds of a put: whoever is refused hears of it within five
_DRAIN_BYTES = 32 * 1024 * 1024  # of an oversized body, read and thrown away so that the sender gets to read the answer


class Sources(Protocol):
    """Who may send."""

    def get(self, name: str) -> Source | None:
        """Return a source by name."""
        ...


class _OtherAnswer(NamedTuple):
    """What a sender is told that expects something else than 202 and our JSON; its status is 200."""

    body: bytes
    media_type: bytes


# Slack shows what comes back to who gave a command, Twilio would send it to the customer.
_ANSWERS = {SLACK.name: _OtherAnswer(b"", b"text/plain"), TWILIO.name: _OtherAnswer(b"<Response/>", b"text/xml")}


class _SenderGoneError(Exception):
    """The connection was closed before the body was complete."""


class WebhookReceiver:
    """The ASGI application behind `/webhooks/`. Times in seconds, sizes in bytes."""

    def __init__(
        self,
        inbox: Inbox,
        sources: Sources,
        *,
        max_body_bytes: int,
        body_timeout_s: float,
        tolerance_s: float,
        retry_after_s: float,
        turns: TurnRules | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._inbox = inbox
        self._sources = sources
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_s
        self._tolerance_s = tolerance_s
        self._retry_after_s = retry_after_s
        self._turns = turns or TurnRules()
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._take_in(scope, receive)
        except _SenderGoneError:
            return
        except WebhookRefusedError as refused:
            _LOG.info("webhook %s refused: %s", scope["path"][len(PREFIX) :][:48], refused.code)
            await problems.send_problem(send, refused)
            return
        except TransientError as e:
            _LOG.error("the holding pen refuses: %s", e)
            await problems.send_problem(send, problems.unavailable(self._retry_after_s))
            return
        except Exception as e:  # noqa: BLE001 - the last resort: never a 500
            # Not the message, which may quote the payload.
            place = traceback.extract_tb(e.__traceback__)[-1]
            _LOG.error("a webhook met a bug: %s at %s:%s", type(e).__name__, place.filename, place.lineno)
            await problems.send_problem(send, problems.unavailable(self._retry_after_s))
            return
        if isinstance(answer, bytes):
            await problems.send_json(send, 202, answer)
        else:
            await problems.send_json(send, 200, answer.body, media_type=answer.media_type)

    async def _take_in(self, scope: Scope, receive: Receive) -> bytes | _OtherAnswer:
        if scope["method"] != "POST":
            raise problems.wrong_method()
        source = self._sources.get(scope["path"][len(PREFIX) :])
        if source is None:
            raise problems.unknown_source()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        coding = coding_of(headers) if b"content-encoding" in headers else ""
        sent = await self._read_in_time(headers, receive)
        if source.vendor is None:
            event_id = self._authenticate(source, headers, sent, coding)
        else:
            event_id = self._authenticate_vendor(source, SignedRequest(headers, sent, source.url))
            if (challenge := challenge_of(source.vendor, sent)) is not None:
                return _OtherAnswer(challenge.encode("utf-8", "replace"), b"text/plain")
        case_id = _case_id(source, event_id) if event_id else ""
        wait_s = source.bucket.take() if source.bucket is not None else 0.0
        if wait_s:
            raise problems.too_many(wait_s)
        body = inflate(coding, sent, self._max_body_bytes) if coding else sent
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        tenant, priority, reading = _looked_at(content_type, body, source)
        if tenant not in source.tenants:
            raise problems.other_tenant(source.name)
        if not event_id:
            event_id = _own_event_id(content_type, body, source, malformed=reading != source.reading_text)
            case_id = _case_id(source, event_id)
        item = InboxItem(
            case_id=case_id,
            source=source.name,
            event_id=event_id,
            content_type=content_type,
            body=body,
            digest=hashlib.sha256(body).hexdigest(),
            received_at=datetime.fromtimestamp(self._clock(), UTC),
            reading=reading,
            tenant=tenant,
            priority=source.priority or self._turns.priority_of(priority),
        )
        outcome = await self._inbox.put(item)
        if outcome is PutOutcome.CONFLICT and not await self._says_the_same(item):
            # An alarm: either a sender reuses ids and loses messages, or somebody tries to change one.
            _LOG.error("ALARM event id reused with another body: %s", case_id)
            raise problems.conflict(event_id)
        if source.vendor is not None and source.vendor.name in _ANSWERS:
            return _ANSWERS[source.vendor.name]
        duplicate = b"false" if outcome is PutOutcome.ACCEPTED else b"true"
        # Both ids are of a grammar that needs no escaping.
        return b'{"case_id":"%b","event_id":"%b","duplicate":%b}' % (case_id.encode(), event_id.encode(), duplicate)

    async def _says_the_same(self, item: InboxItem) -> bool:
        """Return whether a payload says what the one says that came first, in other bytes.

        A retry may count its attempts, name the time, or write the keys in another order. Only such a pair is read for
        this; equal bytes are found equal by their digest.

        Raises:
            TransientError: nobody can say just now.
        """
        try:
            async with asyncio.timeout(_COMPARE_WITHIN_S):
                first = await self._inbox.kept(item.case_id)
        except TimeoutError:
            raise TransientError(f"what {item.case_id} said first cannot be looked up in time") from None
        if first is None:
            return False
        if first.unread:
            raise TransientError(f"{item.case_id} came in other bytes while the first of it is on its way")
        said = first.meaning or (meaning_of(first.content_type, first.body, first.reading) if first.body else None)
        return said is not None and said == meaning_of(item.content_type, item.body, item.reading)

    async def _read_in_time(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Return the body, if it is complete in time.

        By hand and not by `asyncio.timeout`, which costs a tenth of all that is done for a webhook.
        """
        task = asyncio.current_task()
        assert task is not None
        late = False

        def give_up() -> None:
            nonlocal late
            late = task.cancel()

        timer = asyncio.get_running_loop().call_later(self._body_timeout_s, give_up)
        try:
            return await self._read_body(headers, receive)
        except asyncio.CancelledError:
            if late and task.uncancel() == 0:
                raise problems.too_slow(self._body_timeout_s) from None
            raise
        finally:
            timer.cancel()

    async def _read_body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Return the body.

        Raises:
            WebhookRefusedError: it is larger than allowed, whatever Content-Length says.
        """
        expects_go_ahead = b"expect" in headers
        if expects_go_ahead and self._announced_length(headers) > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        size, chunks = 0, []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _SenderGoneError
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size <= self._max_body_bytes:
                chunks.append(chunk)
            if not message.get("more_body", False) or size > _DRAIN_BYTES:
                break
        if size > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    @staticmethod
    def _announced_length(headers: Mapping[bytes, bytes]) -> int:
        length = headers.get(b"content-length", b"0")
        return int(length) if length.isdigit() and len(length) < 20 else 0

    def _authenticate(self, source: Source, headers: Mapping[bytes, bytes], sent: bytes, coding: str) -> str:
        """Authenticate the sender and return the event id, empty where one with a token gave none.

        Raises:
            WebhookRefusedError: it did not.
        """
        if source.scheme is Scheme.TOKEN:
            if not source.knows_token(headers.get(b"authorization", b"").decode("latin-1")):
                raise problems.unauthorized("token_wrong", "no active token of this source was sent", b"Bearer")
            return (headers.get(b"webhook-id") or headers.get(b"svix-id") or b"").decode("latin-1")
        try:
            signed = signed_headers(headers)
            try:
                self._verify(source, signed, sent)
            except SignatureError as e:
                if not coding or source.signed is not Signed.DECODED or e.fault is not SignatureFault.WRONG:
                    raise
                self._verify(source, signed, inflate(coding, sent, self._max_body_bytes))
        except SignatureError as e:
            raise problems.unauthorized(e.fault, e.detail, b"StandardWebhooks") from None
        return signed[ID_HEADER]

    def _authenticate_vendor(self, source: Source, request: SignedRequest) -> str:
        """Authenticate a service that signs in its own way, over the body as sent, and return the event id.

        Raises:
            WebhookRefusedError: it did not.
        """
        assert source.vendor is not None
        try:
            signed = verify_vendor(
                source.vendor, source.keys, request, now=self._clock(), tolerance_s=self._tolerance_s
            )
        except SignatureError as e:
            raise problems.unauthorized(e.fault, e.detail, source.vendor.name.encode()) from None
        return vendor_event_id(source.vendor, request, signed)

    def _verify(self, source: Source, signed: Mapping[str, str], body: bytes) -> None:
        verify(source.keys, signed, body, now=self._clock(), tolerance_s=self._tolerance_s)


def _case_id(source: Source, event_id: str) -> str:
    try:
        return case_id_of(source.name, event_id)
    except ValueError as e:
        raise problems.bad_event_id(str(e)) from None


def _looked_at(content_type: str, body: bytes, source: Source) -> tuple[str, str | None, str]:
    """Return tenant and priority of a body, and how it is to be read.

    Raises:
        WebhookRefusedError: it cannot be read, and its source does not have such bodies taken in.
    """
    try:
        return *check_webhook(content_type, body, source.reading), source.reading_text
    except WebhookRefusedError as refused:
        if not source.malformed_text or refused.code not in MALFORMED:
            raise
        return next(iter(source.tenants)), None, source.malformed_text


def _own_event_id(content_type: str, body: bytes, source: Source, *, malformed: bool) -> str:
    """Return an id for an event whose sender gave none: the same for the same e-mail or delivery that comes again.

    What it says is a part of it, so that a message id which is used twice costs no message.
    """
    if malformed:
        return f"msg_{hashlib.sha256(body).hexdigest()[:40]}"
    message = parse_webhook(content_type, body, source.reading)
    named = message.event_id or message.message_id
    if named is None:
        return f"evt_{uuid.uuid4().hex}"
    return f"msg_{hashlib.sha256(f'{named} {message.meaning()}'.encode()).hexdigest()[:40]}"
