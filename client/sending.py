"""Send messages through the real webhook: signed, many at once, as fast as they are accepted or at a given rate.

    summary = await send_file("tickets.jsonl.gz", gateway="http://127.0.0.1:8080", source="shop", secret="whsec_…")

A message keeps its event id over all tries, so whatever is sent twice is one case.
"""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
from pydantic import BaseModel, Field

from client.messages import WebhookMessage, read_messages
from domain.errors import GatewayUnreachableError, ImpossibleError, UsageError
from domain.inbound.signing import decode_secret, sign

_TRIES = 8
_TRIES_AT_FIRST = 4  # while nothing ever answered, there is probably nobody
_CONCURRENCY = 32
_TOLD = 100  # refusals and skips that are told one by one
_LONGEST_WAIT_S = 60.0
_FIRST_WAIT_S = 0.2  # after a refused connection; doubled each time
_TOLD_AFTER_S, _TOLD_AGAIN_S = 3.0, 10.0  # that nothing is taken; the second is doubled each time


class Refusal(BaseModel):
    """A message that was not taken: which, with which status and code (status 0: no answer)."""

    event_id: str
    status: int
    code: str
    detail: str


class SendSummary(BaseModel):
    """What became of the messages: `accepted` are new, `duplicates` were there before; latencies in seconds.

    `skipped` are lines, mails and rows of tables that could not be sent, `skips` the first hundred of them, for people.
    `case_ids` are all that were answered with 202, each once, in the order of the answers; `retries` are further tries.
    `unread` says from where on the file cannot be read, and why (what stands before was sent); else it is empty.
    """

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: dict[str, int] = Field(default_factory=dict)
    retries: int = 0
    p50_s: float = 0.0
    p95_s: float = 0.0
    took_s: float = 0.0
    per_second: float = 0.0
    case_ids: list[str] = Field(default_factory=list)
    refusals: list[Refusal] = Field(default_factory=list)  # the first hundred
    skipped: int = 0
    skips: list[str] = Field(default_factory=list)
    unread: str = ""


