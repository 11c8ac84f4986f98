"""Kinds of documents of a blueprint: `documents/NAME.toml`."""

import shutil
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from domain.repair.kinds import DocumentKind
from workers.config.variables import PROJECT
from workers.parts.blueprint import read_blueprint_folder

KIND = """sources = ["shop"]
root = "form"
[case]
order_id = "order"
[fields]
order = {}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT / "blueprints" / "default", tmp_path / "blueprint"))


def write(folder: Path, text: str, name: str = "form.toml") -> None:
    (folder / "documents").mkdir(exist_ok=True)
    (folder / "documents" / name).write_text(text, "utf-8")


def test_the_default_one_shows_a_kind_that_no_source_sends(folder: Path) -> None:
    blueprint = read_blueprint_folder(folder)[0]
    assert list(blueprint.documents) == ["return_request"]
    assert not blueprint.reads_documents
    assert blueprint.document_of("shop") == ""


def test_a_source_has_its_kind_and_the_version_of_the_blueprint_goes_by_it(folder: Path) -> None:
    before = read_blueprint_folder(folder)[0].version
    write(folder, KIND)
    blueprint = read_blueprint_folder(folder)[0]
    assert (blueprint.document_of("shop"), blueprint.document_of("other")) == ("form", "")
    assert blueprint.version != before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fields = 3", "key fields"),
        ("[fields]\norder = {}\n[case]\norder_id = 'ordr'", "there is no field 'ordr'; expected one of order"),
        ("[fields]\norder = {}\n[labels.en]\nordr = 'x'", "labels.en: there is no field 'ordr'"),
        ("[fields]\norder = {sources=['crm.x']}", "'crm.x' is of no record"),
        ("[fields]\norder = {kind='money'}", "key fields.order.kind"),
        ("[case]\ncustomer_id = 'x'\n[fields]\nx = {}", "key case.customer_id"),
        ("sources = [", "no valid TOML"),
        ("sources = ['shop']\n[fields]\norder = {}", "every message of theirs would be taken for such a document"),
        ("[fields]\nx = {sources=['order.totl']}\n[records.order]\nanchors={x='order_id'}", "order has no 'totl'"),
        ("[fields]\nx = {}\n[records.order]\nanchors={x='nofield'}", "order has no 'nofield'"),
        ("[fields]\nx = {}\n[records.crm]\nanchors={x='id'}", "records.crm: there is no such record"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(folder: Path, text: str, said: str) -> None:
    write(folder, text)
    with pytest.raises(ConfigurationError) as refused:
        read_blueprint_folder(folder)
    assert "form.toml" in str(refused.value)
    assert said in str(refused.value)


def test_a_source_sends_one_kind_and_a_file_has_a_plain_name(folder: Path) -> None:
    write(folder, KIND)
    write(folder, KIND, "other.toml")
    with pytest.raises(ConfigurationError, match=r"'shop' sends documents of form\.toml already"):
        read_blueprint_folder(folder)
    write(folder, "", "other.toml")
    write(folder, KIND, "My Form.toml")
    with pytest.raises(ConfigurationError, match="rename it or take it out"):
        read_blueprint_folder(folder)


@pytest.mark.parametrize("file", ["prompts/repair.md", "letters/de/fields_asked.md"])
def test_whoever_reads_documents_needs_the_prompt_and_the_letter(folder: Path, file: str) -> None:
    (folder / file).unlink()
    read_blueprint_folder(folder)
    write(folder, KIND)
    with pytest.raises(ConfigurationError, match="is missing"):
        read_blueprint_folder(folder)


def test_a_body_without_any_of_its_marks_is_a_message_like_others() -> None:
    kind = DocumentKind.model_validate({"sources": ["shop"], "marked_by": ["form_no"], "fields": {"city": {}}})
    assert kind.is_marked({"form_no": None})
    assert not kind.is_marked({"text": "hello"})
    assert not kind.is_marked(None)


def test_a_field_is_called_as_people_call_it() -> None:
    kind = DocumentKind.model_validate(
        {"fields": {"vat_id": {}, "city": {}}, "labels": {"en": {"vat_id": "VAT id"}, "de": {"vat_id": "USt-IdNr."}}}
    )
    assert [kind.label("vat_id", lang) for lang in ("de-AT", "DE", "fr", "und")] == [
        "USt-IdNr.", "USt-IdNr.", "VAT id", "VAT id",
    ]  # fmt: skip
    assert kind.label("city", "de") == "city"
