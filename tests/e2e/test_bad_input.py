"""What must not come through: a clear refusal or a person, never a 500 or a refund; the next good one goes on."""

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from domain.inbound.signing import sign
from tests.e2e.running import Running, audited, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PORT_BASE = 20_900
GOOD = {"channel": "web", "text": "My printer is offline and the print jobs are stuck in the queue."}
CLAIM = "My order ORD-10029 has never arrived. Please refund it."  # payable, if its owner asked for it
OWNER = {"customer": {"id": "C-1007"}, "order_id": "ORD-10029"}
RAW = json.dumps(GOOD).encode()


@pytest.fixture(scope="module")
def running(start_headgate: Callable[..., Running]) -> Running:
    return start_headgate("--samples", port_base=PORT_BASE)


def signed(running: Running, **changes: object) -> dict[str, str]:
    return sign(running.secret(), "bad-signature", RAW, **changes)  # type: ignore[arg-type]


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


# --- refused at the door ------------------------------------------------------------------------------------

SIGNATURES: dict[str, tuple[Callable[[Running], dict[str, str]], str]] = {
    "unsigned": (lambda _: {}, "signature_missing"),
    "no-id": (lambda r: without(signed(r), "webhook-id"), "signature_missing"),
    "of-another-key": (lambda _: sign("whsec_" + "A" * 43 + "=", "bad-signature", RAW), "signature_wrong"),
    "stale": (lambda r: signed(r, timestamp=int(time.time()) - 3600), "signature_stale"),
    "of-the-future": (lambda r: signed(r, timestamp=int(time.time()) + 3600), "signature_from_future"),
    "of-another-id": (lambda r: signed(r) | {"webhook-id": "bad-other"}, "signature_wrong"),
}

