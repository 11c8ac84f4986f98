"""Fields beside the message cost nobody a complaint: they are folded, and the fold is noted without the words."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.inbound.message.inbound import Inbound
from domain.inbound.side_fields import MAX_NOTES
from domain.inbound.webhook import parse_webhook

TEXT = "The kettle leaks."


def read(**fields: object) -> Inbound:
    return parse_webhook("application/json", json.dumps({"text": TEXT, **fields}).encode())


@pytest.mark.parametrize(
    ("given", "channel"),
    [
        ("Chat", "chat"),
        ("Contact form / DE", "contact-form-de"),
        ("x" * 50, "x" * 40),
        ("💬", "web"),
        ("-", "web"),
        (["a"], "web"),
    ],
)
def test_channels(given: object, channel: str) -> None:
    found = read(channel=given)
    assert (found.channel, found.notes) == (channel, [f"channel: read as {channel!r}"])


@pytest.mark.parametrize(
    ("given", "lang"),
    [
        ("de_AT.UTF-8", "de-AT"),
        ("fr_FR@euro", "fr-FR"),
        ("en-GB,en;q=0.9", "en-GB"),
        (" es ", "es"),
        ("Deutsch bitte", "und"),
        ("", "und"),
        ("C", "und"),
        (5, "und"),
        ({}, "und"),
    ],
)
def test_languages(given: object, lang: str) -> None:
    assert read(lang=given).lang == lang


@pytest.mark.parametrize(
    ("customer", "email", "name"),
    [
        ("Mia Berg", None, "Mia Berg"),
        ("mia@example.org", "mia@example.org", None),
        ("Mia Berg <mia@example.org>", "mia@example.org", "Mia Berg"),
        ("mia@@example", None, None),
        ("", None, None),
        (5, None, None),
        (["mia@example.org"], None, None),
        ({"email": "Mia <mia@example.org>", "name": "M. Berg"}, "mia@example.org", "M. Berg"),
        ({"email": ["mia@example.org"], "name": 5}, None, "5"),
    ],
)
def test_customers_of_any_shape(customer: object, email: str | None, name: str | None) -> None:
    found = read(customer=customer)
    assert (found.customer_id, found.customer_email, found.customer_name) == (None, email, name)


def test_of_two_senders_none_is_written_to() -> None:
    found = read(customer={"email": "a@example.org"}, customer_email="b@example.org")
    assert found.customer_email is None
    assert found.notes == ["customer_email: given twice, with two values"]


def test_long_and_strange_words_are_cut() -> None:
    found = read(customer_name="M\x07ia\n" + "x" * 300, subject="s" * 2000)
    assert found.customer_name == ("M ia " + "x" * 300)[:200]
    assert len(found.subject) == 1000
    assert found.notes == ["customer_name: cut after 200 characters", "subject: cut after 1000 characters"]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("", []),
        ([], []),
        ({}, []),
        ("https://files.example/a.pdf", ["https://files.example/a.pdf"]),
        (["a.pdf", {"filename": "b.pdf"}, {"Name": "c.pdf"}, {"url": "d"}], ["a.pdf", "b.pdf", "c.pdf", "d"]),
        ({"name": "a.pdf", "type": "application/pdf"}, ["a.pdf"]),
        ({"one": {"name": "a.pdf"}, "two": {"name": "b.pdf"}}, ["a.pdf", "b.pdf"]),
        ([True, None], ["", ""]),
        (True, []),
        (3, []),
        ([f"{n}.png" for n in range(30)], [f"{n}.png" for n in range(20)]),
    ],
)
def test_attachments_of_any_shape(given: object, names: list[str]) -> None:
    assert [a.name for a in read(attachments=given).attachments] == names


@pytest.mark.parametrize(
    ("given", "thread"),
    [
        ("T-9/ü", "T-9/ü"),
        (12, "12"),
        ("a\u200bb\nc", "ab c"),
        ("x" * 300, "x" * 200),
        ({}, None),
        ("", None),
        ("\ud83d", "\ufffd"),
    ],
)
def test_threads(given: object, thread: str | None) -> None:
    assert read(thread_id=given).thread_id == thread


def test_halves_of_characters_are_replaced_and_noted() -> None:
    found = read(
        text="cut \ud83d", html="<p>\udc00</p>", subject="nul\x00", mood={"\ud800": ["\udfff"]}, **{"\udc01": 1}
    )
    assert (found.text, found.html, found.subject) == ("cut \ufffd", "<p>\ufffd</p>", "nul\ufffd")
    assert found.extra == {"mood": {"\ufffd": ["\ufffd"]}, "\ufffd": 1}
    assert len(found.notes) == 4
    assert not found.undecodable


def test_a_number_as_text_is_its_digits() -> None:
    found = parse_webhook("application/json", b'{"text": 1.50}')
    assert (found.text, type(found.text), found.notes) == ("1.50", str, ["text: was a number"])


_values = st.recursive(
    st.text(max_size=20) | st.none() | st.booleans() | st.integers() | st.sampled_from(["a@b", "x" * 1200, "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(
    fields=st.dictionaries(
        st.sampled_from(["channel", "lang", "subject", "customer_name", "customer_email", "attachments", "thread_id"])
        | st.text(max_size=4),
        _values,
        max_size=6,
    )
)
def test_no_side_field_refuses_and_no_note_repeats_a_customer(fields: dict[str, object]) -> None:
    fields.pop("text", None), fields.pop("html", None), fields.pop("tenant", None)
    found = read(**fields)
    assert found.text == TEXT
    assert len(found.notes) <= MAX_NOTES
    assert all(len(note) < 120 for note in found.notes)
    found.model_dump_json().encode()
    assert len(found.meaning()) == 64


def test_notes_repeat_no_personal_data() -> None:
    found = read(
        customer={"name": "Secret Name" * 40, "email": "secret at example"}, subject="Secret\ud800", customer_id="1"
    )
    assert found.notes
    assert "ecret" not in " ".join(found.notes)
