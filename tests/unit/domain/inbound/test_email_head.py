"""Who a mail is from, what it answers, and which case a report speaks of."""

import time

import pytest

from domain.case import Machine
from domain.inbound.email_head import MAX_REFERENCES, EmailHead, head_of, headers_of, read_email_head
from domain.inbound.webhook import parse_webhook

OWN = ("help@lamps.example", "*@desk.lamps.example")


def head(text: str, *, own: tuple[str, ...] = OWN) -> EmailHead:
    found = read_email_head(text.encode(), own=own)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ("From: Ann <ann@home.example>\nReply-To: bo@home.example", "ann@home.example"),
        ("From: Help <help@lamps.example>\nReply-To: Ann <ann@home.example>", "ann@home.example"),
        ("From: no-reply@forms.example\nReply-To: Ann <ann@home.example>", "ann@home.example"),
        ("From: x@desk.lamps.example\nX-Original-From: Ann <ann@home.example>", "ann@home.example"),
        ("From: x@desk.lamps.example\nX-Original-Sender: ann@home.example", "ann@home.example"),
        (
            "From: help@lamps.example\nReply-To: help@lamps.example\nX-Original-From: ann@home.example",
            "ann@home.example",
        ),
        ("From: help@lamps.example\nReply-To: no-reply@home.example", None),
        ("From: help@lamps.example\nReply-To: ann@home.example, bo@home.example", None),
        ("From: help@lamps.example\nReply-To: ann@home.example\nReply-To: bo@home.example", None),
        ("From: help@lamps.example", None),
        ("From: ann@home.example\nFrom: bo@home.example", None),
        ("From: ann@home.example, bo@home.example\nReply-To: cy@home.example", None),
        ("Reply-To: ann@home.example", None),
    ],
)
def test_the_sender_is_who_wrote_it(headers: str, sender: str | None) -> None:
    assert head(f"{headers}\nSubject: Lamp\n\nHello").sender_address == sender


def test_a_group_s_name_is_not_taken_for_the_writer_s() -> None:
    found = head("From: Lamps <help@lamps.example>\nReply-To: Ann Bell <ann@home.example>\n\nHello")
    assert (found.sender_name, found.from_address, found.reply_to) == (
        "Ann Bell",
        "help@lamps.example",
        "ann@home.example",
    )
    assert head("From: Lamps <help@lamps.example>\n\nHello").sender_name == ""


def test_an_answer_names_what_it_answers_the_nearest_first() -> None:
    found = head("Message-ID: <m4@x>\nIn-Reply-To: <m3@x>\nReferences: <m1@x>\n <m2@x> <m3@x>\n\nHello")
    assert found.message_id == "m4@x"
    assert found.references == ("m3@x", "m2@x", "m1@x")


def test_references_are_few_short_and_each_there_once() -> None:
    many = " ".join(f"<m{n}@x>" for n in range(100))
    found = head(f"In-Reply-To: <{'y' * 251}@x> <a@x> words\nReferences: {many} <a@x> <> <b c>\nMessage-ID: m@x\n\nHi")
    assert found.references[:3] == ("a@x", "m99@x", "m98@x")
    assert len(found.references) == MAX_REFERENCES
    assert found.message_id is None


REPORT = """From: Mail Delivery System <mailer-daemon@mx.example>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Your letter did not arrive.
--b
Content-Type: message/rfc822

Message-ID: <letter-1@lamps.example>
{ours}
Subject: Re: Lamp

--b--
"""


@pytest.mark.parametrize(
    ("ours", "about"),
    [
        ("X-Headgate-Case: case/shop/evt-1", "case/shop/evt-1"),
        ("x-headgate-case:\n case/shop/evt-1", "case/shop/evt-1"),
        ("X-Headgate-Case: case/shop/evt 1", None),
        ("X-Headgate-Case: case/shop/" + "x" * 300, None),
        ("X-Headgate-Case: <script>", None),
        ("X-Other: case/shop/evt-1", None),
    ],
)
def test_a_report_names_the_case_whose_letter_came_back(ours: str, about: str | None) -> None:
    found = head(REPORT.format(ours=ours))
    assert found.machine is not None
    assert (found.machine.machine, found.machine.sure) == (Machine.BOUNCE, True)
    assert (found.references, found.about_case) == (("letter-1@lamps.example",), about)
    inbound = parse_webhook("message/rfc822", REPORT.format(ours=ours).encode())
    assert (inbound.machine, inbound.about_case) == (Machine.BOUNCE, about)


@pytest.mark.parametrize(
    ("status", "machine", "about"),
    [
        ("Action: failed", Machine.BOUNCE, "case/shop/evt-1"),
        ("action:  FAILED", Machine.BOUNCE, "case/shop/evt-1"),
        ("Action: delivered\nAction: failed", Machine.BOUNCE, "case/shop/evt-1"),
        ("Action: delayed", Machine.BOUNCE, None),
        ("Action: delivered", Machine.RECEIPT, None),
        ("Action: relayed\nAction: expanded", Machine.RECEIPT, None),
        ("Action: delivered\nAction: delayed", Machine.BOUNCE, None),
        ("Status: 5.1.1", Machine.BOUNCE, "case/shop/evt-1"),
    ],
)
def test_only_a_letter_that_failed_did_not_arrive(status: str, machine: Machine, about: str | None) -> None:
    found = head(REPORT.format(ours=f"X-Headgate-Case: case/shop/evt-1\n\n{status}"))
    assert found.machine is not None
    assert (found.machine.machine, found.machine.sure, found.about_case) == (machine, True, about)


