"""Which messages belong together, and who may speak in a conversation."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from domain.conversations.threads import (
    MAX_ID_CHARS,
    MAX_SIGNS,
    EarlierCase,
    Sign,
    Speaker,
    ThreadSigns,
    conversation_of,
    is_same_person,
    marks_in,
    new_mark,
    new_message_id,
    usable_reference,
    usable_references,
    without_marks,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANN = Speaker(tenant="default", address="ann@shop.example")


def earlier(name: str = "a", sign: Sign = Sign.LETTER, speaker: Speaker = ANN, **fields: object) -> EarlierCase:
    values = {"case_id": f"case/mail/{name}", "sign": sign, "speaker": speaker, "received_at": NOW, **fields}
    return EarlierCase.model_validate(values)


# --- strangers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("newer", "older", "same"),
    [
        ({"address": "ann@shop.example"}, {"address": " Ann@Shop.Example "}, True),
        ({"address": "ann@shop.example"}, {"address": "eve@shop.example"}, False),
        ({"address": "ann@shop.example"}, {"address": "ann@shop.example.evil"}, False),
        ({"address": "ann@shop.example", "tenant": "other"}, {"address": "ann@shop.example"}, False),
        ({"customer_id": "C-1"}, {"customer_id": "C-1"}, True),
        ({"customer_id": "C-1"}, {"customer_id": "C-2"}, False),
        ({"customer_id": "C-1"}, {"customer_id": "C-1", "address": "ann@shop.example"}, True),
        ({"customer_id": "C-1", "address": "eve@x.example"}, {"customer_id": "C-1"}, False),
        # Who knows a customer's id is not the customer.
        ({"customer_id": "C-1", "address": "eve@x.example"}, {"customer_id": "C-1", "address": "ann@x.example"}, False),
        ({}, {}, False),
        ({"address": ""}, {"address": ""}, False),
        ({"address": "ann@shop.example"}, {"customer_id": "C-1"}, False),
    ],
)
def test_who_is_the_same_person(newer: dict[str, str], older: dict[str, str], same: bool) -> None:
    first, second = (Speaker.model_validate({"tenant": "default", **who}) for who in (newer, older))
    assert is_same_person(first, second) is same


@pytest.mark.parametrize("sign", list(Sign))
def test_a_stranger_speaks_in_nobodys_conversation_whatever_the_sign(sign: Sign) -> None:
    eve = Speaker(tenant="default", address="eve@x.example")
    assert conversation_of(eve, [earlier(sign=sign)]) == (None, True)


def test_the_own_conversation_counts_though_a_foreign_one_is_named_beside_it() -> None:
    eve = Speaker(tenant="default", address="eve@x.example")
    found = [earlier("foreign", Sign.LETTER, eve), earlier("own", Sign.THREAD)]
    assert conversation_of(ANN, found) == ("case/mail/own", False)


def test_what_names_no_conversation_has_none() -> None:
    assert conversation_of(ANN, []) == (None, False)


# --- which of several ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cases", "chosen"),
    [
        ([earlier("mail", Sign.OWN_MAIL), earlier("letter", Sign.LETTER), earlier("mark", Sign.MARK)], "letter"),
        ([earlier("old", received_at=NOW - timedelta(days=1)), earlier("new")], "new"),
        ([earlier("open", received_at=NOW - timedelta(days=1)), earlier("ended", ended=True)], "open"),
        ([earlier("answer", ended=True, passed_to="case/mail/root")], "root"),
        ([earlier("ended", ended=True)], "ended"),  # it says itself that it takes nothing
    ],
)
def test_of_several_the_surest_then_the_open_then_the_newest_counts(cases: list[EarlierCase], chosen: str) -> None:
    assert conversation_of(ANN, cases) == (f"case/mail/{chosen}", False)
    assert conversation_of(ANN, cases[::-1]) == (f"case/mail/{chosen}", False)


# --- signs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Re: Lamp [#HG-ABCDEFGH23]", ["HG-ABCDEFGH23"]),
        ("> > [#hg-abcdefgh23] and [#HG-ABCDEFGH23]", ["HG-ABCDEFGH23"]),
        ("<blockquote>[#HG-ABCDEFGH23]</blockquote>", ["HG-ABCDEFGH23"]),
        ("#HG-ABCDEFGH234", []),  # longer: none of ours
        ("#HG-ABCDEFGH2", []),
        ("#HG-ABCDEFGH01", []),  # no such characters
        ("HG-ABCDEFGH23", []),
        ("[#HG-ABCDEFGH23", ["HG-ABCDEFGH23"]),
    ],
)
def test_which_marks_are_found(text: str, found: list[str]) -> None:
    assert marks_in(text) == found


@pytest.mark.parametrize("hostile", ["#HG-" * 300_000, "[ #HG-ABCDEFGH2" * 100_000, "[" * 1_000_000, " [ " * 400_000])
def test_hostile_text_is_read_in_linear_time(hostile: str) -> None:
    began = time.perf_counter()
    assert marks_in(hostile) == []
    assert without_marks(hostile) == hostile
    assert time.perf_counter() - began < 2.0


def test_no_flood_of_signs_is_looked_up() -> None:
    flood = " ".join(f"[#{new_mark()}]" for _ in range(1000))
    assert len(marks_in(flood)) == MAX_SIGNS
    assert len(usable_references(f"<{n}@x.example>" for n in range(1000))) == MAX_SIGNS


@pytest.mark.parametrize("text", ["Re: Lamp", "Order #31070", "#HG", "[#HG-ABCDEFGH2]"])
def test_nothing_but_marks_is_taken_out(text: str) -> None:
    assert without_marks(text) == text


def test_a_mark_is_taken_out_wherever_it_stands() -> None:
    assert without_marks("Re: Lamp [#HG-ABCDEFGH23]\nsee #HG-ABCDEFGH23.") == "Re: Lamp\nsee ."


@pytest.mark.parametrize(
    "given", [None, "", "<>", "a b@x.example", "x\n@y.example", "x\0@y.example", "a" * (MAX_ID_CHARS + 1)]
)
def test_what_cannot_be_the_id_of_a_mail_is_not_looked_up(given: str | None) -> None:
    assert usable_reference(given) is None
    assert usable_references([given or ""]) == []


def test_ids_are_compared_without_their_brackets_and_each_once() -> None:
    assert usable_references([" <a@x.example>", "a@x.example", "<b@x.example>"]) == ["a@x.example", "b@x.example"]


def test_ours_cannot_be_guessed_and_are_found_again() -> None:
    marks = {new_mark() for _ in range(1000)}
    assert len(marks) == 1000
    assert all(marks_in(f"[#{mark}]") == [mark] for mark in marks)
    ids = {new_message_id("shop.example") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(usable_reference(f"<{each}>") == each for each in ids)
    assert {len(each.partition("@")[0]) for each in ids} == {3 + 32}


@pytest.mark.parametrize(
    ("signs", "there"),
    [
        (ThreadSigns(), False),
        (ThreadSigns(references=["a@x.example"]), True),
        (ThreadSigns(marks=["HG-ABCDEFGH23"]), True),
        (ThreadSigns(thread_id="t-1"), True),
    ],
)
def test_whether_there_is_anything_to_look_up(signs: ThreadSigns, there: bool) -> None:
    assert bool(signs) is there


def test_the_customer_on_record_of_an_id_is_the_person_of_that_address() -> None:
    by_id = Speaker(tenant="default", customer_id="C-1", known_address="ANN@shop.example")
    assert is_same_person(by_id, ANN)
    assert not is_same_person(by_id.model_copy(update={"known_address": "eve@x.example"}), ANN)
    assert not is_same_person(by_id.model_copy(update={"known_address": None}), ANN)
    assert not is_same_person(by_id.model_copy(update={"tenant": "other"}), ANN)
    assert not is_same_person(by_id.model_copy(update={"address": "eve@x.example"}), ANN)  # it says who it is
