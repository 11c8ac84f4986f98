"""Letters go to who wrote, never to a machine or to ourselves; who cannot be told is a person's question."""

import pytest

from domain.case import Machine
from domain.inbound.webhook import Inbound
from domain.writers.machine_words import MachineWords
from domain.writers.writer import Writer, writer_of
from tests.fakes.blueprint import WORDS

SIGNS = MachineWords(WORDS.mail)
OWN = ("*@lamps.example",)
FORWARDED = "Please look.\n\n---------- Forwarded message ---------\nFrom: [EMAIL_2]\n\nMy lamp is broken."


def wrote(text: str = "My lamp is broken.", **fields: object) -> Writer:
    return writer_of(Inbound.model_validate({"text": text, **fields}), text, words=SIGNS, own=OWN)


def test_a_person_s_message_is_theirs() -> None:
    assert wrote(customer_email="ann@home.example") == Writer("ann@home.example")
    assert wrote(customer_id="ann@home.example") == Writer("ann@home.example")
    assert wrote(customer_id="C-1") == Writer()
    assert wrote() == Writer()


def test_an_unreadable_sender_of_a_mail_is_nobody_yet_but_the_case_is_worked() -> None:
    assert wrote(channel="email", email=True) == Writer()


@pytest.mark.parametrize("machine", list(Machine))
def test_a_machine_for_sure_is_closed(machine: Machine) -> None:
    found = wrote(customer_email="ann@home.example", machine=machine, machine_sign="X-Sign")
    assert (found.machine, found.for_person, found.notes) == (machine, None, ("written by a machine: X-Sign",))


@pytest.mark.parametrize("machine", list(Machine))
def test_a_doubtful_machine_goes_to_a_person(machine: Machine) -> None:
    found = wrote(customer_email="ann@home.example", machine=machine, machine_sure=False, machine_sign="X-Sign")
    assert found.machine is None
    assert found.for_person == "it may be written by a machine (X-Sign): nothing was answered"


def test_an_automatic_subject_alone_is_a_doubt_and_with_a_doubtful_header_is_none() -> None:
    away = {"subject": "Automatic reply: Lamp", "customer_email": "ann@home.example"}
    assert wrote(**away).machine is None
    assert "subject" in str(wrote(**away).for_person)
    doubtful = {"machine": Machine.AUTO_REPLY, "machine_sure": False, "machine_sign": "X-Auto-Response-Suppress"}
    assert wrote(**away, **doubtful).machine is Machine.AUTO_REPLY
    assert wrote(**away, **{**doubtful, "machine": Machine.LIST}).for_person is not None


def test_a_mail_server_that_no_header_names_is_none_s_customer() -> None:
    found = wrote(customer_email="Mailer-Daemon@mx.example")
    assert (found.address, found.machine) == (None, Machine.BOUNCE)


def test_a_colleague_who_forwards_gets_no_letter_and_a_person_gets_a_hint() -> None:
    found = wrote(FORWARDED, customer_email="sam@lamps.example")
    assert found == Writer(for_person="forwarded by a colleague; it may be from [EMAIL_2]", forwarded=True)
    from_mail = wrote(FORWARDED, email=True, from_address="sam@lamps.example")
    assert from_mail == found


def test_a_form_that_names_nobody_goes_to_a_person_with_what_it_says() -> None:
    found = wrote("E-mail: [EMAIL_1]\nMy lamp is broken.", from_address="www@lamps.example")
    assert found.for_person == "sent from one of our own addresses; it may be from [EMAIL_1]"
    found = wrote("My lamp is broken.", from_address="no-reply@forms.example")
    assert found.for_person == "sent from an address that takes no answers"


def test_a_form_with_an_answer_address_is_worked_as_that_person_s() -> None:
    assert wrote(customer_email="ann@home.example", from_address="www@lamps.example") == Writer("ann@home.example")
    strange = wrote(customer_email="ann@home.example", from_address="no-reply@evil.example")
    assert strange == Writer("ann@home.example", vouched=False)


def test_a_customer_named_by_id_needs_no_address_that_takes_letters() -> None:
    assert wrote(customer_id="C-1", customer_email="no-reply@shop.example") == Writer()
    assert wrote(customer_id="C-1", customer_email="desk@lamps.example") == Writer()


def test_a_customer_who_forwards_is_the_sender() -> None:
    found = wrote(FORWARDED, customer_email="ann@home.example")
    hint = "it was forwarded; what was forwarded may be from [EMAIL_2]"
    assert found == Writer("ann@home.example", forwarded=True, notes=(hint,))


def test_who_asks_for_something_under_an_automatic_subject_is_looked_at_by_a_person() -> None:
    """Ordinary mail through Exchange has the header, and "Absence" begins more subjects than those of machines."""
    doubtful = {"machine": Machine.AUTO_REPLY, "machine_sure": False, "machine_sign": "X-Auto-Response-Suppress"}
    absence = {"subject": "Absence : mon colis", "customer_email": "ann@home.example", **doubtful}
    assert wrote("Ma commande est perdue, remboursez-moi.", **absence).machine is None
    assert wrote("Où est ma commande ?", **absence).machine is None
    assert wrote("Je suis absente.", **absence).machine is Machine.AUTO_REPLY


def test_a_sign_without_a_name_is_not_named() -> None:
    found = wrote(customer_email="ann@home.example", machine=Machine.AUTO_REPLY, machine_sure=True, machine_sign="")
    assert found.notes == ("written by a machine",)
