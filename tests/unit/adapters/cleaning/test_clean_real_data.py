"""Floors on messages and mails that others wrote. The folder is named by HEADGATE_EVAL_DATA; without it these tests are
skipped."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from adapters.cleaning.cleaner import CleanEmail, DocumentCleaner
from adapters.cleaning.names.model import NAMES, NameModel
from domain.inbound.cleaned import CleanDocument, CleanFlag, restore
from tests.fakes.blueprint import WORDS
from tests.unit.adapters.weights.installed import shelf_with

FOLDER = os.environ.get("HEADGATE_EVAL_DATA")
pytestmark = [pytest.mark.real_data, pytest.mark.skipif(not FOLDER, reason="HEADGATE_EVAL_DATA is not set")]
CLEANER = DocumentCleaner(WORDS.mail)
CLAIMED = {"EMAIL_ADDRESS": 0.99, "PHONE_NUMBER": 0.95, "IBAN_CODE": 0.99, "CREDIT_CARD": 0.95}


def rows(name: str) -> list[dict[str, Any]]:  # Any: JSON rows of several shapes
    with (Path(FOLDER or ".") / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def clean(text: str | None = None, html: str | None = None) -> CleanDocument:
    return CLEANER.clean(subject="", text=text, html=html, lang=None)


def test_html_keeps_what_its_authors_expect() -> None:
    checks = []
    for row in rows("emails/html_to_text.jsonl"):
        text = clean(html=row["html"]).text
        checks += [word in text for word in row["must_contain"]] + [
            word not in text for word in row["must_not_contain"]
        ]
    assert sum(checks) / len(checks) >= 0.98


def test_a_ticket_in_a_mail_comes_out_as_it_was_written() -> None:
    same = [clean(html=row["html"]).text.split() == row["text"].split() for row in rows("emails/html_tickets.jsonl")]
    assert sum(same) / len(same) >= 0.95


@pytest.mark.parametrize(("kind", "floor"), CLAIMED.items())
def test_recall_of_personal_data(kind: str, floor: float) -> None:
    found = []
    for row in rows("security/pii.jsonl"):
        values = [span["value"] for span in row["spans"] if span["type"] == kind]
        document = clean(row["text"])
        found += [
            value not in document.text and any(value in kept for kept in document.vault.values()) for value in values
        ]
    assert sum(found) / len(found) >= floor


@pytest.fixture(scope="module")
def with_names() -> DocumentCleaner:
    return DocumentCleaner(WORDS.mail, NameModel(shelf_with(NAMES)))


def names_in(document: CleanDocument) -> list[str]:
    return [value for token, value in document.vault.items() if token.startswith("[NAME_")]


def test_with_the_model_names_are_hidden_that_no_phrase_announces(with_names: DocumentCleaner) -> None:
    found, by_rules = [], []
    for row in rows("security/pii.jsonl"):
        values = [span["value"] for span in row["spans"] if span["type"] == "PERSON"]
        for hidden, document in ((found, with_names.clean(subject="", text=row["text"], html=None, lang=None)),
                                 (by_rules, clean(row["text"]))):  # fmt: skip
            hidden += [v not in document.text and any(v in name for name in names_in(document)) for v in values]
    assert sum(found) / len(found) >= 0.8
    assert sum(by_rules) / len(by_rules) < 0.5


def test_with_the_model_hardly_a_ticket_has_a_false_name(with_names: DocumentCleaner) -> None:
    """In the messages of these sources there are no names of people, or these were blackened."""
    nameless = [row for row in rows("tickets/tickets.jsonl") if row["source"] != "multidogo"][:600]
    taken = 0
    for row in nameless:
        document = with_names.clean(subject="", text=row["text"], html=None, lang=None)
        taken += any(set(name) != {"X", " "} for name in names_in(document))
        assert restore(document.text, document.vault).split() == row["text"].split()
    assert taken <= len(nameless) / 150


def test_no_ticket_loses_a_word_or_is_held_for_nothing() -> None:
    alarms = changed = 0
    tickets = rows("tickets/tickets.jsonl")
    for row in tickets:
        document = clean(row["text"])
        changed += restore(document.text, document.vault).split() != row["text"].split()
        alarms += bool(document.flags)
    assert (changed, alarms) == (0, 0)


def test_injections_are_mostly_counted_and_never_raise() -> None:
    told = [CleanFlag.INSTRUCTION_LIKE in clean(row["text"]).flags for row in rows("security/injection.jsonl")]
    assert sum(told) / len(told) >= 0.6


def field_mails(case: str) -> list[CleanEmail]:
    """The raw mails of a field case, cleaned."""
    path = next((Path(FOLDER or ".") / "field").glob(f"mail-{case}-*.json"), None)
    if path is None:
        pytest.skip("no such field case in that folder")
    sent = [variant["send"] for variant in json.loads(path.read_text("utf-8"))["variants"]]
    bodies = [
        base64.b64decode(one["body_base64"]) if "body_base64" in one else one["body"].encode()
        for one in sent
        if "rfc822" in one["content_type"]
    ]
    assert bodies
    return [CLEANER.clean_email(body) for body in bodies]


@pytest.mark.parametrize("case", ["06", "09", "11", "16"])
def test_field_mails_are_read_whole(case: str) -> None:
    for mail in field_mails(case):
        assert "broken" in mail.document.text
        assert not {CleanFlag.BODY_UNREAD, CleanFlag.WHOSE_WORDS, CleanFlag.UNDECODABLE} & set(mail.document.flags)
    if case == "06":
        assert all("€" in mail.document.text for mail in field_mails(case))


def test_what_stands_in_attached_field_mails_is_not_the_senders() -> None:
    for mail in field_mails("08"):
        assert mail.attachments == ("old",)
        assert "at once" not in mail.document.text
        assert "fine, thank you" not in mail.document.text


def test_a_field_mail_whose_text_is_in_a_file_is_not_read_by_its_subject() -> None:
    assert all(CleanFlag.BODY_UNREAD in mail.document.flags for mail in field_mails("13"))