def test_a_complaint_about_a_letter_says_nothing_of_its_arrival() -> None:
    raw = REPORT.replace("mailer-daemon", "feedback").replace("delivery-status", "feedback-report")
    found = head(raw.format(ours="X-Headgate-Case: case/shop/evt-1"))
    assert found.machine is not None
    assert (found.machine.machine, found.about_case) == (Machine.BOUNCE, None)


def test_a_person_s_mail_cannot_name_a_case() -> None:
    assert head("From: ann@home.example\n\nX-Headgate-Case: case/shop/evt-1").about_case is None


@pytest.mark.parametrize(
    ("part", "invites"),
    [
        ("Content-Type: text/calendar; charset=utf-8; method=REQUEST", True),
        ("content-type: text/calendar;\n method=REPLY", True),
        ("Content-Type: text/calendar; name=plan.ics", False),
        ("the header Content-Type: text/calendar; method=REQUEST", False),
    ],
)
def test_an_invitation_goes_to_a_person(part: str, invites: bool) -> None:
    found = head(f"From: ann@home.example\nContent-Type: multipart/alternative; boundary=b\n\n--b\n{part}\n\nx\n--b--")
    assert (found.machine is not None) is invites
    if found.machine:
        assert (found.machine.machine, found.machine.sure) == (Machine.CALENDAR, False)


def test_fields_of_a_mail_service_are_read_as_a_mail_is() -> None:
    pairs = [("FROM", "no-reply@forms.example"), ("reply-to", "Ann <ann@home.example>"), ("Auto-Submitted", "no")]
    found = head_of([*pairs, ("In-Reply-To", "<a@x>"), ("Subject", "=?utf-8?Q?L=C3=A4mp?=")], own=OWN)
    assert found == EmailHead(
        subject="Lämp",
        sender_name="Ann",
        sender_address="ann@home.example",
        from_address="no-reply@forms.example",
        reply_to="ann@home.example",
        references=("a@x",),
    )
    assert head_of([]) == EmailHead()


def test_a_webhook_hands_all_of_it_on() -> None:
    raw = (
        b"From: Help <help@lamps.example>\nReply-To: Ann <ann@home.example>\nMessage-ID: <m@x>\nPrecedence: bulk\n\nHi"
    )
    found = parse_webhook("message/rfc822", raw, own=OWN)
    assert (found.customer_email, found.customer_name, found.from_address, found.message_id) == (
        "ann@home.example",
        "Ann",
        "help@lamps.example",
        "m@x",
    )
    assert (found.machine, found.machine_sure, found.machine_sign) == (Machine.LIST, False, "Precedence")
    assert parse_webhook("message/rfc822", raw).customer_email == "help@lamps.example"


def test_hostile_mails_are_read_in_no_time() -> None:
    began = time.monotonic()
    hostile = [
        b"Message-ID: " + b"<" * 500_000,
        b"References: " + b"<a " * 200_000,
        b"From: mailer-daemon@x\n\n" + b"message-id: <" * 40_000,
        b"From: mailer-daemon@x\n\n" + b"\nx-headgate-case: " * 20_000,
        b"From: a@x\n\n" + b"content-type: text/calendar\n " * 20_000,
        b"A: b\n" * 50_000,
        b"From: " + b"\n " * 100_000,
    ]
    for raw in hostile:
        read_email_head(raw, own=OWN)
        headers_of(raw)
    assert time.monotonic() - began < 5


# --- headers in raw bytes (RFC 6532, and programs that never encoded any) ---


def raw_mail(subject: str, sender: str, encoding: str) -> bytes:
    return f"From: {sender}\r\nSubject: {subject}\r\n\r\nHello".encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
def test_raw_subjects_and_names_are_read(encoding: str) -> None:
    found = read_email_head(raw_mail("Réponse automatique : absence", "René <r@home.example>", encoding))
    assert found is not None
    assert (found.subject, found.sender_name) == ("Réponse automatique : absence", "René")
    assert found.sender_address == "r@home.example"


def test_raw_bytes_beside_encoded_words_are_read() -> None:
    found = read_email_head(raw_mail("né ☃ =?utf-8?q?R=C3=A9?= l’été", "a@home.example", "utf-8"))
    assert found is not None
    assert found.subject == "né ☃ Ré l’été"


def test_an_address_in_utf8_is_read_and_one_in_anything_else_is_nobodys() -> None:
    """A letter to a guessed address goes to a stranger."""
    for sender in ("emilié@home.example", "E <emilié@home.example>"):
        sure, guessed = (read_email_head(raw_mail("x", sender, code)) for code in ("utf-8", "windows-1252"))
        assert sure is not None
        assert sure.sender_address == "emilié@home.example"
        assert guessed is not None
        assert guessed.sender_address is None


def test_ids_of_raw_bytes_are_none() -> None:
    raw = b"From: a@home.example\r\nMessage-ID: <\xe9@x>\r\nReferences: <ok@x> <\xff@x>\r\n\r\nHello"
    found = parse_webhook("message/rfc822", raw)
    assert (found.message_id, found.references) == (None, ["ok@x"])
