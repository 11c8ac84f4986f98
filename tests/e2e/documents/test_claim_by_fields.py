"""A claim by the fields of a document: broken and incomplete it comes in, is asked for once, and comes to the gate."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from domain.inbound.signing import sign
from tests.e2e.running import Running, audited, default_blueprint, eventually, paid_as_recorded, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PORT_BASE = 20_900
MARTA = "marta.lindqvist@example.com"
KIND = """
sources = ["forms"]
root = "refund_form"

[case]
order_id = "order_id"
amount = "amount"
currency = "currency"

[claim]
field = "why"
reasons = { defect = "damaged" }

[records.order]
anchors = { order_id = "order_id" }

[fields]
order_id = {}
why = {}
currency = { kind = "currency", sources = ["order.currency"] }
amount = { kind = "amount", sources = ["order.total"] }
item_condition = {}
payee = { required = false }

[labels.en]
item_condition = "condition of the goods"
"""
BROKEN = (
    f'{{"customer_email": "{MARTA}", "lang": "en", "refund_form": '
    '{"order_id": "ORD-10023", "why": "defect", "payee": "Jo Miller",},}'
).encode()


@pytest.fixture(scope="module")
def running(start_headgate: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("forms")
    env = default_blueprint(folder, apart=False)
    (folder / "blueprint" / "documents" / "refund_form.toml").write_text(KIND, "utf-8")
    return start_headgate("--samples", port_base=PORT_BASE, env=env)


@pytest.fixture(scope="module")
def secret(running: Running) -> str:
    return str(running.json("sources", "add", "forms", "--malformed", "take")["secret"])


def shown_fields(shown: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {field["name"]: (field["origin"], field["value"]) for field in shown["fields"]}


async def test_it_is_mended_asked_for_once_completed_and_paid_by_a_person_alone(running: Running, secret: str) -> None:
    def sent(event_id: str, key: str) -> int:
        return running.post(event_id, BROKEN, source="forms", headers=sign(key, event_id, BROKEN)).status_code

    eventually(lambda: sent("form-1", secret) == 202, 30, "the source was not known")
    assert sent("form-2", running.secret("shop")) == 401, "of another source's key"
    case_id = "case/forms/form-1"
    assert settled(running, [case_id]) == {case_id: "waiting_customer"}

    shown = running.json("cases", "show", case_id)
    assert shown["message"]["asked_for"] == ["item_condition"]
    assert shown_fields(shown) == {
        "order_id": ("given", "ORD-10023"),
        "why": ("given", "defect"),
        "currency": ("derived", "USD"),
        "amount": ("derived", "20.00"),
        "item_condition": ("missing", ""),
        "payee": ("given", "[NAME_1]"),
    }
    [letter] = shown["letters"]
    assert "condition of the goods" in letter["text"]
    page = running.command("cases", "show", case_id).stdout
    assert "  field         amount          derived  20.00 USD, from our record: order.total\n" in page
    assert "  field         item_condition  missing  its customer was asked for it\n" in page
    print(f"\n{page}")

    [mark] = re.findall(r"\[#HG-[A-Z2-7]{10}\]", letter["subject"])
    words = {"channel": "email", "subject": f"Re: {mark}", "text": "condition of the goods: cracked housing"}
    answer = running.hand_in("form-answer", words | {"customer": {"email": MARTA}})
    assert settled(running, [answer]) == {answer: "done"}
    eventually(lambda: running.states()[case_id] == "waiting_approval", 60, "the answer did not complete it")
    assert await running.paid() == [], "a person has to approve it"

    shown = running.json("cases", "show", case_id)
    assert shown_fields(shown)["item_condition"] == ("derived", "cracked housing")
    assert len(shown["letters"]) == 1, "it was asked for once"
    [waiting] = running.json("approvals", "list")["approvals"]
    assert set(waiting["brief"]["marks"]) == {"document_repaired", "field_derived", "asked_by_fields"}
    page = running.command("cases", "show", case_id).stdout
    assert "cracked housing, from the words “cracked housing”\n" in page
    print(f"\n{page}")

    running.json("approvals", "approve", waiting["approval_id"], "--by", "finance")
    eventually(lambda: running.states()[case_id] == "done", 60, "it was approved and not paid")
    assert {e.key: e.amount_minor for e in await paid_as_recorded(running)} == {f"{case_id}/refund": 2000}
    assert audited(running)["violations"] == []
    assert "Jo Miller" not in running.command("cases", "show", case_id, "--json").stdout
