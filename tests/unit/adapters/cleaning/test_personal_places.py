"""Addresses of people, streets and machines, and dates of birth become tokens; what a case needs stays readable."""

import time

import pytest

from adapters.cleaning.cleaner import DocumentCleaner
from domain.inbound.cleaned import restore
from tests.fakes.blueprint import WORDS

CLEANER = DocumentCleaner(WORDS.mail)


def cleaned(text: str, subject: str = "") -> tuple[str, str]:
    document = CLEANER.clean(subject=subject, text=text, html=None, lang=None)
    assert restore(document.text, document.vault).split() == text.split()
    return document.subject, document.text


@pytest.mark.parametrize("end", [".", "...", "!", "?", ")", ",", ";", ":", ". Thanks", ".\nThanks", "'s", '"', ">"])
@pytest.mark.parametrize(
    "address", ["ann@shop.example", "a.b+c@mail.shop.co.uk", "a@xn--80ak6aa92e.xn--p1ai", "жук@почта.рф"]
)
def test_an_address_is_found_whatever_stands_behind_it(address: str, end: str) -> None:
    subject, text = cleaned(f"Write to {address}{end}", subject=f"Write to {address}{end}")
    assert "@" not in text
    assert "@" not in subject
    assert text.startswith("Write to [EMAIL_1]")


@pytest.mark.parametrize(
    "street",
    [
        "12 Baker Street", "4100 N. Fairfax Dr, Suite 400", "1 Long Acre Road, Flat 12", "Hauptstraße 5",
        "Berliner Straße 12 a",
        "Am Markt Platz 3", "12 rue de la Paix", "8 bis, avenue Victor Hugo", "3 impasse des Lilas", "Calle Mayor 5",
        "C/ Gran Vía, 12",
        "Avenida de América nº 12", "Rua das Flores, 123", "Via dei Fiorentini 17", "Piazza San Marco 1",
        "Kerkstraat 12", "ul. Długa 5/7",
        "Storgatan 5", "ул. Ленина, д. 5, кв. 12", "P.O. Box 186", "Postfach 12 34 56", "PSC 5420, Box 2708",
    ],
)  # fmt: skip
def test_a_street_with_its_number_is_a_token(street: str) -> None:
    _, text = cleaned(f"Please send it to {street}\nThank you")
    assert text == "Please send it to [ADDRESS_1]\nThank you"


@pytest.mark.parametrize(
    "born",
    [
        "DOB: 03/05/1980", "date of birth 1980-05-03", "I was born on 3 May 1980", "born May 3, 1980",
        "geboren am 03.05.1980",
        "Geburtsdatum: 3. Mai 1980", "née le 3 mai 1980", "date de naissance : 03/05/1980",
        "nacido el 3 de mayo de 1980",
        "data di nascita: 03/05/1980", "geboortedatum 3-5-1980", "data urodzenia: 03.05.1980",
        "дата рождения: 03.05.1980",
    ],
)  # fmt: skip
def test_a_date_that_is_called_a_birth_is_a_token(born: str) -> None:
    _, text = cleaned(f"For the check: {born}.")
    assert "[BORN_1]" in text
    assert "80" not in text


@pytest.mark.parametrize(
    "host", ["203.0.113.7", "84.12.200.7", "2001:db8::8a2e:370:7334", "fe80:0:0:0:204:61ff:fe9d:f156"]
)
def test_an_address_of_a_machine_is_a_token(host: str) -> None:
    assert cleaned(f"I log in from {host}.")[1] == "I log in from [IP_1]."


@pytest.mark.parametrize(
    "text",
    [
        "Firmware 1.2.3.4 does not start, 4.19.2.1 did.",
        "The app version 119.0.200.105 shows nothing.",
        "My IP camera broke at 12:30:45, model 10:20:30.",
        "Order 1.2.3.4 of 3.5.2026 was delivered on 2026-05-03.",
        "Ordered on 3 May 2026, due 12.05.2026, 2 x Lamp 5 at 37,25 EUR",
        "I paid via PayPal 20 EUR and Via Klarna 20 USD.",
        "I want 2 place mats and 3 long lanes of lamps, item 12.",
        "Order 2211-77 and ORD-10023, invoice 2026/0503, tracking 1Z999AA10123456784",
        "The lamp of Calle 5 EUR, Plaza 20 USD",
        "10 in a box 5, box 12",
        "The printer has the IP 192.168.1.10, the router 10.0.0.138",
        "MAC 00:1a:2b:3c:4d:5e",
    ],
)
def test_numbers_that_a_case_needs_stay(text: str) -> None:
    assert cleaned(text)[1] == text


@pytest.mark.parametrize(
    "text",
    [
        "a@" + "b." * 50_000,
        "1 A" + "a " * 50_000,
        "1.2." * 50_000,
        "1:" * 50_000,
        "born " * 20_000,
        "Calle A " * 20_000,
    ],
)
def test_the_time_grows_with_the_text_only(text: str) -> None:
    def took(part: str) -> float:
        began = time.process_time()
        CLEANER.clean(subject="", text=part, html=None, lang="en")
        return time.process_time() - began

    assert took(text) < 30 * max(took(text[: len(text) // 10]), 0.02)