async def send_file(
    path: Path | str,
    *,
    gateway: str,
    source: str,
    secret: str,
    rate: float | None = None,
    limit: int | None = None,
    texts: Path | None = None,
    concurrency: int = _CONCURRENCY,
    progress: Callable[[int], None] | None = None,
    held_up: Callable[[str], None] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> SendSummary:
    """Send the messages of a file (see `client.messages.read_messages`) to a source of a gateway.

    `rate` is in messages per second, None as fast as they are accepted; `limit` ends after so many; `progress` is
    called with the number of messages that are done, `held_up` with what the gateway answers where for some seconds it
    has taken nothing, and again at intervals that grow.

    Raises:
        UsageError: the file, the rate or the limit is not what it may be.
        ImpossibleError: the file cannot be read, or not from its very first message on.
        ValueError: the secret is none.
        OSError: the file cannot be read.
        GatewayUnreachableError: the very first message got no answer at all.
    """
    skips: list[str] = []
    skipped = 0

    def skip(line: str) -> None:
        nonlocal skipped
        skipped += 1
        if len(skips) < _TOLD:
            skips.append(line)

    summary = await send_messages(
        read_messages(path, texts=texts, skipped=skip),
        gateway=gateway,
        source=source,
        secret=secret,
        rate=rate,
        limit=limit,
        concurrency=concurrency,
        progress=progress,
        held_up=held_up,
        transport=transport,
    )
    return summary.model_copy(update={"skipped": skipped, "skips": skips})


async def send_messages(
    messages: Iterable[WebhookMessage],
    *,
    gateway: str,
    source: str,
    secret: str,
    rate: float | None = None,
    limit: int | None = None,
    concurrency: int = _CONCURRENCY,
    progress: Callable[[int], None] | None = None,
    held_up: Callable[[str], None] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> SendSummary:
    """Send messages as `send_file` does."""
    if rate is not None and not 0 < rate <= 100_000:
        raise UsageError(f"rate {rate!r}: expected messages per second, above 0")
    if limit is not None and limit < 1:
        raise UsageError(f"limit {limit!r}: expected 1 or more")
    decode_secret(secret)
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(base_url=gateway, timeout=15, limits=limits, transport=transport) as http:
        sender = _WebhookSender(http, f"/webhooks/{source}", secret, progress, HoldUp(held_up))
        return await sender.run(_at_most(messages, limit), rate, concurrency)


class HoldUp:
    """Tells that nothing is taken for now: after some seconds, then at intervals that double; `clock` in seconds."""

    def __init__(self, tell: Callable[[str], None] | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._since: float | None = None
        self._told_at, self._gap_s = float("-inf"), _TOLD_AGAIN_S

    def over(self) -> None:
        """Take down that something was taken."""
        self._since, self._told_at, self._gap_s = None, float("-inf"), _TOLD_AGAIN_S

    def note(self, said: str, asked_at: float, wait_s: float) -> None:
        """Take down what was answered to a request of that time, and that the next one is so many seconds away."""
        now = self._clock()
        self._since = asked_at if self._since is None else min(self._since, asked_at)
        if self._tell is None or now + wait_s - self._since < _TOLD_AFTER_S or now - self._told_at < self._gap_s:
            return
        if self._told_at > float("-inf"):
            self._gap_s *= 2
        self._told_at = now
        lasts = f" (for {now - self._since:.0f} s)" if now - self._since >= 1 else ""
        self._tell(f"{said}{lasts}; trying again in {wait_s:.0f} s")


class _WebhookSender:
    def __init__(
        self,
        http: httpx.AsyncClient,
        path: str,
        secret: str,
        progress: Callable[[int], None] | None,
        hold_up: HoldUp,
    ) -> None:
        self._http = http
        self._path = path
        self._secret = secret
        self._progress = progress
        self._hold_up = hold_up
        self._summary = SendSummary()
        self._latencies: list[float] = []
        self._refused: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._hold_until = 0.0  # all senders wait when one is told to

    async def run(self, messages: Iterator[WebhookMessage], rate: float | None, concurrency: int) -> SendSummary:
        started = time.monotonic()
        paced = _PacedMessages(messages, rate)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(self._send_until_none_is_left(paced))
        except* (ValueError, OSError, GatewayUnreachableError) as several:
            raise several.exceptions[0] from None
        if paced.broken is not None and not self._summary.sent:
            raise paced.broken
        return self._summary_after(time.monotonic() - started, str(paced.broken or ""))

    async def _send_until_none_is_left(self, messages: "_PacedMessages") -> None:
        while (message := await messages.next()) is not None:
            await self._send(message)
            self._summary.sent += 1
            if self._progress is not None:
                self._progress(self._summary.sent)

    async def _send(self, message: WebhookMessage) -> None:
        wait_s = _FIRST_WAIT_S
        for attempt in range(_TRIES):
            if attempt:
                self._summary.retries += 1
            await self._wait_if_told_to()
            asked_at = time.monotonic()
            answer = await self._post(message)
            if answer is None:
                if not self._latencies and attempt + 1 >= _TRIES_AT_FIRST:
                    break
                self._hold_up.note(f"no answer from the gateway at {self._http.base_url}", asked_at, wait_s)
                await asyncio.sleep(wait_s)
                wait_s *= 2
            elif answer.status_code in (429, 503) and attempt + 1 < _TRIES:
                hold_s = wait_asked_for(answer, wait_s)
                self._hold_until = time.monotonic() + hold_s
                self._hold_up.note(f"the gateway answers {said_of(answer)}", asked_at, hold_s)
                wait_s *= 2
            elif answer.status_code == 409 and message.other_id:
                # Another mail has this Message-ID: this one goes by its bytes.
                await self._send(message.model_copy(update={"event_id": message.other_id, "other_id": ""}))
                return
            else:
                self._count(message, answer)
                return
        if not self._latencies:
            raise GatewayUnreachableError(f"no gateway answers at {self._http.base_url}")
        self._refuse(Refusal(event_id=message.event_id, status=0, code="no_answer", detail=f"after {_TRIES} tries"))

    async def _wait_if_told_to(self) -> None:
        while (left := self._hold_until - time.monotonic()) > 0:  # noqa: ASYNC110 - others may prolong it meanwhile
            await asyncio.sleep(left)

    async def _post(self, message: WebhookMessage) -> httpx.Response | None:
        """Send once; return None if no answer came. Every try is signed anew, because signatures expire."""
        headers = {"content-type": message.content_type, **sign(self._secret, message.event_id, message.body)}
        started = time.monotonic()
        try:
            answer = await self._http.post(self._path, content=message.body, headers=headers)
        except httpx.TransportError:
            return None
        self._latencies.append(time.monotonic() - started)
        return answer

    def _count(self, message: WebhookMessage, answer: httpx.Response) -> None:
        content = _json_object(answer)
        if answer.status_code == 202:
            self._hold_up.over()
            if content.get("duplicate"):
                self._summary.duplicates += 1
            else:
                self._summary.accepted += 1
            case_id = str(content.get("case_id"))
            if case_id not in self._seen:
                self._seen.add(case_id)
                self._summary.case_ids.append(case_id)
            return
        self._refuse(
            Refusal(
                event_id=message.event_id,
                status=answer.status_code,
                code=str(content.get("code", "")),
                detail=str(content.get("detail", ""))[:200],
            )
        )

    def _refuse(self, refusal: Refusal) -> None:
        self._refused[f"{refusal.status} {refusal.code}".strip()] += 1
        if len(self._summary.refusals) < _TOLD:
            self._summary.refusals.append(refusal)

    def _summary_after(self, took_s: float, unread: str) -> SendSummary:
        latencies = sorted(self._latencies) or [0.0]
        answered = self._summary.accepted + self._summary.duplicates
        return self._summary.model_copy(
            update={
                "unread": unread,
                "refused": dict(self._refused.most_common()),
                "p50_s": round(statistics.median(latencies), 4),
                "p95_s": round(latencies[min(len(latencies) - 1, int(len(latencies) * 0.95))], 4),
                "took_s": round(took_s, 3),
                "per_second": round(answered / took_s, 1) if took_s else 0.0,
            }
        )


class _PacedMessages:
    """Hands out messages one by one, no faster than the rate; shared by all senders.

    `broken` says why there are no more, where the rest cannot be read: what was handed out is sent all the same.
    """

    def __init__(self, messages: Iterator[WebhookMessage], rate: float | None) -> None:
        self._messages = messages
        self._gap_s = 1 / rate if rate else 0.0
        self._due = time.monotonic()
        self._lock = asyncio.Lock()
        self.broken: ImpossibleError | OSError | None = None

    async def next(self) -> WebhookMessage | None:
        async with self._lock:
            try:
                message = next(self._messages, None)
            except (ImpossibleError, OSError) as error:  # from here on the iterator has ended
                self.broken, message = error, None
            except (EOFError, UnicodeDecodeError) as error:
                self.broken, message = ImpossibleError(f"the rest of the file cannot be read: {error}"), None
            if message is not None and self._gap_s:
                await asyncio.sleep(max(0.0, self._due - time.monotonic()))
                self._due = max(self._due + self._gap_s, time.monotonic() - 1.0)
            return message


def _at_most(messages: Iterable[WebhookMessage], limit: int | None) -> Iterator[WebhookMessage]:
    for count, message in enumerate(messages):
        if limit is not None and count >= limit:
            return
        yield message


def wait_asked_for(answer: httpx.Response, fallback_s: float) -> float:
    """Return how many seconds the server asks to wait; it may name seconds or a date. Absurd values are capped."""
    given = answer.headers.get("retry-after", "")
    try:
        wait_s = (
            float(given) if given.isdecimal() else (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds()
        )
    except (ValueError, TypeError):
        wait_s = fallback_s
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S)


def said_of(answer: httpx.Response) -> str:
    """Return an answer's status with code and detail of its problem, in one line without control characters.

    >>> said_of(httpx.Response(503, json={"code": "unavailable", "detail": "the broker is away"}))
    '503 unavailable: the broker is away'
    """
    content = _json_object(answer)
    said = f"{answer.status_code} {content.get('code', '')}".strip()
    detail = " ".join(str(content.get("detail", "")).split())[:200]
    return "".join(c for c in f"{said}: {detail}" if c.isprintable()) if detail else said


def _json_object(answer: httpx.Response) -> dict[str, object]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
