"""A conversation end to end: who is asked and answers is paid once, and strangers speak in nobody's name."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import Running, audited, default_blueprint, eventually, paid_as_recorded, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PORT_BASE = 20_900
ANN = "marta.lindqvist@example.com"
PRIYA = "priya.raman@example.net"  # was not written to in the last hour


@pytest.fixture(scope="module", params=[False, True], ids=["inside", "apart"])
def running(
    request: pytest.FixtureRequest, start_headgate: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    env = default_blueprint(tmp_path_factory.mktemp("talk"), apart=request.param)
    headgate = start_headgate("--samples", port_base=PORT_BASE + 40 * request.param, env=env)
    yield headgate
    headgate.stop()


def letters(running: Running, case_id: str) -> list[dict[str, Any]]:
    """Return the letters of a case, oldest first."""
    with closing(sqlite3.connect(Path(running.data_dir) / "store.db")) as store:
        store.row_factory = sqlite3.Row
        rows = store.execute("SELECT * FROM replies WHERE case_id = ? ORDER BY queued_at", [case_id])
        return [dict(row) for row in rows]


def mail(text: str, *, subject: str = "Broken mug", sender: str = ANN) -> dict[str, Any]:
    return {"channel": "email", "subject": subject, "text": text, "customer": {"email": sender}}


async def test_who_is_asked_and_answers_is_paid_once(running: Running) -> None:
    first = running.hand_in("talk-1", mail("The mug arrived broken, please refund it."))
    assert settled(running, [first]) == {first: "waiting_customer"}
    [asked] = letters(running, first)
    [mark] = re.findall(r"\[#HG-[A-Z2-7]{10}\]", asked["subject"])
    assert asked["message_id"].startswith("hg.")

    stranger = running.hand_in("talk-2", mail("ORD-10023", subject=f"Re: Broken mug {mark}", sender="eve@example.net"))
    settled(running, [stranger])
    assert running.states()[first] == "waiting_customer"

    quoted = f"It is ORD-10023, thank you.\n\nOn Sat, 28 Nov 2026, Customer care wrote:\n> Hello {mark}\n"
    answer = running.hand_in("talk-3", mail(quoted, subject="my order"))
    assert settled(running, [answer]) == {answer: "done"}
    eventually(lambda: running.states()[first] == "done", 60, "the answer was not worked")
    shown = running.json("cases", "show", first)
    assert "[the customer answered]" in shown["message"]["text"]
    assert "It is ORD-10023" in shown["message"]["text"]
    assert running.json("cases", "show", answer)["finding"] == f"passed on to {first}"
    assert letters(running, answer) == []
    assert [letter["key"].rpartition("/")[2] for letter in letters(running, first)] == ["1", "reply"]

    late = running.hand_in("talk-4", mail("Thanks!", subject=f"Re: Broken mug {mark}"))
    assert settled(running, [late]) == {late: "waiting_human"}

    paid = {entry.key: entry.amount_minor for entry in await paid_as_recorded(running)}
    assert paid == {f"{first}/refund": 2000}
    assert audited(running)["violations"] == []


async def test_who_mistypes_the_order_is_asked_again_and_the_right_one_is_paid(running: Running) -> None:
    dan = "d.okafor@example.com"
    first = running.hand_in("slip-1", mail("It arrived broken, please refund it.", subject="Kettle", sender=dan))
    assert settled(running, [first]) == {first: "waiting_customer"}
    [mark] = re.findall(r"\[#HG-[A-Z2-7]{10}\]", letters(running, first)[0]["subject"])

    def answer(name: str, text: str) -> None:
        case_id = running.hand_in(name, mail(text, subject=f"Re: Kettle {mark}", sender=dan))
        assert settled(running, [case_id]) == {case_id: "done"}

    answer("slip-2", "It is ORD-99999.")
    eventually(lambda: len(letters(running, first)) == 2, 60, "nothing was asked a second time")
    assert settled(running, [first]) == {first: "waiting_customer"}
    answer("slip-3", "Sorry, it is ORD-10024.")
    eventually(lambda: running.states()[first] == "done", 60, "the right order was not paid")
    paid = {entry.key: entry.amount_minor for entry in await paid_as_recorded(running)}
    assert paid[f"{first}/refund"] == 4990


async def test_the_audit_does_not_take_a_wait_for_a_customer_for_a_standstill(running: Running) -> None:
    case_id = running.hand_in("talk-5", mail("My order arrived broken, please refund it.", sender=PRIYA))
    assert settled(running, [case_id]) == {case_id: "waiting_customer"}
    assert running.json("status")["cases"]["waiting_customer"] >= 1
    assert audited(running)["under_way"]["waiting_customer"] >= 1
    running.json("cases", "cancel", case_id)
    eventually(lambda: running.states()[case_id] == "cancelled", 60, "it was not cancelled")
