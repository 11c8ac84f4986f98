"""Facts of a lead, what may not go out in a letter, and the schemas that answers must fit."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from domain.reading.answers import (
    ClaimAnswer,
    DiagnosisAnswer,
    LeadAnswer,
    ReplyAnswer,
    RouteAnswer,
    lead_from_answer,
    route_schema,
    strict_schema,
)
from domain.reading.letter_rules import leads_elsewhere, objections_to_reply, restore_harmless
from domain.reading.sales import Interest

# --- leads, letters, schemas ---


def test_facts_of_a_lead_count_only_if_the_message_holds_them() -> None:
    invented = LeadAnswer(
        interest=Interest.QUOTE, product="Gold plan", seats=500, country="Germany", urgent=True, company="Acme"
    )
    facts = lead_from_answer(invented, text="how much is the basic plan for 5 people?")
    assert (facts.product, facts.seats, facts.country, facts.company) == (None, None, None, None)
    proven = LeadAnswer(
        interest=Interest.QUOTE, product="Pro  plan", seats=1200, country="de", urgent=False, company="ACME"
    )
    facts = lead_from_answer(proven, text="Acme wants the Pro plan for 1.200 people")
    assert (facts.product, facts.seats, facts.country, facts.company) == ("Pro plan", 1200, "DE", "ACME")


@pytest.mark.parametrize(
    "text",
    [
        "See https://evil.example/x",
        "Go to www.evil.example",
        "Visit evil.com today",
        "[click](evil)",
        "See bit.ly/3xYz for your refund",
        "Verify at paypal.support/login",
        "t.me/helpdesk",
        "Go to evil.click now",
        "Open _evil.click_ or ...evil.support.",
        "Open EVIL．Click",
        "Open xn--e1afmkfd.xn--p1ai",
        "Öffnen Sie bücher.zip",
        "evil.click.pdf",
        "Thanks for ORD-1.Next",
        "Write to a@b.example",
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000",
        "It costs $99.",
        "It costs 99 EUR",
        "You get 20% off",
        "Call 030 1234 5678 9",
        "<script>alert(1)</script>",
        "<a href=x>here</a>",
    ],
)
def test_a_letter_with_links_accounts_or_new_figures_may_not_go_out(text: str) -> None:
    assert objections_to_reply(text, on_file="I would like 25 seats of the Pro plan.")


def test_an_amount_or_percentage_that_the_sender_named_may_be_repeated_but_not_a_link() -> None:
    on_file = "Your offer of $99 with 20 % off at https://shop.example"
    assert objections_to_reply("You ask about $99 and 20% off.", on_file=on_file) == []
    assert objections_to_reply("You ask about https://shop.example", on_file=on_file) == ["a link"]


def test_an_ordinary_letter_may_go_out() -> None:
    letter = "Hello,\n\nthank you. Ines (EMEA, 2nd team) will get in touch about 25 seats.\n\nKind regards\nSales"
    assert objections_to_reply(letter, on_file="25 seats") == []


@pytest.mark.parametrize(
    "text",
    [
        "Accessories, e.g. lamps, i.e. what is z.B. or d.h. or p.ej. in stock...",
        "It weighs 1.5 kg and 2.50 m, by 9 a.m. in the U.S. (No.4), version 3.10.2",
        "Please send invoice.pdf, orders.csv or Report_2.XLSX",
        "ORD-1. Next we look at it.",
        "c.à.d. tout de suite, vs.Z",
    ],
)
def test_abbreviations_figures_and_file_names_are_no_links(text: str) -> None:
    assert objections_to_reply(text, on_file=text) == []


def test_no_article_of_the_blueprint_would_be_taken_for_a_link() -> None:
    articles = json.loads((Path(__file__).parents[4] / "blueprints/default/knowledge.json").read_text("utf-8"))
    for words in (json.dumps(article, ensure_ascii=False) for article in articles):
        assert not leads_elsewhere(words), words


@pytest.mark.parametrize(
    "subject",
    [
        "Log in at paypal。com",
        "Log in at paypal｡com",
        "Log in at paypal․com",
        "Log in at paypal．com",
        "Log in at 1.2.3.4/login",
        "Log in at 192.168.0.1",
        "tel:0900123456",
        "TEL:+49900123456",
        "Call 0900123456 now",
        "Call 030 1234 5678",
        "Call +49 (30) 123456-78",
        "Call 0049 30 12345678",
        "Call (800) 555-0199",
        "Call 1-800-555-0199",
        "Appelez le 06 12 34 56 78",
        "Pay to DE89 3704 0044 0532 0130 00",
        "Pay to BE68 5390 0754 7034 TODAY",
        "Pay to DE89370400440532013000",
    ],
)
def test_a_subject_with_a_disguised_address_a_telephone_or_an_account_number_leads_elsewhere(subject: str) -> None:
    assert leads_elsewhere(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "Refund for ORD-10067",
        "Order 1234567890 and invoice 2026-000123",
        "Order 302-1234567-1234567",
        "Parcel RR123456785DE, 1Z999AA10123456784 or 00340434161094042557",
        "Charged 4,150.00 USD on 01/02/2026, 4.150,00 EUR on 15.06.2026",
        "On 06-15-2026 12:00 or 2026-06-15 09:30",
        "Firmware 3.10.2, amount 1.234.567.890",
        "注文について。ORD-10067。よろしくお願いします。",
        "[NAME_1] asks",
    ],
)
def test_orders_parcels_dates_and_amounts_do_not_lead_elsewhere(subject: str) -> None:
    assert not leads_elsewhere(subject)


@pytest.mark.parametrize(
    ("text", "vault"),
    [
        ("Re: [NAME_1]", {"[NAME_1]": "www.evil.example"}),
        ("Dear [NAME_1],", {"[NAME_1]": "https://evil.example/pay"}),
        ("Dear [NAME_1],", {"[NAME_1]": "Ann, see https://evil.example/pay"}),
        ("Dear [NAME_1].[NAME_2]!", {"[NAME_1]": "Paypal", "[NAME_2]": "Com"}),
        ("Dear www.[NAME_1]", {"[NAME_1]": "Evil"}),
        ("Write to [EMAIL_1].", {"[EMAIL_1]": "help@evil.example"}),
        ("Call [PHONE_1]", {"[PHONE_1]": "0900123456"}),
        ("[EMAIL_9] is unknown", {}),
    ],
)
def test_a_value_that_leads_elsewhere_stays_a_token(text: str, vault: dict[str, str]) -> None:
    assert restore_harmless(text, vault, own="ann@example.com") == text


def test_names_and_the_address_that_the_letter_goes_to_are_put_back() -> None:
    vault = {"[NAME_1]": "Ann B. Lee", "[EMAIL_1]": "Ann@example.com", "[NAME_2]": "[EMAIL_1]"}
    text = "Dear [NAME_1],\n\nsee https://shop.example, ([EMAIL_1]).\n[NAME_2]  Bye"
    restored = "Dear Ann B. Lee,\n\nsee https://shop.example, (Ann@example.com).\n[NAME_2]  Bye"
    assert restore_harmless(text, vault, own="ann@example.com") == restored


@pytest.mark.parametrize("schema", [RouteAnswer, ClaimAnswer, DiagnosisAnswer, LeadAnswer, ReplyAnswer])
def test_schemas_are_strict_all_the_way_down(schema: type[BaseModel]) -> None:
    def check(node: dict[str, object]) -> None:
        assert not {"$ref", "$defs", "default", "title", "minLength", "maximum"} & node.keys()
        if node.get("type") == "object":
            properties = node["properties"]
            assert isinstance(properties, dict)
            assert node["additionalProperties"] is False
            assert node["required"] == list(properties)
            for inner in properties.values():
                check(inner)
        for inner in node.get("anyOf", []):  # type: ignore[attr-defined]
            check(inner)

    check(strict_schema(schema))


def test_the_schema_of_a_route_lists_the_categories_in_the_order_given() -> None:
    assert route_schema(["Sales", "Billing"])["properties"]["route"]["enum"] == ["Sales", "Billing"]


def test_answers_take_no_further_fields_and_no_confidence_outside_its_range() -> None:
    with pytest.raises(ValidationError):
        RouteAnswer.model_validate({"route": "Billing", "refund": True})
    for confidence in (float("nan"), 1.01, -0.1, float("inf")):
        with pytest.raises(ValidationError):
            DiagnosisAnswer(article_id=None, cause="", steps=[], confidence=confidence)
