"""Files as databases and spreadsheets write them are read; what cannot be read is told by file, line and remedy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.imports import files as reading
from adapters.imports.importing import import_records
from adapters.store import Store, open_store
from domain.importing.problems import MOST_KEPT, ImportReport
from tests.contracts.store_samples import NOW

HEAD = "customer_id,email,name\n"
ONE = HEAD + "C-1,ann@example.com,Ann\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


def load(store: Store, path: Path, body: bytes | str) -> ImportReport:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return import_records(store.database, path, now=NOW)


def only(report: ImportReport) -> str:
    assert len(report.problems) == report.problem_count == 1, [str(problem) for problem in report.problems]
    return str(report.problems[0])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "customers.csv: expected a header and rows, the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\r\n\r\n", "the file is empty"),
        (HEAD, "customers.csv: expected rows below the header, there is none"),
        (HEAD + "\n,,\n ; \n", "customers.csv:4: expected 3 fields"),
        (HEAD + "C-1,a@b.example,Ann,\n", "customers.csv:2: expected 3 fields as in the header, found 4"),
        (HEAD + "C-1\n", "customers.csv:2: expected 3 fields as in the header, found 1"),
        (ONE + 'C-2,b@b.example,"Bob\n', "customers.csv:3: expected fields parted by ','"),
        (ONE + 'C-2,b@b.example,"Bob" x\n', "customers.csv:3: expected fields parted by ','"),
        (ONE.encode("utf-16"), "found UTF-16; save it as 'CSV UTF-8'"),
        ((ONE + "C-2,b@b.example,Müller\n").encode("latin-1"), "customers.csv:3: expected UTF-8, found byte 0xFC at"),
        (b"\xef\xbb\xbf" + HEAD[:-1].encode() + b"\xff\n", ":1: expected UTF-8, found byte 0xFF at offset 25;"),
        (ONE + "C-2,b@b.example," + "x" * 70_000 + "\n", "customers.csv:3: expected lines of at most 65536 bytes"),
        ("customer_id|email\nC-1|a@b.example\n", "customers.csv:1 customer_id|email: expected a column"),
        ('"customer_id,email\nC-1,a@b.example\n', "customers.csv:1: expected a header"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told(store: Store, tmp_path: Path, body: bytes | str, expected: str) -> None:
    said = [str(problem) for problem in load(store, tmp_path / "in" / "customers.csv", body).problems]
    assert expected in said[0]


@pytest.mark.parametrize(
    "body",
    [
        ONE,
        ONE.removesuffix("\n"),
        "\ufeff" + ONE,
        ONE.replace("\n", "\r\n"),
        "\ufeff" + ONE.replace("\n", "\r\n").replace(",", ";"),
        ONE.replace(",", "\t"),
        HEAD.upper() + "C-1,ann@example.com,Ann\n",
        HEAD.replace(",", " , ") + ' C-1 , ann@example.com ,"Ann"\n\n,,\n',
        '"customer_id";"email";"name"\n"C-1";"ann@example.com";"Ann"\n',
        "name;email;customer_id\nAnn;ann@example.com;C-1\n",
    ],
)
def test_files_of_spreadsheets_are_read(store: Store, tmp_path: Path, body: str) -> None:
    assert load(store, tmp_path / "in" / "customers.csv", body).problems == []
    account = store.records.find_account(
        tenant="default", customer_id=None, sender_email="ann@example.com", order_id=None, now=NOW
    )
    assert account.customer is not None
    assert account.customer.customer_id == "C-1"


def test_quotes_hold_separators_and_lines_are_counted_as_an_editor_does(store: Store, tmp_path: Path) -> None:
    body = HEAD + 'C-1,ann@example.com,"Ann, ""A"""\nC-2,b@b.example,"Bob\nB"\nC-3,nothing,Eve\n'
    said = [str(p) for p in load(store, tmp_path / "in" / "customers.csv", body).problems]
    assert len(said) == 2
    assert said[0].startswith("customers.csv:3 name 'Bob\\nB': ")
    assert said[1].startswith("customers.csv:5 email 'nothing': ")


def test_a_quote_that_is_never_closed_does_not_take_all_memory(store: Store, tmp_path: Path) -> None:
    body = HEAD + 'C-1,a@b.example,"Ann\n' + "C-2,b@b.example,Bob\n" * 100_000
    assert "field larger than field limit" in only(load(store, tmp_path / "in" / "customers.csv", body))


def test_a_file_of_another_name_is_known_by_its_header(store: Store, tmp_path: Path) -> None:
    assert load(store, tmp_path / "export-0310.csv", ONE).counts["customers"].added == 1
    assert "territories.csv" in only(load(store, tmp_path / "export.csv", "a,b\n1,2\n"))
    assert load(store, tmp_path / "CUSTOMERS.CSV", ONE).counts["customers"].unchanged == 1


def test_a_csv_file_of_an_unknown_name_in_a_folder_is_not_left_out_without_a_word(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    load(store, folder / "customers.csv", ONE)
    (folder / "notes.txt").write_text("not records")
    (folder / "custmers.csv").write_text(ONE)
    assert "custmers.csv: expected one of accounts.csv, customers.csv" in only(
        import_records(store.database, folder, now=NOW)
    )


def test_a_folder_without_records_is_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert "expected at least one of" in only(import_records(store.database, tmp_path / "mine", now=NOW))


def test_two_files_of_one_kind_are_told(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    load(store, folder / "customers.csv", ONE)
    (folder / "Customers.csv").write_text(ONE)
    assert "expected one file of customers" in only(import_records(store.database, folder, now=NOW))


def test_all_problems_are_counted_and_the_first_are_told(store: Store, tmp_path: Path) -> None:
    body = HEAD + "".join(f"C-{n},nothing,Ann\n" for n in range(1_000))
    report = load(store, tmp_path / "in" / "customers.csv", body)
    assert (len(report.problems), report.problem_count) == (MOST_KEPT, 1_000)
    assert report.problems[0].line == 2


def test_a_line_is_read_no_further_than_it_may_be_long(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 64)
    assert "at most 64 bytes" in only(load(store, tmp_path / "in" / "customers.csv", ONE + "x" * 10_000_000))


def test_what_is_not_there_is_an_error_of_the_system(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        import_records(store.database, tmp_path / "none.csv", now=NOW)
