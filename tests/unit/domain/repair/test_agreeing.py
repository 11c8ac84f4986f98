"""Two readings: what only one of them says is never believed."""

from domain.inbound.strict_json import Number
from domain.repair.agreeing import DocumentReading as Read
from domain.repair.agreeing import agreed
from domain.repair.document import Damage, MendedDocument, TextPlace


def test_nothing_read_is_said() -> None:
    assert not agreed(None, None).found
    assert not agreed(None, None).is_sure


def test_what_only_one_could_read_is_doubted_altogether() -> None:
    for one in (
        agreed(Read({"a": "1", "b": "2"}), None),
        agreed(None, Read({"a": "1", "b": "2"})),
    ):
        assert one.doubted == {"a", "b"}
        assert Damage.AMBIGUOUS in one.damage
        assert not one.is_sure


def test_where_they_differ_the_stricter_one_stands_and_the_field_is_doubted() -> None:
    found = agreed(Read({"zip": "02134", "a": "x"}), Read({"zip": Number("2134"), "a": "x"}))
    assert found.value == {"zip": "02134", "a": "x"}
    assert found.doubted == {"zip"}
    assert not found.is_sure


def test_where_the_stricter_one_guessed_the_other_stands() -> None:
    found = agreed(Read({"a": 'b"c'}, guessed=True), Read({"a": "b", "c": "d"}))
    assert found.value == {"a": "b", "c": "d"}
    assert found.doubted == {"a", "c"}


def test_what_the_stricter_one_doubts_stays_doubted_where_the_other_stands() -> None:
    first = Read({"a": 'b"', "c": "d"}, doubted={"a", "gone"}, guessed=True)
    assert agreed(first, Read({"a": 'b"', "c": "d"})).doubted == {"a"}


def test_a_field_that_the_other_reader_dropped_is_doubted() -> None:
    assert agreed(Read({"a": "x", "b": "y"}), Read({"a": "x"})).doubted == {"b"}


def test_of_several_documents_all_fields_are_doubted() -> None:
    several = Read({"a": "x"}, damage={Damage.SEVERAL})
    assert agreed(several, Read({"a": "x"})).doubted == {"a"}


def test_what_both_read_is_sure_and_has_its_place() -> None:
    found = agreed(Read({"a": "x"}, {Damage.QUOTES}, spans={"a": TextPlace(5, 8)}), Read({"a": "x"}))
    assert found.is_sure
    assert found.tainted
    assert found.spans == {"a": TextPlace(5, 8)}
    assert found.told(()) == "quotes"


def test_a_sound_document_is_not_tainted() -> None:
    assert not MendedDocument(value={"a": "x"}).tainted