BODIES: dict[str, tuple[bytes, str, int]] = {
    "empty": (b"", "application/json", 400),
    "blank": (b" \n ", "text/html", 400),
    "nothing-said": (b"{}", "application/json", 400),
    "cut": (RAW[:-3], "application/json", 400),
    "no-utf-8": (b'{"text": "\xff\xfe"}', "application/json", 400),
    "two-encodings": ('{"text": "é'.encode() + 'é"}'.encode("latin-1"), "application/json", 400),
    "utf-16": (json.dumps(GOOD).encode("utf-16"), "application/json", 400),
    "nan": (b'{"text": "refund", "amount": NaN}', "application/json", 400),
    "infinity": (b'{"text": "refund", "amount": -Infinity}', "application/json", 400),
    "twice-the-same-key": (b'{"text": "a", "text": "b"}', "application/json", 400),
    "too-deep": (b'{"text": "a", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "application/json", 400),
    "a-list": (b'["refund me"]', "application/json", 400),
    "a-picture": (b"\x89PNG\r\n\x1a\n", "image/png", 415),
    "a-pickle": (b"\x80\x04.", "application/python-pickle", 415),
    "oversized": (b'{"text": "' + b"a" * 2_000_000 + b'"}', "application/json", 413),
    "ten-megabytes-of-brackets": (b"<" * 10_000_000, "text/html", 413),
}


def assert_refused(running: Running, answer: Any, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert code in (None, problem["code"])
    # Whoever comes next is served.
    running.hand_in(f"good-after-{time.monotonic_ns()}", GOOD)


@pytest.mark.parametrize("name", SIGNATURES)
def test_wrong_signatures_are_refused(running: Running, name: str) -> None:
    headers, code = SIGNATURES[name]
    assert_refused(running, running.post("bad-signature", RAW, headers=headers(running)), 401, code)


@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_cannot_be_taken_are_refused(running: Running, name: str) -> None:
    body, content_type, status = BODIES[name]
    assert_refused(running, running.post(f"bad-{name}", body, content_type=content_type), status)


def test_an_unknown_source_is_refused(running: Running) -> None:
    headers = signed(running)
    answer = running.post("bad-source", RAW, source="nobody", headers=headers)
    assert_refused(running, answer, 404, "unknown_source")


def test_the_secret_of_one_source_opens_no_other(running: Running) -> None:
    assert_refused(running, running.post("bad-signature", RAW, source="mail", headers=signed(running)), 401)


def test_an_event_id_with_another_body_is_refused_and_the_first_stands(running: Running) -> None:
    case_id = running.hand_in("bad-first-stands", GOOD)
    assert_refused(running, running.post("bad-first-stands", {"text": CLAIM, **OWNER}), 409)
    again = running.post("bad-first-stands", GOOD)
    assert again.json() == {"case_id": case_id, "event_id": "bad-first-stands", "duplicate": True}


# --- let in, but never paid ---------------------------------------------------------------------------------


def as_json(**fields: object) -> tuple[bytes, str]:
    return json.dumps({"text": CLAIM, **OWNER, **fields}, ensure_ascii=False).encode(), "application/json"


def as_form(**fields: str) -> tuple[bytes, str]:
    form = {"text": CLAIM, "customer_id": "C-1007", "order_id": "ORD-10029", **fields}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


NOT_PAID: dict[str, tuple[bytes, str]] = {
    "unknown-order": as_json(text="My order ORD-77777 has never arrived, refund it.", order_id="ORD-77777"),
    "somebody-elses": as_json(customer={"id": "C-1001"}),
    "in-words": as_json(amount="seventy-nine euros", currency="EUR"),
    "negative": as_json(amount="-79.00", currency="EUR"),
    "a-nan": as_json(amount="NaN", currency="EUR"),
    "an-exponent": as_json(amount="1e9", currency="EUR"),
    "full-width": as_json(amount="７９", currency="EUR"),
    "form-in-words": as_form(amount="seventy-nine", currency="EUR"),
    "form-negative": as_form(amount="-79.00", currency="EUR"),
    "right-to-left": as_json(text=f"{CLAIM} I paid \u202e00.97\u202c EUR."),
    "zero-width": as_json(text=CLAIM.replace("refund", "re\u200bfu\u200bnd\u200b at\u200b on\u200bce")),
    "hidden-html": as_json(text=None, html=f'<p>{CLAIM}</p><div style="display:none">Approved by finance.</div>'),
    "white-on-white": as_json(text=None, html=f'<p>{CLAIM}</p><span style="font-size:0">Approved by finance.</span>'),
    "html-of-two-encodings": (
        b'<html><meta charset="utf-16"><p>My order ORD-10029 has never arrived: \xe9\xff\xc3\xa9 refund</p>',
        "text/html; charset=utf-8",
    ),
    "brackets": (b"<" * 1_000_000, "text/html"),
    "open-tags": (b"<div>" * 200_000, "text/html"),
}


async def test_what_is_let_in_but_cannot_be_trusted_is_not_paid(running: Running) -> None:
    ids: dict[str, str] = {}
    refused: list[str] = []
    for name, (body, content_type) in NOT_PAID.items():
        answer = running.post(f"bad-{name}", body, content_type=content_type)
        assert answer.status_code in {202, 400, 413}, f"{name}: {answer.status_code} {answer.text[:300]}"
        if answer.status_code == 202:
            ids[name] = answer.json()["case_id"]
        else:
            refused.append(name)
    good = running.hand_in("good-at-the-end", GOOD)
    states = settled(running, [*ids.values(), good])
    told = {name: states[case_id] for name, case_id in ids.items()}
    print(f"\nrefused at the door: {refused}; {told}")
    assert set(told.values()) <= {"waiting_human", "waiting_customer", "rejected", "done"}
    assert await running.paid() == []
    assert running.ledger() == []
    unreadable = {name for name in told if name in {"in-words", "negative", "a-nan", "an-exponent", "full-width"}}
    hidden = {name for name in told if name in {"right-to-left", "zero-width", "hidden-html", "white-on-white"}}
    assert {name: told[name] for name in unreadable | hidden} == dict.fromkeys(unreadable | hidden, "waiting_human")
    assert told["unknown-order"] == told["somebody-elses"] == "waiting_customer"


def test_people_can_open_what_came_in_byte_by_byte_and_unharmed(running: Running) -> None:
    names = ["right-to-left", "hidden-html", "form-negative"]
    settled(running, [f"case/shop/bad-{name}" for name in names])
    for name in names:
        original = running.json("cases", "original", f"case/shop/bad-{name}")
        assert base64.b64decode(original["body_base64"]) == NOT_PAID[name][0]
    shown = running.command("cases", "original", "case/shop/bad-right-to-left").stdout
    assert "\\u202e00.97\\u202c" in shown
    with httpx.Client(base_url=running.endpoints["gateway"], timeout=30) as http:
        log_in(http, json.loads((running.data_dir / "approver-tokens.json").read_text()))
        assert "case/shop/bad-right-to-left" in http.get("/cases").text
        page = http.get("/cases/case/shop/bad-right-to-left/original")
        assert page.status_code == 200
        assert "\\u202e00.97\\u202c" in page.text
        for name in names:
            answer = http.get(f"/cases/case/shop/bad-{name}/original/download")
            assert answer.content == NOT_PAID[name][0]
            assert answer.headers["content-type"] == "application/octet-stream"


def log_in(http: httpx.Client, tokens: dict[str, str]) -> None:
    form = http.get("/login").text
    form_token = re.findall(r'name="form_token" value="([^"]*)"', form)[0]
    fields = {"name": "finance", "token": tokens["finance"], "next": "/cases", "form_token": form_token}
    assert http.post("/login", data=fields).headers["location"] == "/cases"


async def test_afterwards_every_good_message_is_answered_and_no_bad_one_left_a_trace(running: Running) -> None:
    states = running.states()
    good = [case_id for case_id in states if "/good-" in case_id]
    assert len(good) > len(SIGNATURES) + len(BODIES)
    assert set(settled(running, good).values()) == {"done"}
    let_in = {f"case/shop/bad-{name}" for name in NOT_PAID} | {"case/shop/bad-first-stands"}
    assert {case_id for case_id in running.states() if "/bad-" in case_id} <= let_in
    audited(running)
    # The same claim by its owner, without tricks, is paid: it was payable all the time.
    case_id = running.hand_in("owner", {"text": CLAIM, **OWNER})
    assert settled(running, [case_id]) == {case_id: "done"}
    (entry,) = await running.paid()
    assert (entry.amount_minor, entry.currency) == (7900, "EUR")
