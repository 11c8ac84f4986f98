"""What an import of records promises, on any database. Sub-classed with a `store` fixture that holds the samples."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest
import sqlalchemy as sa

from adapters.imports import importing
from adapters.imports.importing import import_records
from adapters.imports.spool import Spool
from adapters.store import Store
from adapters.store.tables import charges, customers, orders
from domain.errors import TransientError
from domain.importing.problems import ImportReport
from domain.money.refund_action import RefundTerms
from tests.contracts.store_samples import NOW, RECORDS, action, stored_case

CUSTOMERS = """
    customer_id,email,name
    C-7,cleo@example.com,Cleo
    C-8,dan@example.com,Dan
"""
ORDERS = """
    order_id,customer_id,status,placed_at,total,currency
    ORD-7,C-7,delivered,2026-06-01T10:00:00Z,20.00,USD
    ORD-8,C-8,placed,2026-06-02T10:00:00Z,500,JPY
"""
CHARGES = """
    charge_id,order_id,amount,currency,captured_at,payee
    CH-7,ORD-7,20.00,USD,2026-06-01T10:00:00Z,card:visa-7
    CH-8,ORD-8,500,JPY,2026-06-02T10:00:00Z,card:visa-8
"""
# As the samples have them.
ORDER_1 = "ORD-1,C-1,delivered,2026-06-05T12:00:00Z,20.00,USD"
CHARGE_1 = "CH-1,ORD-1,20.00,USD,2026-06-05T12:00:00Z,card:visa-1"


def before_the_writing(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen once, between the check of the next import and its writing."""
    write_all = importing._write_all

    def late(*arguments: object, **more: object) -> None:
        monkeypatch.setattr(importing, "_write_all", write_all)
        happens()
        write_all(*arguments, **more)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(importing, "_write_all", late)


def write(folder: Path, **files: str) -> Path:
    made = folder / "mine"
    made.mkdir(exist_ok=True)
    for name, text in files.items():
        (made / f"{name}.csv").write_text(dedent(text).lstrip(), encoding="utf-8")
    return made


def load(store: Store, folder: Path, *, dry_run: bool = False, **files: str) -> ImportReport:
    return import_records(store.database, write(folder, **files), now=NOW, dry_run=dry_run)


def counted(report: ImportReport) -> dict[str, tuple[int, int, int]]:
    assert report.problems == []
    return {kind: (count.added, count.changed, count.unchanged) for kind, count in report.counts.items()}


def told(report: ImportReport) -> list[str]:
    assert report.problem_count == len(report.problems)
    return [str(problem) for problem in report.problems]


def rows(store: Store, table: sa.Table) -> list[dict[str, object]]:
    with store.database.reading() as connection:
        found = connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()
        return [dict(row) for row in found]


def everything(store: Store) -> list[object]:
    return [rows(store, table) for table in (customers, orders, charges)]


def load_samples_again(store: Store, folder: Path) -> ImportReport:
    (folder / "again").mkdir()
    for name, text in RECORDS.items():
        (folder / "again" / f"{name}.csv").write_text(dedent(text).lstrip(), encoding="utf-8")
    return import_records(store.database, folder / "again", now=NOW + timedelta(days=9), samples=True)


