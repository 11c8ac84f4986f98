"""A letter goes to people: never to ourselves, to a mailbox that nobody reads, or to a mail server."""

import time

import pytest
from pydantic import ValidationError

from domain.mail.addresses import MailRules, fold_address, is_daemon, is_no_reply, is_own, may_receive, vouches_for

OWN = ("help@lamps.example", "*@shop.lamps.example")


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("help@lamps.example", True),
        ("HELP@Lamps.Example", True),
        ("help+case9@lamps.example", True),
        ("help@lamps.example.", True),
        ("anybody@shop.lamps.example", True),
        ("helper@lamps.example", False),
        ("help@lamps.example.evil.example", False),
        ("help@xlamps.example", False),
        ("help@deep.shop.lamps.example", False),
        ("*@elsewhere.example", False),
    ],
)
def test_our_own_addresses_are_known(address: str, ours: bool) -> None:
    assert is_own(address, OWN) is ours
    assert not is_own(address, ())


TWO_MAILBOXES = [
    ("strasse@a.example", "straße@a.example"),
    ("kate@a.example", "\u212aate@a.example"),  # the Kelvin sign
    ("insel@a.example", "İnsel@a.example"),
    ("finn@a.example", "ﬁnn@a.example"),
    ("ann@strasse.example", "ann@straße.example"),
    ("sam@a.example", "\u017fam@a.example"),  # the long s
]


@pytest.mark.parametrize(("one", "other"), TWO_MAILBOXES)
def test_only_the_case_of_ascii_letters_makes_no_difference(one: str, other: str) -> None:
    assert fold_address(one) != fold_address(other)
    assert fold_address(one.upper()) == one
    assert not is_own(other, [one])
    if one.partition("@")[2] != other.partition("@")[2]:
        assert not vouches_for(one, other, [])


@pytest.mark.parametrize(
    "address",
    [
        "noreply@a.example",
        "no-reply@a.example",
        "No_Reply@a.example",
        "do.not.reply@a.example",
        "orders-noreply@a.example",
        "noreply-eu+77@a.example",
        "ne-pas-repondre@a.example",
        "nicht-antworten@a.example",
    ],
)
def test_a_mailbox_that_takes_no_answers_gets_none(address: str) -> None:
    assert is_no_reply(address)
    assert not may_receive(address)


@pytest.mark.parametrize("address", ["norah@a.example", "reply@a.example", "antwort@a.example", "n.o.r@a.example"])
def test_people_whose_names_come_near_are_written_to(address: str) -> None:
    assert not is_no_reply(address)
    assert may_receive(address)


@pytest.mark.parametrize("address", ["MAILER-DAEMON@mx.example", "mailer-daemon@[203.0.113.9]", "Mail_Daemon@a"])
def test_no_mail_server_is_written_to(address: str) -> None:
    assert is_daemon(address)
    assert not may_receive(address)


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "ann",
        "@a.example",
        "ann@",
        "ann@@a.example",
        "ann@a..example",
        "ann@.example",
        "ann@-a.example",
        "ann@a_.example",
        ".ann@a.example",
        "ann.@a.example",
        "an..n@a.example",
        "ann@[203.0.113.9]",
        "ann bell@a.example",
        "ann@a.example\nBcc: all@b.example",
        "ann\x7f@a.example",
        "a@b.example,c@d.example",
    ],
)
def test_what_is_no_address_gets_no_letter(address: str | None) -> None:
    assert not may_receive(address)


@pytest.mark.parametrize("address", ["ann@a.example", "ann.bell+x@sub.a-b.example", "zoë@bücher.example", "o'neil@a.b"])
def test_people_get_their_letters(address: str) -> None:
    assert may_receive(address, OWN)


def test_an_own_address_gets_no_letter() -> None:
    assert may_receive("help@lamps.example")
    assert not may_receive("help@lamps.example", OWN)


@pytest.mark.parametrize(
    "pattern", ["", "lamps.example", "*", "@lamps.example", "*@", "a*@lamps.example", "*@*.example", "a b@c.example", 7]
)
def test_a_setting_that_names_no_address_is_refused(pattern: object) -> None:
    with pytest.raises(ValidationError):
        MailRules.model_validate({"own": [pattern]})


@pytest.mark.parametrize("letters", [0, -1, "many", 10_001])
def test_a_limit_that_is_none_is_refused(letters: object) -> None:
    with pytest.raises(ValidationError):
        MailRules.model_validate({"letters_per_day": letters})


def test_rules_that_an_older_case_does_not_have_are_the_usual_ones() -> None:
    assert MailRules.model_validate({}) == MailRules(own=(), letters_per_day=5)


def test_a_hostile_address_holds_up_nobody() -> None:
    began = time.monotonic()
    for hostile in ("a" * 100_000 + "@b", "a@" + "b." * 50_000, "a@" + "-" * 100_000, "+" * 100_000):
        assert not may_receive(hostile, OWN)
        is_own(hostile, OWN)
        is_no_reply(hostile)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("address", ["emili\ufffd@home.example", "a@h\ufffdme.example"])
def test_no_letter_goes_to_an_address_that_could_not_be_decoded(address: str) -> None:
    assert not may_receive(address)


@pytest.mark.parametrize("address", ["bruno.reply@home.example", "norah.reply@a.example", "eleno_reply@a.example"])
def test_names_that_end_as_the_word_begins_are_people(address: str) -> None:
    assert may_receive(address)


@pytest.mark.parametrize(
    ("sent_from", "vouches"),
    [
        ("no-reply@home.example", True),
        ("no-reply@mail.HOME.example", True),
        ("help@lamps.example", True),
        ("no-reply@evil.example", False),
        ("no-reply@evilhome.example", False),
        ("no-reply@home.example.evil.example", False),
    ],
)
def test_who_may_name_somebody_else_as_the_sender(sent_from: str, vouches: bool) -> None:
    assert vouches_for(sent_from, "ann@home.example", OWN) is vouches
