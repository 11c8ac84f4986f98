"""Stripe: `POST /v1/refunds`, our key as the idempotency key and in the metadata, where it outlives 24 hours.

Stripe pays refunds only back to where the charge came from; the payee stands in the metadata, so that the log says
whom we meant. Reference: https://docs.stripe.com/api/refunds, https://docs.stripe.com/api/errors,
https://docs.stripe.com/currencies.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from adapters.models.wires.retry_after import told_to_wait, wait_seconds
from domain.audit.facts import RailEntry
from domain.errors import ConfigurationError, RefusedError, TransientError
from domain.money.action import Action
from domain.money.amount import Money, exponent, format_minor
from domain.money.effect import Settling
from ports.rail import Fate, RailReceipt, WentBack, only_refund

STRIPE_URL = "https://api.stripe.com"
TIMEOUT_S = 15.0  # for each read or write; the activity bounds the whole call
PAGE = 100
LOOK_BACK_PAGES = 50  # without a charge to search by: 5,000 refunds, newest first

_PENDING = ("pending", "requires_action")  # on its way: not to be sent again, though it may fail yet
_PAID = ("succeeded", *_PENDING)
_NOT_PAID = ("failed", "canceled")

# The customer's bank was asked for the charge, or has it back: whoever refunds it too pays twice.
_DISPUTED = ("charge_disputed", "charge_already_disputed")

# Where Stripe counts a currency with other decimals than ISO 4217.
_PLACES = {"ISK": 2, "UGX": 2, "MGA": 0}

# Any: Stripe's JSON, read field by field.
Json = dict[str, Any]


class _MissingError(RefusedError):
    """Stripe does not have what was asked for."""


class StripeRail:
    """`Rail` on Stripe. `client` must have no retries of its own; it is closed by whoever made it."""

    def __init__(self, api_key: str, client: httpx.AsyncClient, base_url: str = STRIPE_URL) -> None:
        if not api_key:
            raise ConfigurationError("Stripe needs an API key: set HEADGATE_STRIPE_API_KEY")
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}

    async def pay(self, action: Action) -> RailReceipt:
        """Pay a refund, once per key.

        Raises:
            TransientError, ToldToWaitError: try again with the same key.
            RefusedError: Stripe will never do it, or cannot count the amount.
            ConfigurationError: the API key is wrong or may not make refunds.
        """
        action = only_refund(action)
        form = {
            _charge_field(action.charge_id): action.charge_id,
            "amount": str(_stripe_amount(action.money)),
            "reason": "requested_by_customer",
            "metadata[headgate_key]": action.key,
            "metadata[headgate_digest]": action.digest(),
            "metadata[headgate_payee]": action.payee,
            "metadata[headgate_charge]": action.charge_id,
        }
        try:
            refund = await self._call("POST", "/v1/refunds", data=form, headers={"Idempotency-Key": action.key})
        except _MissingError as error:
            raise RefusedError(str(error)) from error  # by its name Temporal knows what to do
        if refund.get("status") in _NOT_PAID:
            why = refund.get("failure_reason") or refund.get("status")
            raise RefusedError(f"Stripe did not pay {action.key!r}: {why!r}")
        return _receipt(refund, action.key)

    async def find(self, key: str, action: Action | None = None) -> RailReceipt | None:
        """Look for a refund with our key in its metadata.

        Raises:
            TransientError, ToldToWaitError: Stripe cannot say now, or there are too many refunds to look through.
            ConfigurationError: the API key is wrong or may not read refunds.
        """
        try:
            charge_id = only_refund(action).charge_id if action is not None else None
            async for refund in self._refunds(charge_id, LOOK_BACK_PAGES):
                if _metadata(refund).get("headgate_key") == key and refund.get("status") in _PAID:
                    return _receipt(refund, key)
        except _MissingError:
            return None  # of a charge that Stripe does not have nothing was paid back
        except RefusedError as error:
            raise TransientError(f"whether {key!r} was paid stays open: {error}") from error
        return None

    async def went_back(self, action: Action) -> WentBack:
        """Add up the refunds of a charge, whoever made them; those that failed or were canceled do not count.

        Raises:
            TransientError, ToldToWaitError: Stripe cannot say now.
            ConfigurationError: the API key is wrong or may not read refunds.
        """
        refund_of = only_refund(action)
        found = WentBack()
        try:
            async for refund in self._refunds(refund_of.charge_id, LOOK_BACK_PAGES):
                if refund.get("status") in _NOT_PAID:
                    continue
                if _metadata(refund).get("headgate_key") == action.key:
                    found.own = _receipt(refund, action.key)
                else:
                    found.others_minor += _minor_amount(refund)
        except _MissingError:
            return WentBack()  # of a charge that Stripe does not have nothing was paid back
        except (RefusedError, KeyError, TypeError, ValueError) as error:
            raise TransientError(f"what went back of {refund_of.charge_id!r} stays open: {error}") from error
        return found

    async def newest(self, limit: int) -> list[RailEntry]:
        """Return our own among the newest refunds of the account, the newest first. Raises as `find` does."""
        page = await self._call("GET", "/v1/refunds", params={"limit": str(min(limit, PAGE))})
        return [_entry(refund) for refund in page.get("data") or [] if _is_ours(refund)]

    async def fate(self, reference: str) -> Fate:
        """Ask what became of a refund that was pending.

        Raises:
            TransientError, ToldToWaitError: Stripe cannot say now.
            RefusedError: Stripe does not know it.
            ConfigurationError: the API key is wrong or may not read refunds.
        """
        try:
            refund = await self._call("GET", f"/v1/refunds/{quote(reference, safe='')}")
        except _MissingError as error:
            raise RefusedError(str(error)) from error
        status = refund.get("status")
        if status in _PENDING:
            return Fate(settling=Settling.PENDING)
        if status == "succeeded":
            return Fate(settling=Settling.SETTLED)
        if status in _NOT_PAID:
            return Fate(settling=Settling.FAILED, why=str(refund.get("failure_reason") or status)[:200])
        raise TransientError(f"Stripe's refund {reference!r} has the status {status!r}, which it does not document")

    async def log(self) -> list[RailEntry]:
        """Return every refund that Headgate made, oldest first."""
        entries = [_entry(refund) async for refund in self._refunds(None, None) if _is_ours(refund)]
        return entries[::-1]

    async def _refunds(self, charge_id: str | None, pages: int | None) -> AsyncIterator[Json]:
        """Yield refunds, newest first."""
        params: dict[str, str] = {"limit": str(PAGE)}
        if charge_id:
            params[_charge_field(charge_id)] = charge_id
        seen = 0
        while pages is None or seen < pages:
            page = await self._call("GET", "/v1/refunds", params=params)
            refunds: list[Json] = page.get("data") or []
            for refund in refunds:
                yield refund
            if not page.get("has_more") or not refunds:
                return
            params["starting_after"] = str(refunds[-1]["id"])
            seen += 1
        raise TransientError(f"Stripe has more than {LOOK_BACK_PAGES * PAGE} refunds to look through: search by charge")

    async def _call(
        self,
        method: str,
        path: str,
        *,
        data: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        try:
            response = await self._client.request(
                method,
                self._base_url + path,
                data=data,
                params=params,
                headers={**self._headers, **(headers or {})},
                timeout=TIMEOUT_S,
            )
        except httpx.TransportError as error:
            raise TransientError(f"Stripe cannot be reached: {type(error).__name__}") from error
        if response.is_success:
            return _json(response)
        raise _failure(response)


def _failure(response: httpx.Response) -> Exception:
    """Return what an answer means for a retry: the only place that decides it."""
    status = response.status_code
    error = _error(response)
    code, kind = str(error.get("code") or ""), str(error.get("type") or "")
    said = f"Stripe answered {status} {code or kind or 'without a reason'}"
    if status == 429:
        wait = wait_seconds(response.headers)
        return told_to_wait(said, wait)
    if response.headers.get("stripe-should-retry") == "true" or status in {408, 409} or status >= 500:
        return TransientError(said)
    if status in {401, 403}:
        return ConfigurationError(f"{said}: check HEADGATE_STRIPE_API_KEY and what it may do")
    if code in _DISPUTED:
        return RefusedError(f"{said}: the customer's bank was asked to take the charge back; look at the dispute first")
    refused = _MissingError if status == 404 or code == "resource_missing" else RefusedError
    return refused(f"{said}: {str(error.get('message') or '')[:200]}")


def _json(response: httpx.Response) -> Json:
    try:
        body = response.json()
    except ValueError as error:
        raise TransientError(f"Stripe's answer {response.status_code} was cut off") from error
    if not isinstance(body, dict):
        raise TransientError(f"Stripe's answer {response.status_code} is no object")
    return body


def _error(response: httpx.Response) -> Json:
    try:
        body = response.json()
    except ValueError:
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _stripe_amount(money: Money) -> int:
    """Return an amount as Stripe counts it.

    Raises:
        RefusedError: Stripe cannot pay it: of three decimals the last must be 0.
    """
    iso = exponent(money.currency)
    places = _PLACES.get(money.currency, iso)
    step = 10 if iso == 3 else 10 ** max(iso - places, 0)
    if money.minor % step:
        raise RefusedError(
            f"Stripe cannot pay {money}: it takes only multiples of {format_minor(step, money.currency)}"
        )
    amount: int = money.minor * 10**places // 10**iso
    return amount


def _minor_amount(refund: Json) -> int:
    """Return the amount of a refund in minor units, rounded up: what we did not send must not look as if we did."""
    currency = _currency(refund)
    iso = exponent(currency)
    minor: int = -(-refund["amount"] * 10**iso // 10 ** _PLACES.get(currency, iso))
    return minor


def _currency(refund: Json) -> str:
    return str(refund["currency"]).upper()


def _charge_field(charge_id: str) -> str:
    return "payment_intent" if charge_id.startswith("pi_") else "charge"


# Any: whatever Stripe's metadata holds.
def _metadata(refund: Json) -> dict[str, Any]:
    return refund.get("metadata") or {}


def _is_ours(refund: Json) -> bool:
    return bool(_metadata(refund).get("headgate_key")) and refund.get("status") in _PAID


def _receipt(refund: Json, key: str) -> RailReceipt:
    if refund.get("status") not in _PAID:
        raise TransientError(
            f"Stripe's answer for {key!r} has the status {refund.get('status')!r}, which it does not document"
        )
    try:
        return RailReceipt(
            key=key,
            reference=refund["id"],
            amount_minor=_minor_amount(refund),
            currency=_currency(refund),
            payee=_metadata(refund).get("headgate_payee", ""),
            pending=refund["status"] in _PENDING,
        )
    except (KeyError, TypeError, ValueError) as error:
        # It may have been paid: the same key again brings a whole answer.
        raise TransientError(f"Stripe's answer for {key!r} lacks what a receipt needs: {error}") from error


def _entry(refund: Json) -> RailEntry:
    told = _metadata(refund)
    return RailEntry(
        key=told["headgate_key"],
        reference=refund["id"],
        charge_id=told.get("headgate_charge") or refund.get("charge") or "",
        payee=told.get("headgate_payee", ""),
        amount_minor=_minor_amount(refund),
        currency=_currency(refund),
        digest=told.get("headgate_digest", ""),
        at=datetime.fromtimestamp(refund["created"], UTC),
        pending=refund.get("status") in _PENDING,
    )
