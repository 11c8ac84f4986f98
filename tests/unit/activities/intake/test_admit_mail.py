"""What is let in of mail: a person's is worked, a machine's is closed, and what nobody can tell goes to a person."""

import pytest

from domain.case import FORWARDED, SENT_FOR_ANOTHER, CaseInput, Machine
from domain.mail.addresses import MailRules
from ports.store import StoredCase
from tests.unit.activities.intake.test_admit import Intake

MAIL = "message/rfc822"
OWN = MailRules(own=("*@lamps.example",))
BROKEN = "\n\nMy lamp of order ORD-7 is broken, please refund it."


@pytest.fixture
def intake() -> Intake:
    made = Intake()
    made.policy = made.policy.model_copy(update={"mail": OWN})
    return made


async def admitted(intake: Intake, head: str, body: str = BROKEN) -> StoredCase:
    return await intake.admit(f"{head}{body}".encode(), MAIL)


async def test_a_machine_s_mail_is_started_as_one_and_no_person_is_asked(intake: Intake) -> None:
    stored = await admitted(intake, "From: Ann <ann@home.example>\nAuto-Submitted: auto-replied\nSubject: Refund ORD-7")
    case = intake.store.started[stored.case.case_id]
    assert (case.machine, case.skip_to_human) == (Machine.AUTO_REPLY, None)
    assert case.notes == ["written by a machine: Auto-Submitted: auto-replied"]
    assert case.policy.mail == OWN


async def test_an_empty_report_is_a_machine_s_too(intake: Intake) -> None:
    stored = await admitted(intake, "From: MAILER-DAEMON@mx.example", "\n\n")
    assert (stored.case.machine, stored.case.skip_to_human, stored.sender_email) == (Machine.BOUNCE, None, None)


async def test_a_report_names_the_case_that_it_speaks_of(intake: Intake) -> None:
    stored = await admitted(intake, "From: MAILER-DAEMON@mx.example", "\n\nX-Headgate-Case: case/shop/e7\n")
    assert stored.case.about_case == "case/shop/e7"
    stored = await admitted(Intake(), "From: ann@home.example", "\n\nX-Headgate-Case: case/shop/e7\n")
    assert stored.case.about_case is None


async def test_a_doubtful_mail_waits_for_a_person(intake: Intake) -> None:
    stored = await admitted(intake, "From: ann@home.example\nPrecedence: bulk")
    assert stored.case.machine is None
    assert stored.case.skip_to_human == "it may be written by a machine (Precedence): nothing was answered"
    assert stored.sender_email == "ann@home.example", "a person who answers it knows where to"


async def test_a_colleague_who_forwards_is_not_the_customer(intake: Intake) -> None:
    body = "\n\nPlease.\n\n---------- Forwarded message ---------\nFrom: Ann <ann@home.example>\n" + BROKEN
    stored = await admitted(intake, "From: Sam <sam@lamps.example>\nSubject: Fwd: lamp", body)
    said = stored.case.skip_to_human or ""
    assert said.startswith("forwarded by a colleague; it may be from [EMAIL_")
    assert stored.vault[said.rpartition(" ")[2]] == "ann@home.example"
    assert stored.sender_email is None
    assert FORWARDED in stored.case.flags
    assert SENT_FOR_ANOTHER not in stored.case.flags, "for whom it was sent nobody knows"
    assert "ann@home.example" not in stored.case.model_dump_json()


async def test_a_form_s_mail_is_from_whom_it_names(intake: Intake) -> None:
    stored = await admitted(intake, "From: www@lamps.example\nReply-To: Ann <ann@home.example>")
    assert (stored.sender_email, stored.sender_name, stored.case.skip_to_human) == ("ann@home.example", "Ann", None)
    assert stored.case.flags == [SENT_FOR_ANOTHER]


async def test_a_customer_who_forwards_our_mail_is_the_sender(intake: Intake) -> None:
    stored = await admitted(intake, "From: ann@home.example\nSubject: Fwd: your letter")
    assert (stored.sender_email, stored.case.skip_to_human) == ("ann@home.example", None)
    assert FORWARDED in stored.case.flags


@pytest.mark.parametrize("email", ["no-reply@home.example", "desk@lamps.example", "ann@-.example", "ann@a..example"])
async def test_an_address_that_takes_no_letters_is_not_kept_as_the_sender_s(intake: Intake, email: str) -> None:
    stored = await intake.admit(b'{"text": "broken", "customer": {"id": "C-1", "email": "%s"}}' % email.encode())
    assert (stored.sender_email, stored.case.customer_id, stored.case.skip_to_human) == (None, "C-1", None)


def test_a_case_of_an_older_version_is_no_machine_s() -> None:
    old = {"case_id": "case/shop/e1", "source": "shop", "text": "x", "received_at": "2026-01-01T00:00:00Z"}
    case = CaseInput.model_validate({**old, "policy": {"version": "v@1"}})
    assert (case.machine, case.about_case, case.policy.mail) == (None, None, MailRules())
