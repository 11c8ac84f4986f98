"""The payment provider: speaks Stripe's API, keeps its own log, and breaks as it is told to."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.faults.outside.storms import Storm, now
from tests.faults.records import Book, Effect, PayTry
from tests.integration.rails.stripe_speaker import StripeSpeaker, stripe_error

API_KEY = "sk_test_1"
FORGETS_AFTER_S = 180.0  # keys; as Stripe does after a day: longer than any request of ours can be under way

Endpoint = Callable[[Request], Awaitable[Response]]


class Provider:
    """A provider and its faults. `lose`: it executes and does not answer. `on_execute`: called once, before an answer.

    Args:
        effects: where it writes down what it executed.
        tries: where it writes down each request to pay.
        currencies: of each charge, as a provider knows it.
    """

    def __init__(self, effects: Book, tries: Book, currencies: Mapping[str, str]) -> None:
        self.speaker = StripeSpeaker()
        self.storm: Storm | None = None
        self.lose = False
        self.on_execute: Callable[[], None] | None = None
        self.broke = 0
        self._effects = effects
        self._tries = tries
        self._currencies = currencies
        self._made: dict[str, float] = {}

    def app(self) -> Starlette:
        """Return the app."""
        return Starlette(
            routes=[
                Route("/v1/refunds", self.create, methods=["POST"]),
                Route("/v1/refunds", self._unless_storm(self.speaker.list_refunds), methods=["GET"]),
                Route("/v1/refunds/{id}", self._unless_storm(self.speaker.one_refund), methods=["GET"]),
            ]
        )

    def _unless_storm(self, answer: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            refused = self._storm_answer()
            if refused is None:
                return await answer(request)
            self.broke += 1
            return refused[0]

        return guarded

    def _storm_answer(self) -> tuple[Response, float | None] | None:
        if self.storm is None:
            return None
        headers, until = self.storm.header(now())
        kind = "rate_limit_error" if self.storm.status == 429 else "api_error"
        return stripe_error(self.storm.status, kind, "told_to", headers), until

    async def create(self, request: Request) -> Response:
        """Answer `POST /v1/refunds`."""
        body, key, at = await request.body(), request.headers.get("idempotency-key", ""), now()
        digest = hashlib.sha256(body).hexdigest()
        if (refused := self._storm_answer()) is not None:
            self.broke += 1
            self._tries.write(PayTry(key, digest, at, f"refused {refused[0].status_code}", refused[1]))
            return refused[0]
        self._forget(at)
        form = dict(parse_qsl(body.decode()))
        self.speaker.currency = self._currencies.get(form.get("charge", ""), "usd").lower()
        before = len(self.speaker.refunds)
        answer = await self.speaker.create(request)
        executed = len(self.speaker.refunds) > before
        self._tries.write(PayTry(key, digest, at, "executed" if executed else f"answered {answer.status_code}"))
        if not executed:
            return answer
        self._made[key] = at
        refund = self.speaker.refunds[-1]
        told = refund["metadata"]
        self._effects.write(
            Effect(
                key=key,
                reference=str(refund["id"]),
                charge_id=str(refund["charge"] or refund["payment_intent"]),
                amount_minor=int(refund["amount"]),
                currency=str(refund["currency"]).upper(),
                payee=str(told.get("headgate_payee", "")),
                at=at,
            )
        )
        return await self._after(answer)

    async def _after(self, answer: Response) -> Response:
        hook, self.on_execute = self.on_execute, None
        if hook is not None:
            self.broke += 1
            await asyncio.to_thread(hook)
            return Response(b'{"id": "re_', media_type="application/json")
        if self.lose:
            self.broke += 1
            return Response(b'{"id": "re_', media_type="application/json")
        return answer

    def _forget(self, at: float) -> None:
        for key, made in list(self._made.items()):
            if at - made > FORGETS_AFTER_S:
                self.speaker.keys.pop(key, None)
                del self._made[key]
