"""Mail of machines without headers is known by its words, in many languages; a person's words are never sure."""

import time

import pytest

from domain.case import Machine
from domain.writers.machine_words import MachineWords
from tests.fakes.blueprint import WORDS

SIGNS = MachineWords(WORDS.mail)
TEXT = "The lamp that you sent is broken."


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Your message to us",
        "AUTOMATIC REPLY: Re: Lamp",
        "Auto-Reply: lamp",
        "Out of Office: Re: Lamp",
        "Out of the office",
        "Automatische Antwort: Ihre Lampe",
        "Abwesenheitsnotiz: Re: Lampe",
        "Réponse automatique : votre lampe",
        "Respuesta automática: su lámpara",
        "Risposta automatica: la lampada",
        "Automatisch antwoord: uw lamp",
        "Resposta automática: a lâmpada",
        "Autosvar: lampen",
        "Automatiskt svar: lampan",
        "Automatyczna odpowiedź: lampa",
        "Automaattinen vastaus: lamppu",
        "Automatická odpověď: lampa",
        "Otomatik yanıt: lamba",
        "Автоматический ответ: лампа",
        "自動応答: ランプ",
        "自动答复：台灯",
    ],
)
def test_an_automatic_answer_is_known_by_its_subject(subject: str) -> None:
    found = SIGNS.verdict(subject, TEXT)
    assert found is not None
    assert (found.machine, found.sure) == (Machine.AUTO_REPLY, False)


@pytest.mark.parametrize(
    ("subject", "text", "machine"),
    [
        (
            "Undelivered Mail Returned to Sender",
            "This is the mail system at host mx.example.\n\nI'm sorry.",
            Machine.BOUNCE,
        ),
        ("failure notice", "Hi. This is the qmail-send program at mx.example.\nI'm afraid", Machine.BOUNCE),
        ("Undeliverable: Your lamp", "Delivery has failed to these recipients or groups:\nann", Machine.BOUNCE),
        ("Mail delivery failed: returning", "This message was created automatically by mail delivery", Machine.BOUNCE),
        ("Unzustellbar: Ihre Lampe", "Fehler bei der Nachrichtenzustellung an folgende Empfänger", Machine.BOUNCE),
        ("Undeliverable: lamp", "", Machine.BOUNCE),
        ("Read: Your lamp", "Your message\n\nTo: Lamps\n\nwas read on Monday", Machine.RECEIPT),
        ("Gelesen: Ihre Lampe", "Ihre Nachricht\nwurde am Montag gelesen", Machine.RECEIPT),
        ("Not read: Your lamp", "Your message was deleted without being read", Machine.RECEIPT),
    ],
)
def test_reports_and_receipts_are_known_by_subject_and_text(subject: str, text: str, machine: Machine) -> None:
    found = SIGNS.verdict(subject, text)
    assert found is not None
    assert (found.machine, found.sure) == (machine, False)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Undeliverable: my parcel came back again", TEXT),
        ("Delivery failed", "The courier says nobody was at home."),
        ("Delivered", TEXT),
        ("Read: your terms are wrong", TEXT),
        ("Re: Automatic reply: Lamp", TEXT),
        ("Automatic replying machine for sale", TEXT),
        ("The automatic reply says nothing", TEXT),
        ("My lamp", "I got this: Hi. This is the qmail-send program"),
        ("Lamp", "Your message did not help me."),
        ("Undelivered goods", f"{TEXT}\n" * 10 + "This is the mail system at host"),
        ("Offline since you were out of office", TEXT),
        ("", ""),
    ],
)
def test_what_people_write_is_theirs(subject: str, text: str) -> None:
    assert SIGNS.verdict(subject, text) is None


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Fwd: Lamp", TEXT),
        ("FW: Lamp", TEXT),
        ("[Fwd: Lamp]", TEXT),
        ("WG: Lampe", TEXT),
        ("TR : lampe", TEXT),
        ("Lamp", "See below.\n\n---------- Forwarded message ---------\nFrom: Ann"),
        ("Lamp", "Begin forwarded message:\n\nFrom: Ann"),
        ("Lamp", "-----Original Message-----\nFrom: Ann"),
    ],
)
def test_what_was_handed_on_is_known(subject: str, text: str) -> None:
    assert SIGNS.is_forwarded(subject, text)