class ImportContract:
    """All or nothing, the same again is nothing, and what the ledger rests on stays."""

    # --- what is refused --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("name", "line", "expected"),
        [
            ("orders", "ORD-7,C-8,lost,{at},1,USD", "orders.csv:4 order_id 'ORD-7': expected each order once"),
            ("orders", "ORD-9,C-99,lost,{at},1,USD", "orders.csv:4 customer_id 'C-99': expected a known customer"),
            ("charges", "CH-7,ORD-7,1,USD,{at},p", "charges.csv:4 charge_id 'CH-7': expected each charge once"),
            ("charges", "CH-9,ORD-99,1,USD,{at},p", "charges.csv:4 order_id 'ORD-99': expected a known order"),
            ("charges", "CH-9,ORD-7,1,EUR,{at},p", "charges.csv:4 currency 'EUR': expected 'USD'"),
            ("charges", "CH-9,ORD-3,1,USD,{at},p", "charges.csv:4 currency 'USD': expected 'EUR'"),
            ("customers", "C-7,new@example.com,Cleo", "customers.csv:4 customer_id 'C-7': expected each customer once"),
            ("customers", "C-9,CLEO@Example.com,Cleo", "line 2 has it too"),
            ("customers", "C-9,Ann@Example.com,Ann", "'C-1' has it in the store"),
        ],
    )  # fmt: skip
    def test_what_contradicts_other_lines_or_the_store_is_refused_with_its_place(
        self, store: Store, tmp_path: Path, name: str, line: str, expected: str
    ) -> None:
        before = everything(store)
        files = {"customers": CUSTOMERS, "orders": ORDERS, "charges": CHARGES}
        files[name] = f"{dedent(files[name]).strip()}\n{line.format(at='2026-06-01T10:00:00Z')}\n"
        report = load(store, tmp_path, **files)
        assert len(told(report)) == 1, told(report)
        assert expected in told(report)[0]
        assert everything(store) == before, "nothing is half loaded"

    def test_an_account_that_nobody_knows_is_refused(self, store: Store, tmp_path: Path) -> None:
        report = load(store, tmp_path, customers="customer_id,account_id\nC-7,A-99\n")
        assert "customers.csv:2 account_id 'A-99': expected a known account" in told(report)[0]

    def test_a_wrong_line_does_not_make_those_wrong_that_refer_to_it(self, store: Store, tmp_path: Path) -> None:
        report = load(store, tmp_path, customers=CUSTOMERS, orders=ORDERS.replace("placed,", "sent,"), charges=CHARGES)
        assert [problem.column for problem in report.problems] == ["status"]

    def test_a_file_that_cannot_be_read_does_not_make_others_wrong(self, store: Store, tmp_path: Path) -> None:
        folder = write(tmp_path, customers=CUSTOMERS, orders=ORDERS, charges=CHARGES)
        (folder / "orders.csv").write_bytes(ORDERS.encode("utf-16"))
        assert [problem.file for problem in import_records(store.database, folder, now=NOW).problems] == ["orders.csv"]

    # --- what is loaded ---------------------------------------------------------------------------------------------

    def test_the_same_files_again_change_nothing(self, store: Store, tmp_path: Path) -> None:
        files = {"customers": CUSTOMERS, "orders": ORDERS, "charges": CHARGES}
        assert counted(load(store, tmp_path, **files)) == dict.fromkeys(files, (2, 0, 0))
        before = everything(store)
        assert counted(load(store, tmp_path, **files)) == dict.fromkeys(files, (0, 0, 2))
        assert everything(store) == before

    def test_samples_that_are_there_stay_as_they_were(self, store: Store, tmp_path: Path) -> None:
        """Their dates are days from now: loaded again on another day they would be others."""
        before = everything(store)
        again = load_samples_again(store, tmp_path)
        assert {count.unchanged > 0 and not count.changed for count in again.counts.values()} == {True}
        assert everything(store) == before

    def test_a_dry_run_says_the_same_and_writes_nothing(self, store: Store, tmp_path: Path) -> None:
        before = everything(store)
        files = {"customers": CUSTOMERS, "orders": ORDERS, "charges": CHARGES}
        assert counted(load(store, tmp_path, dry_run=True, **files)) == dict.fromkeys(files, (2, 0, 0))
        assert everything(store) == before

    def test_a_changed_line_changes_its_record_and_no_other(self, store: Store, tmp_path: Path) -> None:
        load(store, tmp_path, customers=CUSTOMERS, orders=ORDERS)
        report = load(store, tmp_path, orders=ORDERS.replace("placed,", "lost,"))
        assert counted(report)["orders"] == (0, 1, 1)
        stands = {row["order_id"]: row["status"] for row in rows(store, orders)}
        assert (stands["ORD-7"], stands["ORD-8"]) == ("delivered", "lost")

    def test_columns_that_a_file_does_not_have_are_left_alone(self, store: Store, tmp_path: Path) -> None:
        load(store, tmp_path, customers="customer_id,name\nC-1,Anna\nC-9,Eve\n")
        found = {(row["tenant"], row["customer_id"]): row for row in rows(store, customers)}
        ann, eve = found["default", "C-1"], found["default", "C-9"]
        assert (ann["name"], ann["email"], ann["lang"], ann["account_id"]) == ("Anna", "Ann@Example.com", "en", "A-1")
        assert (eve["email"], eve["lang"]) == (None, "en")

    def test_an_empty_cell_takes_away_what_was_there(self, store: Store, tmp_path: Path) -> None:
        load(store, tmp_path, customers="customer_id,email\nC-1,\n")
        [ann] = [row for row in rows(store, customers) if (row["tenant"], row["customer_id"]) == ("default", "C-1")]
        assert (ann["email"], ann["email_key"]) == (None, None)

    def test_two_customers_may_exchange_their_addresses(self, store: Store, tmp_path: Path) -> None:
        report = load(store, tmp_path, customers="customer_id,email\nC-1,bob@example.com\nC-2,ann@example.com\n")
        assert counted(report)["customers"] == (0, 2, 0)
        found = {row["customer_id"]: row["email_key"] for row in rows(store, customers) if row["tenant"] == "default"}
        assert found == {"C-1": "bob@example.com", "C-2": "ann@example.com"}

    def test_tenants_are_kept_apart(self, store: Store, tmp_path: Path) -> None:
        orders_of_two = """
            tenant,order_id,customer_id,status,placed_at,total,currency
            default,ORD-9,C-1,placed,2026-06-01T10:00:00Z,1,USD
            other,ORD-9,C-1,lost,2026-06-01T10:00:00Z,1,USD
            other,ORD-10,C-2,lost,2026-06-01T10:00:00Z,1,USD
        """
        assert "orders.csv:4 customer_id 'C-2'" in told(load(store, tmp_path, orders=orders_of_two))[0]
        charge = f"tenant,charge_id,order_id,amount,currency,captured_at,payee\nother,{CHARGE_1}\n"
        (tmp_path / "y").mkdir()
        problems = told(load(store, tmp_path / "y", charges=charge))
        assert any("expected the tenant that has this charge already" in problem for problem in problems)

    def test_more_rows_than_are_handled_at_once_are_loaded_whole(self, store: Store, tmp_path: Path) -> None:
        many = "customer_id,email\n" + "".join(f"M-{n},m{n}@example.com\n" for n in range(1_001))
        assert counted(load(store, tmp_path, customers=many))["customers"] == (1_001, 0, 0)
        changed = many.replace("M-900,m900@", "M-900,new@")
        assert counted(load(store, tmp_path, customers=changed))["customers"] == (0, 1, 1_000)

    # --- what the ledger rests on -----------------------------------------------------------------------------------

    @pytest.fixture
    def paid(self, store: Store) -> None:
        """5.00 of 20.00 USD of CH-1 are about to go back."""
        store.cases.admit([stored_case("e1")])
        store.ledger.intend(action(), step="refund", approval_id=None, terms=RefundTerms(), now=NOW)

    @pytest.mark.parametrize(
        ("old", "new", "column"),
        [
            (",20.00,", ",30.00,", "amount"),
            ("USD", "EUR", "currency"),
            ("card:visa-1", "card:thief", "payee"),
            ("ORD-1,", "ORD-2,", "order_id"),
        ],
    )
    def test_a_charge_that_was_refunded_keeps_its_terms(
        self, store: Store, tmp_path: Path, paid: None, old: str, new: str, column: str
    ) -> None:
        charge = f"charge_id,order_id,amount,currency,captured_at,payee\n{CHARGE_1.replace(old, new)}\n"
        order = f"order_id,customer_id,status,placed_at,total,currency\n{ORDER_1.replace(old, new)}\n"
        lines = "order_id,name,quantity,amount\nORD-1,Tea cup,3,20.00\n"
        files = {"charges": charge, **({"orders": order, "order_lines": lines} if column == "currency" else {})}
        problems = load(store, tmp_path, **files).problems
        assert [problem.column for problem in problems] == [column]
        assert "Headgate paid 5.00 USD of it back" in problems[0].expected

    def test_before_any_refund_a_charge_may_be_put_right(self, store: Store, tmp_path: Path) -> None:
        charge = CHARGE_1.replace("20.00", "30.00").replace("visa-1", "visa-2")
        report = load(store, tmp_path, charges=f"charge_id,order_id,amount,currency,captured_at,payee\n{charge}\n")
        assert counted(report)["charges"] == (0, 1, 0)

    def test_what_others_refunded_counts_beside_what_headgate_did(
        self, store: Store, tmp_path: Path, paid: None
    ) -> None:
        head = "charge_id,order_id,amount,currency,captured_at,payee,refunded\n"
        over = load(store, tmp_path, charges=f"{head}{CHARGE_1},15.01\n")
        assert "refunded '15.01 USD': expected at most 15.00 USD" in told(over)[0]
        assert counted(load(store, tmp_path, charges=f"{head}{CHARGE_1},15.00\n"))["charges"] == (0, 1, 0)

    def test_an_order_that_was_refunded_stays_with_its_customer(self, store: Store, tmp_path: Path, paid: None) -> None:
        head = "order_id,customer_id,status,placed_at,total,currency\n"
        report = load(store, tmp_path, orders=head + ORDER_1.replace("C-1", "C-2"))
        assert "customer_id 'C-2': expected 'C-1'" in told(report)[0]
        other = load(store, tmp_path, orders=head + "ORD-2,C-2,shipped,2026-06-12T12:00:00Z,9000.00,USD\n")
        assert counted(other)["orders"] == (0, 1, 0)

    def test_an_order_changes_its_currency_with_its_charges_only(self, store: Store, tmp_path: Path) -> None:
        head = "order_id,customer_id,status,placed_at,total,currency\n"
        alone = load(store, tmp_path, orders=head + ORDER_1.replace("USD", "EUR"))
        assert "expected the currency of its charge 'CH-1' in the store" in told(alone)[0]

    def test_what_is_paid_between_the_check_and_the_writing_stops_the_import(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The check takes no lock; the writing does, and looks again."""
        store.cases.admit([stored_case("e1")])
        before = everything(store)
        before_the_writing(
            monkeypatch,
            lambda: store.ledger.intend(action(), step="refund", approval_id=None, terms=RefundTerms(), now=NOW),
        )
        charge = CHARGE_1.replace("20.00", "30.00")
        report = load(
            store,
            tmp_path,
            customers=CUSTOMERS,
            charges=f"charge_id,order_id,amount,currency,captured_at,payee\n{charge}\n",
        )
        assert [problem.column for problem in report.problems] == ["amount"]
        assert everything(store) == before

    def test_a_record_that_somebody_else_adds_meanwhile_stops_the_import(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "other").mkdir()
        cleo = "customer_id,email\nC-9,cleo@example.com\n"
        before_the_writing(monkeypatch, lambda: load(store, tmp_path / "other", customers=cleo))
        with pytest.raises(TransientError, match="run the import again"):
            load(store, tmp_path, customers=CUSTOMERS)
        assert "C-7" not in {row["customer_id"] for row in rows(store, customers)}

    def test_what_cannot_be_spooled_is_told(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Spool, "add", lambda spool, row: spool._db.execute("SELECT nothing"))
        with pytest.raises(TransientError, match="TMPDIR"):
            load(store, tmp_path, customers=CUSTOMERS)

    def test_the_books_say_where_a_record_is_from(self, store: Store, tmp_path: Path) -> None:
        load(store, tmp_path, customers=CUSTOMERS)
        sources = {row["customer_id"]: (row["source"], row["seen_at"]) for row in rows(store, customers)}
        assert (sources["C-7"], sources["C-2"]) == (("import", NOW), ("samples", NOW))
