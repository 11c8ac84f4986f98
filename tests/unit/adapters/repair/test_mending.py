"""Broken JSON: what is cut off, doubled or ambiguous is said to be so; sound JSON is read as it is."""

import contextlib
import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.repair.mending import MAX_MENDED, JsonMender
from adapters.repair.tolerant import read_tolerantly
from domain.errors import StrictJSONError
from domain.inbound import strict_json
from domain.inbound.strict_json import Number
from domain.repair.document import Damage, same

MENDER = JsonMender()
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text(max_size=6), PLAIN, max_size=5)


@pytest.mark.parametrize(
    "text", ["", "  ", "hello there", "Please refund me 20 EUR.", "amount: 5", "{" * 5_000, "a" * (MAX_MENDED + 1)]
)
def test_what_is_no_document_is_not_found(text: str) -> None:
    found = MENDER.mend(text)
    assert not found.found
    assert not found.is_sure


def test_a_body_of_a_megabyte_that_is_broken_is_not_mended() -> None:
    assert not MENDER.mend('{"text": "' + "a" * 1_000_000).found


def test_what_takes_the_library_too_long_is_read_by_one_reader_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def never_ends(*_: object, **__: object) -> object:
        while True:
            len("a")

    monkeypatch.setattr("adapters.repair.mending._LIBRARY_WITHIN_S", 0.05)
    monkeypatch.setattr("json_repair.loads", never_ends)
    found = MENDER.mend("{'a': 'b'}")
    assert found.value == {"a": "b"}
    assert found.doubted == {"a"}
    assert sys.getprofile() is None


@pytest.mark.parametrize(
    ("text", "doubted"),
    [
        ('{"iban": "DE8937', {"iban"}),
        ('{"id": "A-1", "amount": 12', {"amount"}),
        ('{"id": "A-1", "items": ["1", "2"', {"items"}),
        ('{"id": "A-1", "to": {"iban": "DE89"', {"to"}),
        ('{"id": "A-1", "paid": tru', {"paid"}),
    ],
)
def test_what_is_cut_off_is_told_and_its_last_field_doubted(text: str, doubted: set[str]) -> None:
    found = MENDER.mend(text)
    assert Damage.TRUNCATED in found.damage
    assert doubted <= found.doubted
    assert "id" not in found.doubted


def test_a_closing_bracket_alone_may_be_missing() -> None:
    found = MENDER.mend('{"id": "A-1", "amount": "12"')
    assert Damage.TRUNCATED in found.damage
    assert found.doubted == frozenset()


@pytest.mark.parametrize("text", ['{"a": 1}{"a": 2}', '{"a": 1}\n{"a": 2}', '{"a": 1} and then {"a": 2}'])
def test_several_documents_are_told_and_none_believed(text: str) -> None:
    found = MENDER.mend(text)
    assert Damage.SEVERAL in found.damage
    assert found.doubted == {"a"}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}\nPS: do NOT do this',
        'Ignore this one, it was a test: {"a": 1}',
        '// never mind\n{"a": 1}',
        '{"a": 1} // not this one',
        'Not that:\n```json\n{"a": 1}\n```',
        '```json\n{"a": 1}\n```\nNo, wait.',
        '{"a": 1} \u2260',
        'cb({"a": 1}) cancelled',
    ],
)
def test_words_around_a_document_are_told(text: str) -> None:
    found = MENDER.mend(text)
    assert Damage.WORDS in found.damage
    assert not found.is_sure


@pytest.mark.parametrize(
    "text",
    [
        "Sure, here's the JSON:\n{'a': 1}",
        "Guten Tag,\nhier ist das Dokument: {'a': 1}\nMit freundlichen Grüßen",
        'Here it is:\n```json\n{"a": 1}\n```\nLet me know if you need anything else!',
        "const data = {'a': 1};",
        'callback({"a": 1});',
    ],
)
def test_words_that_only_hand_it_over_say_nothing(text: str) -> None:
    found = MENDER.mend(text)
    assert found.value == {"a": "1"}
    assert found.is_sure


@pytest.mark.parametrize("behind", ["0", ",5", " 'amount': 999", " 'no'", " \u0660", " make it 20"])
def test_what_may_be_a_value_behind_the_end_makes_all_doubted(behind: str) -> None:
    for text in ("{'text': 'refund', 'amount': 25}", '{"text": "refund", "amount": 25}'):
        assert MENDER.mend(text + behind).doubted == {"text", "amount"}


@pytest.mark.parametrize(
    "text",
    [
        '{"b": 1, "id": #10023,\n"ORD-7",\n"c": "d"\n}',
        '{"b": 1, "id": #10023,\n50\n}',
        '{"b": 1, "id": //100,\n999, "c": "d"}',
        '{"b": 1, "id": /* 100, "c": "d", "limit": */ 999}',
        '{"b": 1, "id" //: 100,\n: 999}',
    ],
)
def test_a_comment_between_a_name_and_its_value_may_be_the_value(text: str) -> None:
    found = MENDER.mend(text)
    assert "id" in found.doubted
    assert "b" not in found.doubted


def test_a_comment_inside_a_list_is_no_doubt() -> None:
    assert MENDER.mend('{"a": [1, // one\n 2], "b": 3, // three\n "c": 4}').doubted == frozenset()


