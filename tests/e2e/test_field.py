"""Public bug reports rebuilt as messages: every one ends in one of the ways that are right for it.

The messages are data (`HEADGATE_EVAL_DATA`), each with what is right in words; `ENDS` says what those words mean.
"""

import base64
import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from domain.inbound.signing import sign
from domain.money.amount import exponent, parse_exact
from tests.e2e.running import Running, audited, eventually, settled

FIELD = Path(os.environ.get("HEADGATE_EVAL_DATA", "")) / "field"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not (FIELD / "README.md").exists(), reason="HEADGATE_EVAL_DATA has no field"),
]
PORT_BASE = 21_300
Json = dict[str, Any]  # Any: JSON of the cases
# Sent after all others have settled, each after the one before: a second request, an answer, two rounds of a loop.
LATER = ("more2/seq-dup-b", "appr/ask-answered", "loop/1", "loop/2")
SHORT = "appr/ask-answered-short"  # another answer to the same question: to a Headgate of its own


@dataclass
class Ended:
    """What became of a message."""

    http: int
    state: str = ""
    finding: str = ""
    category: str = ""
    sender: str | None = None
    text: str = ""
    refunds: list[tuple[int, str, str]] = field(default_factory=list)  # minor units, currency, order
    leads: int = 0
    letters: list[str] = field(default_factory=list)
    recipients: list[str | None] = field(default_factory=list)
    brief: Json | None = None


def variants() -> Iterator[tuple[str, Json]]:
    for path in sorted(FIELD.glob("*.json")) if FIELD.exists() else []:
        for variant in json.loads(path.read_text("utf-8"))["variants"]:
            yield f"{path.stem}: {variant['name']}", variant


CASES = dict(variants())


def event_id(name: str) -> str:
    """Return the id of an event; `#1`, `#2` behind a name mean the same event again."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", re.sub(r"#\d+\Z", "", name.partition(": ")[2] or name))


def body_of(send: Json) -> bytes:
    return base64.b64decode(send["body_base64"]) if "body_base64" in send else str(send["body"]).encode()


def write_records(folder: Path) -> Path:
    """Write the records of the cases as files for the import; days ago are the import's own dates of samples."""
    folder.mkdir()
    read = lambda name: json.loads((FIELD / "records" / f"{name}.json").read_text("utf-8"))  # noqa: E731
    rows = [f"{c['customer_id']},{c['email']},{c['name']},{c['lang']}" for c in read("customers")]
    (folder / "customers.csv").write_text("\n".join(["customer_id,email,name,lang", *rows]) + "\n")
    orders, charges = ["order_id,customer_id,status,placed_at,delivered_at,promised_at,total,currency"], []
    for order in read("orders"):
        told = [_day(order.get(f"{name}_days_ago")) for name in ("placed", "delivered", "promised")]
        total = _decimal(order["total_minor"], order["currency"])
        orders.append(
            ",".join([order["order_id"], order["customer_id"], order["status"], *told, total, order["currency"]])
        )
        charges += [
            ",".join(
                [
                    *(c["charge_id"], order["order_id"], _decimal(c["amount_minor"], c["currency"]), c["currency"]),
                    *(_day(c["captured_days_ago"]), c["payee"]),
                ]
            )
            for c in order["charges"]
        ]
    (folder / "orders.csv").write_text("\n".join(orders) + "\n")
    head = "charge_id,order_id,amount,currency,captured_at,payee"
    (folder / "charges.csv").write_text("\n".join([head, *charges]) + "\n")
    return folder


def _day(ago: int | None) -> str:
    return "" if ago is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago * 86_400))


def _decimal(minor: int, currency: str) -> str:
    places = exponent(currency)
    return f"{minor / 10**places:.{places}f}"


def send(running: Running, name: str, variant: Json) -> int:
    told, raw = variant["send"], body_of(variant["send"])
    headers = sign(running.secret(told["source"]), event_id(name), raw)
    if told.get("headers_style") == "svix":
        headers = {key.replace("webhook-", "svix-"): value for key, value in headers.items()}
    headers |= told.get("headers", {})
    answer = running.post(
        event_id(name), raw, source=told["source"], content_type=told["content_type"], headers=headers
    )
    return answer.status_code


