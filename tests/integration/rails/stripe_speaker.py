"""A server that speaks what is needed of Stripe's API."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class StripeSpeaker:
    """Speaks what `StripeRail` needs of Stripe's API: refunds with idempotency keys that it may forget."""

    refunds: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[str, tuple[bytes, dict[str, Any]]] = field(default_factory=dict)
    answers: list[Callable[[], Response]] = field(default_factory=list)  # given instead of doing anything
    lost_answers: int = 0
    status_of_new: str = "succeeded"
    currency: str = "usd"
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def create(self, request: Request) -> Response:
        body = await request.body()
        self.requests.append((body.decode(), dict(request.headers)))
        if self.answers:
            return self.answers.pop(0)()
        if request.headers.get("authorization") != "Bearer sk_test_1":
            return stripe_error(401, "invalid_request_error", "api_key_invalid")
        key = request.headers["idempotency-key"]
        if key in self.keys:
            known, refund = self.keys[key]
            if known != body:
                return stripe_error(400, "idempotency_error", "idempotency_key_in_use")
            return JSONResponse(refund)
        form = dict(parse_qsl(body.decode(), strict_parsing=True))
        refund = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": int(form["amount"]),
            "currency": self.currency,
            "charge": form.get("charge"),
            "payment_intent": form.get("payment_intent"),
            "created": int(datetime.now(UTC).timestamp()),
            "status": self.status_of_new,
            "failure_reason": "lost_or_stolen_card" if self.status_of_new == "failed" else None,
            "metadata": {n[9:-1]: v for n, v in form.items() if n.startswith("metadata[")},
        }
        self.refunds.append(refund)
        self.keys[key] = (body, refund)
        if self.lost_answers:
            self.lost_answers -= 1
            return Response(b'{"id": "re_', media_type="application/json")
        return JSONResponse(refund)

    async def list_refunds(self, request: Request) -> Response:
        if self.answers:
            return self.answers.pop(0)()
        query = request.query_params
        found = [
            r
            for r in reversed(self.refunds)
            if query.get("charge") in {None, r["charge"]} and query.get("payment_intent") in {None, r["payment_intent"]}
        ]
        if after := query.get("starting_after"):
            ids = [r["id"] for r in found]
            found = found[ids.index(after) + 1 :]
        limit = int(query.get("limit", "10"))
        return JSONResponse({"object": "list", "data": found[:limit], "has_more": len(found) > limit})

    async def one_refund(self, request: Request) -> Response:
        if self.answers:
            return self.answers.pop(0)()
        found = [refund for refund in self.refunds if refund["id"] == request.path_params["id"]]
        return JSONResponse(found[0]) if found else stripe_error(404, "invalid_request_error", "resource_missing")

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/refunds", self.create, methods=["POST"]),
                Route("/v1/refunds", self.list_refunds, methods=["GET"]),
                Route("/v1/refunds/{id}", self.one_refund, methods=["GET"]),
            ]
        )


def stripe_error(status: int, kind: str, code: str = "", headers: dict[str, str] | None = None) -> Response:
    body = {"error": {"type": kind, "code": code, "message": f"because of {code}"}}
    return JSONResponse(body, status_code=status, headers=headers)