def test_a_key_that_stands_twice_is_told() -> None:
    assert MENDER.mend('{"a": 1, "a": 2}').doubted == {"a"}
    alike = MENDER.mend('{"a": 1, "a": 1}')
    assert alike.doubted == frozenset()
    assert Damage.DOUBLED_KEY in alike.damage
    assert MENDER.mend('{"to": {"iban": 1, "iban": 2}}').doubted == {"to"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"a": NaN}', "a"),
        ('{"a": -Infinity}', "a"),
        ('{"n": 05}', "n"),  # a number, or a code that begins with nought
        ('{"amount": 1,234.50, "x": 1}', "amount"),
        ('{"amount": $5, "b": 2}', "amount"),
        ('{"n": 1_000}', "n"),
        ('{"a": [1, 2, ...]}', "a"),
        ('{"a": "Lopez"", "b": "c"}', "a"),
        ("{'a': 'Mei'', 'b': 'c'}", "a"),
        ('{"a": "Daiki "street": "Cedar Avenue", "b": "c"}', "a"),
        ('{"a": ["1"{ "2", "3"], "b": "c"}', "a"),
    ],
)
def test_what_may_mean_two_things_is_doubted(text: str, name: str) -> None:
    found = MENDER.mend(text)
    assert name in found.doubted
    assert not found.is_sure


def test_half_a_character_does_not_come_through() -> None:
    for text in ('{"a": "\\ud83d",}', '{"a": "\ud83d",}', '{"a": "\ud83d"}'):
        found = MENDER.mend(text)
        assert found.tainted
        json.dumps(found.value, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "text",
    [
        "{'amount': '12.50', 'to': None, 'ok': True}",
        '{amount: "12.50", to: null, ok: true}',
        '{"amount": "12.50", "to": null, "ok": true,}',
        '{"amount": "12.50" "to": null "ok": true}',
        '// from the desk\n{"amount": "12.50", /* who? */ "to": null, "ok": true}',
        'Here it is:\n```json\n{"amount": "12.50", "to": null, "ok": true}\n```\nBye!',
        '{"amount": "12.50", "to": null, "ok": true]',
        "\ufeff{“amount”: “12.50”, “to”: null, “ok”: true}",
        'callback({"amount": "12.50", "to": null, "ok": true});',
    ],
)
def test_what_has_one_meaning_is_mended_and_noted(text: str) -> None:
    found = MENDER.mend(text)
    assert found.value == {"amount": "12.50", "to": None, "ok": True}
    assert "amount" not in found.doubted
    assert found.tainted


def test_a_number_keeps_its_digits() -> None:
    found = MENDER.mend('{"amount": 10.50, "id": 12345678901234567890,}')
    assert found.value == {"amount": "10.50", "id": "12345678901234567890"}
    assert isinstance(found.value, dict)
    assert isinstance(found.value["amount"], Number)


def test_where_a_field_stands_is_known() -> None:
    text = "{'amount': '12.50', 'to': 'x'}"
    span = MENDER.mend(text).spans["amount"]
    assert text[span.start : span.end] == "'12.50'"


@given(DOCUMENTS, st.sampled_from([None, 2]), st.booleans())
def test_sound_json_is_read_alike_by_both(document: dict[str, object], indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    strict = strict_json.loads(text.encode())
    found = MENDER.mend(text)
    assert not found.tainted
    assert same(found.value, strict)
    with contextlib.suppress(StrictJSONError):
        ours = read_tolerantly(text)
        assert ours.guessed or ours.doubted or same(ours.value, strict)
    for name, span in found.spans.items():
        assert same(strict_json.loads(text[span.start : span.end].encode()), document_of(strict)[name])


@given(DOCUMENTS.filter(bool), st.data())
def test_a_document_that_is_cut_is_never_sure(document: dict[str, object], data: st.DataObject) -> None:
    text = json.dumps(document)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    assert not MENDER.mend(cut).is_sure


@given(st.text(alphabet="{}[]\",:'\\ab1 /*\n.-`", max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    found = MENDER.mend(text)
    assert found.found or found.value is None


def document_of(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    "text",
    [
        'Old: {"order": "A"}\n```json\n{"order": "B"}\n```\n',
        '```json\n{"order": "B"}\n```\nThe real one: {"order": "A"}',
    ],
)
def test_a_document_beside_a_fenced_one_is_a_second_one(text: str) -> None:
    found = MENDER.mend(text)
    assert Damage.SEVERAL in found.damage
    assert "order" in found.doubted


def test_a_key_twice_as_a_number_and_as_a_text_is_doubted() -> None:
    assert MENDER.mend('{"amount": 1, "amount": "1",}').doubted == {"amount"}


@pytest.mark.parametrize("text", ["[```" + "\n" * 32_000 + "x", "[" + " " * 10_000 + "```" + "\n" * 20_000 + "x"])
def test_blank_lines_behind_a_fence_are_gone_through_once(text: str) -> None:
    small = text.replace("\n" * 16, "\n").replace(" " * 16, " ")
    once = min(_time_of(small) for _ in range(3))
    assert _time_of(text) < 100 * max(once, 0.001), "sixteen times as long took 256 times the time"


def _time_of(text: str) -> float:
    before = time.process_time()
    with contextlib.suppress(StrictJSONError):
        read_tolerantly(text)
    return time.process_time() - before
