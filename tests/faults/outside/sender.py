"""The sender: signs and posts webhooks at a steady rate until each is taken, and tries what must be refused."""

import asyncio
import base64
import hashlib
import hmac
import random
import time
from collections.abc import Callable
from contextlib import suppress

import httpx

from tests.faults.outside.storms import now
from tests.faults.plan import SOURCE, Event, Plan
from tests.faults.records import Book, Sent

TIMEOUT_S = 15.0
LONGEST_WAIT_S = 5.0
OVERSIZED = 1_048_576 + 1


def signed(secret: str, event_id: str, body: bytes, at: float) -> dict[str, str]:
    """Return the headers of Standard Webhooks; made here, so that the product's own code is not its own witness."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{event_id}.{int(at)}.".encode() + body
    signature = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return {"webhook-id": event_id, "webhook-timestamp": str(int(at)), "webhook-signature": f"v1,{signature}"}


class Sender:
    """Sends through a proxy at `base_url`; `secret` returns the source's, which a restart keeps."""

    def __init__(self, base_url: str, secret: Callable[[], str], sent: Book, rng: random.Random) -> None:
        self._url = f"{base_url}/webhooks/{SOURCE}"
        self._secret = secret
        self._sent = sent
        self._rng = rng
        # One for all: to make a client takes tens of milliseconds, for which everything here would stand still.
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0)
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self.handed_in: list[Event] = []
        self.give_up = False

    async def send_steadily(self, events: list[Event], per_second: float, stop: asyncio.Event) -> None:
        """Begin to hand in an event every so often, whatever becomes of those before, until `stop` is set."""
        begun = time.monotonic()
        for number, event in enumerate(events):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, begun + number / per_second - time.monotonic()))
            if stop.is_set():
                return
            self.handed_in.append(event)
            task = asyncio.create_task(self._deliver(event))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def all_delivered(self, timeout_s: float) -> None:
        """Wait until all that was begun is taken; what is not by then is given up, and known as not taken."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=timeout_s)
        self.give_up = True

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def _deliver(self, event: Event) -> None:
        wait_s = 0.5
        while not self.give_up:
            one = await self.post(event.asked.event_id, event.raw, "event", order_id=event.asked.order_id)
            if one.taken:
                return
            told = float(one.retry_after) if one.retry_after and one.retry_after.isdigit() else wait_s
            await asyncio.sleep(min(told, LONGEST_WAIT_S))
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def post(
        self, event_id: str, body: bytes, kind: str, *, order_id: str = "", headers: dict[str, str] | None = None
    ) -> Sent:
        """Post once, by a connection of its own, and write down what came of it."""
        at = now()
        head = signed(self._secret(), event_id, body, at) if headers is None else headers
        status, retry_after = 0, None
        with suppress(httpx.HTTPError, OSError, TimeoutError):
            async with asyncio.timeout(2 * TIMEOUT_S):
                answer = await self._client.post(
                    self._url, content=body, headers={"content-type": "application/json", **head}
                )
                status, retry_after = answer.status_code, answer.headers.get("retry-after")
        digest = hashlib.sha256(body).hexdigest()
        one = Sent(event_id, kind, digest, at, now(), status, retry_after, order_id)
        self._sent.write(one)
        return one

    # --- what senders should not do ------------------------------------------------------------------------------

    def _some_taken(self, count: int) -> list[Event]:
        taken = {one.event_id for one in self._sent.rows if one.taken and one.kind == "event"}
        found = [event for event in self.handed_in if event.asked.event_id in taken]
        return self._rng.sample(found, min(count, len(found)))

    async def duplicates_at_once(self, event: Event, count: int = 50) -> int:
        """Send the same event many times at once; the first of them may be the first ever."""
        name, order = event.asked.event_id, event.asked.order_id
        self.handed_in.append(event)
        await asyncio.gather(*(self.post(name, event.raw, "duplicate", order_id=order) for _ in range(count)))
        await self._deliver(event)
        return count

    async def other_bodies(self, plan: Plan, count: int = 3) -> int:
        """Send another body under ids that were taken."""
        events = self._some_taken(count)
        for event in events:
            order, body = plan.refused_body()
            await self.post(event.asked.event_id, body, "other_body", order_id=order)
        return len(events)

    async def hostile(self, plan: Plan) -> int:
        """Send what is unsigned, signed wrongly, stale, from the future, oversized, unreadable, to nobody we know."""
        at = now()
        for n, way in enumerate(("unsigned", "wrong", "stale", "future", "oversized", "moved", "no json")):
            order, body = plan.refused_body()
            name = f"h-{order[4:]}-{n}"
            if way == "oversized":
                body = body[:-1] + b', "pad": "' + b"x" * OVERSIZED + b'"}'
            elif way == "no json":
                body = body[:-2]
            secret = self._secret()
            headers = signed(secret, name, body, at)
            if way == "unsigned":
                headers = {"webhook-id": name}
            elif way == "wrong":
                headers = signed("whsec_" + base64.b64encode(b"k" * 32).decode(), name, body, at)
            elif way in {"stale", "future"}:
                headers = signed(secret, name, body, at + (3600 if way == "future" else -3600))
            elif way == "moved":  # the signature of another event's bytes
                headers["webhook-signature"] = signed(secret, name, body + b" ", at)["webhook-signature"]
            await self.post(name, body, "hostile", order_id=order, headers=headers)
        return 7