@pytest.mark.parametrize("subject", ["Lamp", "Re: Fwd: Lamp", "Forwarding address", "Vs the other lamp", "I am angry"])
def test_what_is_nobody_else_s_is_not(subject: str) -> None:
    assert not SIGNS.is_forwarded(subject, f"{TEXT}\nYour agent forwarded message after message.")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("For you [EMAIL_1]\n\nFrom: [NAME_1] <[EMAIL_2]>\nTo: [EMAIL_1]\n\nBroken", "[EMAIL_2]"),
        ("> *From:* [EMAIL_3]\n> Broken", "[EMAIL_3]"),
        ("Von: [EMAIL_4]\nAn: [EMAIL_1]", "[EMAIL_4]"),
        ("Name: [NAME_1]\nE-mail: [EMAIL_1]\nMessage: broken", "[EMAIL_1]"),
        ("From: Ann Bell\n\nBroken", None),
        ("", None),
    ],
)
def test_the_hint_is_a_token_never_an_address(text: str, hint: str | None) -> None:
    assert SIGNS.forwarded_from(text) == hint


def test_hostile_texts_are_read_in_no_time() -> None:
    began = time.monotonic()
    for hostile in (
        "-" * 200_000,
        "\n" * 200_000,
        "From: " * 40_000,
        "> " * 100_000,
        "[EMAIL_1] \n" * 20_000,
        "a " * 99_999,
    ):
        SIGNS.verdict(hostile, hostile)
        SIGNS.is_forwarded(hostile, hostile)
        SIGNS.forwarded_from(hostile)
    assert time.monotonic() - began < 2


# --- answers of machines that only their text gives away ---

AWAY = [
    "I am out of the office until 7 December and answer when I return. For urgent matters contact my colleague Bob.",
    "Hello,\n\nthank you for your message. I'm currently on annual leave.\n\nBest\n[NAME_1]",
    "Thank you for contacting us. A ticket has been created. Your reference: 8812.",
    "Hello, your request has been forwarded to our team. Your reference: 3.",
    "We have received your message and will get back to you within two days.",
    "Guten Tag,\n\nich bin bis 7. Dezember nicht im Büro und antworte danach.",
    "Vielen Dank für Ihre Nachricht. Vom 3. bis 7. Dezember bin ich im Urlaub.",
    "Ihre Anfrage wurde unter der Nummer 123 registriert.",
    "Bonjour,\nje suis actuellement absente du bureau jusqu'au 7 décembre 2026.",
    "Nous avons bien reçu votre demande.",
    "Estaré fuera de la oficina hasta el 7 de diciembre.",
    "Hemos recibido su solicitud. Le responderemos pronto.",
    "Buongiorno, sono fuori ufficio fino al 7 dicembre.",
    "Estou de férias até 7 de dezembro.",
    "Ik ben tot 7 december niet op kantoor.",
    "Jestem na urlopie do 7 grudnia.",
    "Jag är på semester till den 7 december.",
]


@pytest.mark.parametrize("text", AWAY)
def test_a_short_answer_that_says_a_machine_wrote_it_is_sure(text: str) -> None:
    """It answers a letter of ours: it gets none, and it is no lead."""
    found = SIGNS.verdict("Re: Your order", text, answers=True)
    assert found is not None
    assert (found.machine, found.sure) == (Machine.AUTO_REPLY, True)


@pytest.mark.parametrize("text", AWAY)
def test_that_answers_nothing_it_is_not(text: str) -> None:
    found = SIGNS.verdict("Your order", text)
    assert found is not None
    assert not found.sure


def test_ticket_systems_put_the_number_before_their_subject() -> None:
    found = SIGNS.verdict("[Ticket #8812] We have received your request", AWAY[2])
    assert found is not None
    assert found.sure


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office until 7 December. Where is my parcel?",
        "I am on leave until Monday, please refund the lamp.",
        "Ich bin bis Montag im Urlaub, bitte erstatten Sie mir das Geld.",
    ],
)
def test_whoever_is_away_and_wants_something_is_looked_at_by_a_person(text: str) -> None:
    found = SIGNS.verdict("Re: Your order", text, answers=True)
    assert found is not None
    assert not found.sure


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office until 7 December, the number is ORD-10095.",
        "I'm on vacation until Monday. My order number: 31070",
        "I am on leave until Friday and paid $20 for it.",
        "I am out of the office until 7 December. " + "My lamp fell from the wall while I was packing. " * 14,
        "My lamp broke while I was on holiday. I am out of the office until 7 December." + " It is bad." * 9,
        "The parcel came while I was out of the office, so nobody took it in.",
        "It was on my holiday that the lamp broke.\nI am out of the office until 7 December.",
        "I am out of order numbers to try",
        "",
    ],
)
def test_whoever_goes_on_to_their_matter_is_a_person(text: str) -> None:
    assert SIGNS.verdict("Re: Your order", text, answers=True) is None


def test_a_text_against_the_words_takes_no_time() -> None:
    began = time.perf_counter()
    SIGNS.verdict("x", "I am out " * 60, answers=True)
    SIGNS.verdict("[" * 300, "Ich bin " + "nicht " * 90, answers=True)
    assert time.perf_counter() - began < 0.5
