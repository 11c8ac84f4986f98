"""A crowd of senders: signed webhooks, some twice, some hostile, sent again while they are told to send again."""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from domain.inbound.signing import sign

SOURCE = "shop"
AGAIN = frozenset((429, 503))
_AGAIN_AFTER_S = 0.3
_GIVE_UP_S = 120.0
_STALE_S = 3600
_OVERSIZED_BYTES = 1_048_577

Fault = Callable[[], Awaitable[None]]
_Send = Callable[[], Awaitable[None]]


@dataclass
class Tally:
    """What was sent and what was answered."""

    promised: dict[str, bytes] = field(default_factory=dict)  # event ids that were told 202, and their bodies
    hostile: set[str] = field(default_factory=set)  # event ids of which no 202 must ever be
    answers: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    wrong: list[str] = field(default_factory=list)  # answers that nobody should get
    seconds: float = 0.0
    slowest_refusal_s: float = 0.0

    @property
    def cases(self) -> set[str]:
        """The cases that were promised."""
        return {f"case/{SOURCE}/{event_id}" for event_id in self.promised}


class Crowd:
    """Sends `n` webhooks to the gateways in turn, `at_once` at the same time; 5 % come twice, 5 % are hostile.

    `faults` are run when so large a part of them was sent.
    """

    def __init__(
        self,
        gateways: Sequence[str],
        secret: str,
        *,
        n: int,
        at_once: int = 24,
        faults: Sequence[tuple[float, Fault]] = (),
    ) -> None:
        self._gateways = itertools.cycle(gateways)
        self._secret = secret
        self._n = n
        self._at_once = at_once
        self._faults = sorted(faults, key=lambda fault: fault[0])
        self._chance = random.Random(n)  # the same crowd each time
        self._some = asyncio.Event()
        self._taken: list[str] = []  # the ids of which some are sent again
        self.tally = Tally()

    async def send(self) -> Tally:
        """Send all of it, and wait for the faults to end."""
        began = time.monotonic()
        limits = httpx.Limits(max_connections=self._at_once, max_keepalive_connections=self._at_once)
        struck: list[asyncio.Future[None]] = []
        async with httpx.AsyncClient(timeout=30, limits=limits, trust_env=False) as self._http:
            sends, sent = self._sends(), 0

            async def sender() -> None:
                nonlocal sent
                for send in sends:
                    sent += 1
                    while self._faults and sent >= self._faults[0][0] * self._n:
                        struck.append(asyncio.ensure_future(self._faults.pop(0)[1]()))
                    await send()

            await asyncio.gather(*(sender() for _ in range(self._at_once)))
        await asyncio.gather(*struck)
        self.tally.seconds = time.monotonic() - began
        return self.tally

    def _sends(self) -> Iterator[_Send]:
        hostile = itertools.cycle((self._unsigned, self._stale, self._other_body, self._oversized))
        for number in range(self._n):
            match number % 20:
                case 7:
                    kind = next(hostile)
                    yield lambda kind=kind, number=number: kind(f"bad-{number}")  # type: ignore[misc]
                case 13:
                    yield self._again
                case _:
                    yield lambda number=number: self._good(f"evt-{number}")  # type: ignore[misc]

    async def _good(self, event_id: str) -> None:
        body = _body(event_id)
        if await self._post(event_id, body, {202}):
            self.tally.promised[event_id] = body
            self._taken.append(event_id)
            self._some.set()

    async def _again(self) -> None:
        """One that was taken comes again, to whichever gateway is next: the same answer."""
        event_id = await self._earlier()
        self.tally.duplicates += 1
        await self._post(event_id, self.tally.promised[event_id], {202})

    async def _unsigned(self, event_id: str) -> None:
        self.tally.hostile.add(event_id)
        await self._post(event_id, _body(event_id), {401}, signed={"webhook-id": event_id})

    async def _stale(self, event_id: str) -> None:
        self.tally.hostile.add(event_id)
        body = _body(event_id)
        await self._post(event_id, body, {401}, at=int(time.time()) - _STALE_S)

    async def _other_body(self, event_id: str) -> None:
        await self._post(await self._earlier(), _body(f"{event_id}, and pay me"), {409})

    async def _oversized(self, event_id: str) -> None:
        self.tally.hostile.add(event_id)
        await self._post(event_id, _body("x" * _OVERSIZED_BYTES), {413})

    async def _earlier(self) -> str:
        await self._some.wait()
        return self._chance.choice(self._taken)

    async def _post(
        self,
        event_id: str,
        body: bytes,
        expected: set[int],
        *,
        signed: dict[str, str] | None = None,
        at: int | None = None,
    ) -> bool:
        """Send until something else than "again" is answered; tell whether it was what was expected."""
        give_up_at = time.monotonic() + _GIVE_UP_S
        while time.monotonic() < give_up_at:
            began = time.monotonic()
            headers = signed if signed is not None else sign(self._secret, event_id, body, timestamp=at)
            with suppress(httpx.TransportError):  # a gateway that was killed: whether it had it, nobody knows
                url = f"{next(self._gateways)}/webhooks/{SOURCE}"
                answer = await self._http.post(
                    url, content=body, headers={"content-type": "application/json", **headers}
                )
                self.tally.answers[str(answer.status_code)] += 1
                if answer.status_code not in AGAIN:
                    return self._judged(event_id, answer, expected)
                self.tally.slowest_refusal_s = max(self.tally.slowest_refusal_s, time.monotonic() - began)
                if "retry-after" not in answer.headers:
                    self.tally.wrong.append(f"{event_id}: {answer.status_code} without Retry-After")
            await asyncio.sleep(_AGAIN_AFTER_S)
        self.tally.wrong.append(f"{event_id}: nothing but 503 for {_GIVE_UP_S:g} s")
        return False

    def _judged(self, event_id: str, answer: httpx.Response, expected: set[int]) -> bool:
        right = answer.status_code in expected
        if right and answer.status_code == 202:
            right = answer.json()["case_id"] == f"case/{SOURCE}/{event_id}"
        if not right:
            self.tally.wrong.append(f"{event_id}: {answer.status_code} {answer.text[:200]}, expected {expected}")
        return right


def _body(said: str) -> bytes:
    text = f"My printer is offline and the print jobs are stuck in the queue. ({said})"
    return json.dumps({"channel": "web", "text": text}).encode()
