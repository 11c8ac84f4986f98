"""Mail of the kinds that others reported, read, let in and closed: no machine gets a letter, and people get theirs.

The folder is named by HEADGATE_EVAL_DATA; without it these tests are skipped.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.actions.close import CloseActivities, CloseRequest
from adapters.store import Store
from domain.letters import RefundDenied
from domain.mail.addresses import MailRules
from domain.money.refund import Rule
from ports.store import Reply, StoredCase
from tests.contracts.store_samples import NOW, outcome
from tests.fakes.blueprint import LETTERS
from tests.unit.activities.intake.test_admit import Intake
from tests.unit.activities.store_parts import Clock

FIELD = Path(os.environ.get("HEADGATE_EVAL_DATA") or "/nowhere") / "field"
pytestmark = [pytest.mark.real_data, pytest.mark.skipif(not FIELD.is_dir(), reason="HEADGATE_EVAL_DATA has no field")]
MACHINES = ("mail-01-out-of-office", "mail-02-bounce", "mail-03-list-mail")
OURS = MailRules(own=("*@millbrook.example",))


def variants(name: str) -> dict[str, dict[str, Any]]:  # Any: JSON of others
    path = FIELD / f"{name}.json"
    return {v["name"]: v for v in json.loads(path.read_text("utf-8"))["variants"]} if path.is_file() else {}


def of_machines() -> list[dict[str, Any]]:
    return [v for name in MACHINES for v in variants(name).values() if "without a letter" in str(v["expect"]["right"])]


async def admitted(variant: dict[str, Any], *, own: MailRules | None = None) -> StoredCase:
    send = variant["send"]
    body = base64.b64decode(send["body_base64"]) if "body_base64" in send else send["body"].encode()
    intake = Intake()
    if own is not None:
        intake.policy = intake.policy.model_copy(update={"mail": own})
    return await intake.admit(body, send["content_type"])


@pytest.mark.parametrize("variant", of_machines(), ids=lambda variant: variant["name"])
@pytest.mark.parametrize("own", [None, OURS], ids=["nobody-is-ours", "ours"])
async def test_no_machine_is_worked_or_answered(variant: dict[str, Any], own: MailRules | None) -> None:
    case = (await admitted(variant, own=own)).case
    assert case.machine is not None, "closed without a letter: tests/workflows/test_machines.py"


async def test_the_first_mail_of_the_loop_is_a_customer_s() -> None:
    for variant in variants("mail-01-out-of-office").values():
        if variant["expect"]["right"] == ["rejected with a letter"]:
            stored = await admitted(variant)
            assert (stored.case.machine, stored.case.skip_to_human) == (None, None)
            return
    pytest.fail("no variant of that case is right with a letter: the folder has another one under its name")


@pytest.mark.parametrize("own", [None, OURS], ids=["nobody-is-ours", "ours"])
async def test_a_form_s_mail_is_worked_as_the_customer_s(own: MailRules | None) -> None:
    stored = await admitted(variants("mail-04-own-address")["mail2/reply-to-contact-form"], own=own)
    assert stored.sender_email == "cust30060@fieldmail.example"
    assert (stored.case.machine, stored.case.skip_to_human) == (None, None)


async def test_a_colleague_gets_no_letter_for_a_customer_s_mail() -> None:
    variant = variants("mail-04-own-address")["mail2/forwarded-by-colleague"]
    ours = await admitted(variant, own=OURS)
    said = ours.case.skip_to_human or ""
    assert said.startswith("forwarded by a colleague; it may be from [EMAIL_")
    assert ours.vault[said.rpartition(" ")[2]] == "cust30061@fieldmail.example"
    assert ours.sender_email is None
    unnamed = await admitted(variant)  # the blueprint does not say who is ours: the flag keeps the letter back
    assert "forwarded" in unnamed.case.flags


async def test_a_customer_named_by_id_gets_the_letter(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {
        c["customer_id"]: c["email"] for c in json.loads((FIELD / "records" / "customers.json").read_text("utf-8"))
    }
    monkeypatch.setattr(store.records, "address_of", lambda *, tenant, customer_id: known.get(customer_id))
    kept: list[Reply | None] = []
    monkeypatch.setattr(store.cases, "close", lambda ended, reply: (kept.append(reply), ended)[1])
    for variant in variants("mail-15-nobody-to-write-to").values():
        stored = await admitted(variant)
        store.cases.admit([stored])
        close = CloseActivities(store.cases, store.ledger, LETTERS, store.records, clock)
        ending = outcome().model_copy(update={"case_id": stored.case.case_id, "closed_at": NOW})
        letter = RefundDenied(rule=Rule.NOT_LATE)
        ActivityEnvironment().run(close.close_case, CloseRequest(outcome=ending, letter=letter))
    assert [reply.to for reply in kept if reply] == ["cust30001@fieldmail.example"]
