"""Mail of machines is known by its headers; what a person may have written is never lost by it."""

import time

import pytest

from domain.case import Machine
from domain.inbound.machine import MachineVerdict, machine_of

OWN = ("help@lamps.example", "*@desk.lamps.example")
ANN = ("From", "Ann Bell <ann@home.example>")
BUYER = ("Reply-To", "Bo Buyer <bo@home.example>")
SHOP_FORM = ("From", "Lamps <wordpress@lamps.example>")


def verdict(*headers: tuple[str, str], own: tuple[str, ...] = OWN) -> MachineVerdict | None:
    return machine_of(headers, own=own)


def known(*headers: tuple[str, str]) -> tuple[Machine, bool] | None:
    found = verdict(*headers)
    return (found.machine, found.sure) if found else None


@pytest.mark.parametrize(
    "headers",
    [
        [ANN],
        [ANN, ("Auto-Submitted", "no")],
        [ANN, ("Auto-Submitted", "No (sent by a person)")],
        [ANN, ("X-Auto-Response-Suppress", "OOF")],
        [ANN, ("X-Auto-Response-Suppress", "DR, RN, NRN, OOF")],
        [ANN, ("Precedence", "first-class"), ("X-Priority", "1"), ("X-Mailer", "auto_reply of my own")],
        [ANN, ("X-Autoreply", "no"), ("X-FC-MachineGenerated", "false")],
        [ANN, ("Return-Path", "<ann@home.example>")],
        [ANN, ("Content-Type", "multipart/mixed; report-type=delivery-status")],
        [ANN, ("Subject", "Auto-Submitted: auto-replied")],
        [ANN, ("Content-Type", "text/plain; charset=utf-8")],
        [],
    ],
)
def test_a_person_s_mail_is_a_person_s(headers: list[tuple[str, str]]) -> None:
    assert verdict(*headers) is None


@pytest.mark.parametrize(
    ("headers", "machine"),
    [
        ([ANN, ("Auto-Submitted", "auto-replied")], Machine.AUTO_REPLY),
        ([ANN, ("auto-submitted", "AUTO-REPLIED (vacation)")], Machine.AUTO_REPLY),
        ([ANN, ("Auto-Submitted", "auto-notified; owner-email=a@b.example")], Machine.AUTO_REPLY),
        ([ANN, ("Auto-Submitted", "no"), ("Auto-Submitted", "auto-replied")], Machine.AUTO_REPLY),
        ([ANN, BUYER, ("Auto-Submitted", "auto-replied")], Machine.AUTO_REPLY),
        ([ANN, ("X-Autoreply", "yes")], Machine.AUTO_REPLY),
        ([ANN, ("X-Autorespond", "Away")], Machine.AUTO_REPLY),
        ([ANN, ("X-FC-MachineGenerated", "true")], Machine.AUTO_REPLY),
        ([ANN, ("Precedence", "Auto_Reply")], Machine.AUTO_REPLY),
        ([ANN, ("Delivered-To", "Autoresponder")], Machine.AUTO_REPLY),
        ([ANN, ("X-MS-Exchange-Generated-Message-Source", "Mailbox Rules Agent")], Machine.AUTO_REPLY),
        ([ANN, ("Return-Path", "<>"), ("Auto-Submitted", "auto-generated")], Machine.AUTO_REPLY),
        ([ANN, ("Content-Type", 'Multipart/Report; report-type="delivery-status"; boundary=x')], Machine.BOUNCE),
        (
            [ANN, ("Content-Type", "multipart/report; boundary=x; report-type=disposition-notification")],
            Machine.RECEIPT,
        ),
        ([ANN, ("Content-Type", "multipart/report; report-type=feedback-report")], Machine.BOUNCE),
        ([ANN, ("Content-Type", "multipart/report"), ("Return-Path", "<>")], Machine.BOUNCE),
        ([ANN, ("X-Failed-Recipients", "bo@home.example")], Machine.BOUNCE),
        ([("From", "Mail Delivery System <MAILER-DAEMON@mx.example>")], Machine.BOUNCE),
        ([("From", "MAILER-DAEMON@mx.example (Mail Delivery System)")], Machine.BOUNCE),
        ([("From", "mailer-daemon@mx.example"), ("Auto-Submitted", "auto-replied")], Machine.BOUNCE),
        ([("From", "postmaster@mx.example"), ("Return-Path", "<>")], Machine.BOUNCE),
        ([("From", "Deals <deals@promo.example>"), ("List-Unsubscribe", "<x>"), ("Precedence", "bulk")], Machine.LIST),
        (
            [("From", "deals@promo.example"), ("List-Unsubscribe", "<x>"), ("List-Id", "<d.promo.example>")],
            Machine.LIST,
        ),
        (
            [("From", "d@promo.example"), ("List-Unsubscribe", "<x>"), ("List-Unsubscribe-Post", "One-Click")],
            Machine.LIST,
        ),
        ([ANN, ("X-Headgate-Case", "case/shop/e1")], Machine.OWN),
        ([ANN, ("X-Loop", "<help@lamps.example>")], Machine.OWN),
        ([ANN, ("Content-Type", "text/calendar; method=REPLY; charset=utf-8")], Machine.CALENDAR),
    ],
)
def test_what_only_machines_say_is_sure(headers: list[tuple[str, str]], machine: Machine) -> None:
    assert known(*headers) == (machine, True)