@pytest.fixture(scope="module")
def ended(start_headgate: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """Send all of them and return what became of each."""
    folder = tmp_path_factory.mktemp("field")
    records = write_records(folder / "records")
    names = [name for name, variant in CASES.items() if variant["name"] not in (*LATER, SHORT)]
    later = [name for wanted in LATER for name, variant in CASES.items() if variant["name"] == wanted]
    found = worked(start_headgate("--samples", port_base=PORT_BASE), records, names, later)
    asked = [name for name, variant in CASES.items() if variant["name"] == "appr/ask"]
    short = [name for name, variant in CASES.items() if variant["name"] == SHORT]
    found |= {name: worked(start_headgate(port_base=PORT_BASE + 40), records, asked, short)[name] for name in short}
    return found


def worked(running: Running, records: Path, names: list[str], later: list[str]) -> dict[str, Ended]:
    """Send messages at once, and others one after the other when those have settled; return what became of them."""
    done = running.command("records", "import", str(records))
    assert done.returncode == 0, done.stdout + done.stderr
    running.json("intake", "pace", "100")
    found = {name: Ended(http=send(running, name, CASES[name])) for name in names}
    settled(running, {case_of(name) for name, one in found.items() if one.http == 202}, timeout=120)
    for name in later:
        found[name] = Ended(http=send(running, name, CASES[name]))
        settled(running, [case_of(name)], timeout=60)
    older = [case_of(name) for name in names if CASES[name]["name"] == "appr/ask"]
    eventually(lambda: all(running.states()[a] != "waiting_customer" for a in older), 60, "the answer was not taken")
    audited(running)
    rows = {row["case_id"]: row for row in running.json("cases", "list", "--limit", "1000")["cases"]}
    briefs = {view["case_id"]: view for view in running.json("approvals", "list")["approvals"]}
    with closing(sqlite3.connect(running.data_dir / "store.db")) as store:
        store.row_factory = sqlite3.Row
        for name, one in found.items():
            if one.http == 202:
                fill(one, rows[case_of(name)], store, briefs)
    running.stop()
    return found


def case_of(name: str) -> str:
    return f"case/{CASES[name]['send']['source']}/{event_id(name)}"


def fill(one: Ended, listed: Json, store: sqlite3.Connection, briefs: dict[str, Json]) -> None:
    case_id = listed["case_id"]
    row = store.execute("SELECT * FROM cases WHERE case_id = ?", [case_id]).fetchone()
    one.state, one.category, one.brief = listed["state"], listed["category"] or "", briefs.get(case_id)
    one.finding, one.sender, one.text = row["finding"] or "", row["sender_email"], json.loads(row["input"])["text"]
    about = row["passed_to"] or case_id  # what an answer brought about is the doing of the case that took it
    effects = store.execute("SELECT * FROM effects WHERE case_id = ? AND state = 'executed'", [about]).fetchall()
    one.refunds = [(e["amount_minor"], e["currency"], e["order_id"]) for e in effects if e["kind"] == "refund"]
    one.leads = sum(e["kind"] == "lead" for e in effects)
    letters = store.execute("SELECT * FROM replies WHERE case_id = ? ORDER BY queued_at", [case_id]).fetchall()
    one.letters, one.recipients = [r["text"] for r in letters], [r["recipient"] for r in letters]


def no_effect(one: Ended) -> bool:
    return not one.refunds and not one.leads


def asks(one: Ended) -> bool:
    return no_effect(one) and one.state == "waiting_customer" and len(one.letters) > 0


def waits(one: Ended) -> bool:
    return no_effect(one) and one.state == "waiting_human" and not one.letters


# What the words of `right` mean, the first that fits; what is in none of these fails the test.
ENDS: list[tuple[str, Callable[[Ended, re.Match[str], Json], bool]]] = [
    (r"a refund of exactly ([\d.,]+) ([A-Z]{3})|refund of ([\d.,]+) ([A-Z]{3})", lambda o, m, _: is_paid(o, m)),
    (r"waiting_approval whose brief shows the 10 percent, for 700.00 USD", lambda o, _, __: shows_ten_percent(o)),
    (r"waiting_approval.*", lambda o, _, __: o.state == "waiting_approval" and no_effect(o)),
    (r"waiting_human(?: without a letter)?", lambda o, _, __: waits(o)),
    (r"waiting_human with that address", lambda o, _, v: waits(o) and o.sender == v_address(v)),
    (r"an answer that asks for the order", lambda o, _, __: "which order" in o.letters[0]),
    (r"an answer that asks.*", lambda o, _, __: asks(o)),
    (r"closed without a letter, marked as written by a machine", lambda o, _, __: is_machines(o)),
    (r"rejected with a letter", lambda o, _, __: o.state == "rejected" and len(o.letters) == 1),
    (r"worked as a mail of (cust\d+)", lambda o, m, _: (o.sender or "").startswith(m[1]) and len(o.refunds) == 1),
    (r"worked as a mail of cust\d+ after a person agreed", lambda _, __, ___: False),
    (r"Technical Support on the outer text", lambda o, _, __: o.category == "Technical Support" and no_effect(o)),
    (
        r"cleaned text without the attached mail's sentence",
        lambda o, _, __: "never arrived" not in o.text and "sign in" in o.text,
    ),
    (r"cleaned text holds (ORD-\d+)", lambda o, m, _: m[1] in o.text),
    (r"cleaned text holds the order number", lambda o, _, __: re.search(r"ORD-\d{5}", o.text) is not None),
    (
        r"refund of (ORD-\d+)(?: \(120\.00 USD\))?|a refund of (ORD-\d+) only",
        lambda o, m, _: [order for *_, order in o.refunds] == [m[1] or m[2]],
    ),
    (r"both orders refunded", lambda o, _, __: len({order for *_, order in o.refunds}) == 2),
    (r"refund of the order meant", lambda o, _, v: len(o.refunds) == 1 and o.refunds[0][2].endswith(order_meant(v))),
    (r"done, refunded", lambda o, _, __: o.state == "done" and len(o.refunds) == 1),
    (r"done with a letter that it was refunded already", lambda o, _, __: no_effect(o) and "already" in o.letters[0]),
    (r"refund", lambda o, _, __: len(o.refunds) == 1),
    (r"no refund", lambda o, _, __: not o.refunds),
    (r"Billing|Technical Support", lambda o, m, _: o.category == m[0]),
    (r"202", lambda o, _, __: o.http == 202),
    (r"sender (cust\d+)", lambda o, m, _: (o.sender or "").startswith(m[1])),
    (r"415 that names content-encoding", lambda o, _, __: o.http == 415),
    (r"letter to (\S+@\S+)", lambda o, m, _: o.recipients == [m[1]]),
]


def is_paid(one: Ended, match: re.Match[str]) -> bool:
    amount, currency = match[1] or match[3], match[2] or match[4]
    return [(m, c) for m, c, _ in one.refunds] == [(parse_exact(amount.replace(",", ""), currency).minor, currency)]


def shows_ten_percent(one: Ended) -> bool:
    return one.state == "waiting_approval" and "700.00 USD" in str(one.brief) and "10 percent" in str(one.brief)


def is_machines(one: Ended) -> bool:
    return no_effect(one) and not one.letters and one.state == "done" and "written by a machine" in one.finding


def v_address(variant: Json) -> str:
    return re.findall(r"cust\d+@fieldmail\.example", str(variant["send"]))[0]


def order_meant(variant: Json) -> str:
    return (
        re.findall(r"F-(\d+)|cust(\d+)@", str(variant["send"]))[0][0]
        or re.findall(r"cust(\d+)@", str(variant["send"]))[0]
    )


def fits(words: str, one: Ended, variant: Json) -> bool:
    for pattern, holds in ENDS:
        match = re.fullmatch(pattern, words)
        if match is not None:
            return holds(one, match, variant)
    raise AssertionError(f"nobody says what {words!r} means")


@pytest.mark.parametrize("name", CASES)
def test_a_message_from_the_field_ends_rightly(ended: dict[str, Ended], name: str) -> None:
    one, right = ended[name], CASES[name]["expect"]["right"]
    assert any(fits(words, one, CASES[name]) for words in right), f"{one}\nright: {right}"