@pytest.mark.parametrize(
    ("headers", "machine"),
    [
        ([ANN, ("Auto-Submitted", "auto-generated")], Machine.AUTO_REPLY),
        ([ANN, ("Auto-Submitted", "")], Machine.AUTO_REPLY),
        ([ANN, ("Auto-Submitted", "x-unheard-of")], Machine.AUTO_REPLY),
        ([ANN, ("X-Auto-Response-Suppress", "All")], Machine.AUTO_REPLY),
        ([ANN, ("X-Auto-Response-Suppress", "DR, AutoReply")], Machine.AUTO_REPLY),
        ([ANN, ("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")], Machine.AUTO_REPLY),
        ([ANN, ("Return-Path", "<>")], Machine.AUTO_REPLY),
        ([ANN, ("X-Loop", "ann@home.example")], Machine.AUTO_REPLY),
        ([ANN, ("Precedence", "bulk")], Machine.LIST),
        ([ANN, ("Precedence", "junk")], Machine.LIST),
        ([ANN, ("Precedence", "list"), ("List-Post", "<mailto:club@lists.example>")], Machine.LIST),
        (
            [ANN, ("List-Id", "Club <club.lists.example>"), ("List-Unsubscribe", "<x>"), ("List-Post", "NO")],
            Machine.LIST,
        ),
        ([ANN, ("List-Unsubscribe", "<https://mail.example/u>")], Machine.LIST),
        ([ANN, ("Mailing-List", "list club@lists.example")], Machine.LIST),
        ([("From", "postmaster@home.example")], Machine.BOUNCE),
        ([ANN, ("Content-Type", "multipart/report; boundary=x")], Machine.BOUNCE),
        ([ANN, ("Content-Type", "text/calendar; method=REQUEST")], Machine.CALENDAR),
        ([SHOP_FORM, BUYER, ("Auto-Submitted", "auto-generated"), ("Precedence", "bulk")], Machine.AUTO_REPLY),
        ([SHOP_FORM, BUYER, ("List-Unsubscribe", "<x>"), ("Precedence", "bulk")], Machine.LIST),
        ([SHOP_FORM, BUYER, ("Return-Path", "<>"), ("Precedence", "bulk")], Machine.AUTO_REPLY),
    ],
)
def test_what_may_be_a_person_s_mail_is_not_sure(headers: list[tuple[str, str]], machine: Machine) -> None:
    assert known(*headers) == (machine, False)


@pytest.mark.parametrize(
    "sender",
    ["wordpress@lamps.example", "no-reply@forms.example", "Help <help@lamps.example>", "market@market.example"],
)
def test_a_form_sends_for_the_person_who_filled_it_in(sender: str) -> None:
    assert verdict(("From", sender), BUYER, ("Auto-Submitted", "auto-generated")) is None


@pytest.mark.parametrize(
    "answer_to", ["help@lamps.example", "noreply@home.example", "mailer-daemon@home.example", "bell@home.example", "?"]
)
def test_a_generated_mail_whose_answers_go_to_no_other_person_is_not_a_form_s(answer_to: str) -> None:
    assert known(ANN, ("Reply-To", answer_to), ("Auto-Submitted", "auto-generated")) == (Machine.AUTO_REPLY, False)


@pytest.mark.parametrize(
    "group",
    [
        [("List-Post", "<mailto:help@lamps.example>"), ("List-Id", "<help.lamps.example>")],
        [("List-Id", "Help <help.lamps.example>")],
        [("List-Post", "<https://x>, <mailto:any@desk.lamps.example>")],
    ],
)
def test_a_group_before_our_own_mailbox_hands_on_what_people_write(group: list[tuple[str, str]]) -> None:
    through = [ANN, *group, ("Precedence", "list"), ("List-Unsubscribe", "<x>"), ("Mailing-list", "list help")]
    assert verdict(*through) is None
    assert verdict(*through, own=()) is not None
    assert known(*through, ("Auto-Submitted", "auto-replied")) == (Machine.AUTO_REPLY, True)


def test_the_sign_names_what_was_found_and_no_person() -> None:
    found = verdict(ANN, ("Auto-Submitted", "auto-replied (for Ann Bell)"))
    assert found is not None
    assert found.sign == "Auto-Submitted: auto-replied"


def test_hostile_headers_are_read_in_no_time() -> None:
    began = time.monotonic()
    for value in (
        "<" * 100_000,
        '"' * 100_000,
        "(" * 100_000,
        "; report-type=" * 10_000,
        "<mailto:" * 20_000,
        "\\" * 99_999,
    ):
        for name in (
            "From",
            "Reply-To",
            "List-Post",
            "List-Id",
            "Content-Type",
            "Auto-Submitted",
            "X-Loop",
            "Precedence",
        ):
            machine_of([(name, value)] * 20, own=OWN)
    assert time.monotonic() - began < 5
