"""What an import of order lines promises, on any database. Sub-classed with a `store` that holds the samples."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.imports.importing import import_records
from adapters.store import Store
from adapters.store.tables import order_lines
from domain.errors import TransientError
from domain.money.records import MAX_LINES
from domain.money.refund_action import RefundTerms
from tests.contracts.records import find
from tests.contracts.records_import import (
    CUSTOMERS,
    ORDER_1,
    ORDERS,
    before_the_writing,
    counted,
    load,
    load_samples_again,
    rows,
    told,
    write,
)
from tests.contracts.store_samples import NOW, action, stored_case

HEAD = "order_id,name,quantity,amount,kind\n"
LINES = """
    order_id,name,quantity,amount,kind
    ORD-7,Mug,2,9.00,item
    ORD-8,Bowl,1,500,
    ORD-7,Parcel,1,4.90,shipping
"""
ORDERS_HEAD = "order_id,customer_id,status,placed_at,total,currency\n"


def lines(store: Store, order_id: str) -> list[tuple[str, int, int, str]]:
    """Return the lines of an order in the store, in their order."""
    found = [row for row in rows(store, order_lines) if row["order_id"] == order_id]
    return [(str(r["name"]), int(str(r["quantity"])), int(str(r["amount_minor"])), str(r["kind"])) for r in found]


SAMPLE = [("Tea cup, blue", 3, 1_510, "item"), ("Standard parcel", 1, 490, "shipping")]


class OrderLinesContract:
    """An order has all of its lines or none; they fit its total and its currency."""

    # --- what is refused --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("ORD-99,Mug,1,1.00,", "order_lines.csv:2 order_id 'ORD-99': expected a known order: it is neither in"),
            ("ORD-1,Mug,1,20.01,", "order_lines.csv:2 amount '20.01 USD': expected the lines of order 'ORD-1' to come"),
            ("ORD-1,Mug,0,20.00,", "order_lines.csv:2 quantity '0': expected a whole number from 1"),
            ("ORD-1,Mug,1,2.001,", "order_lines.csv:2 amount '2.001': expected up to 12 digits and at most 2 decimals"),
            ("ORD-1,Mug,1,-2.00,", "order_lines.csv:2 amount '-2.00': expected up to 12 digits"),
            ("ORD-1,Mug,1,9 USD,", "order_lines.csv:2 amount '9 USD': expected up to 12 digits"),
            (
                "ORD-1,Mug,1,1.00,gift",
                "order_lines.csv:2 kind 'gift': expected one of item, shipping, tax, fee, service",
            ),
            ("ORD-1,,1,1.00,", "order_lines.csv:2 name '': expected a value; fill the cell"),
            ("ORD-1,Mug,1,20.00,\nORD-1,Tax,1,0.01,tax", "order_lines.csv:2 amount '20.01 USD': expected the lines"),
        ],
    )
    def test_what_contradicts_the_order_is_refused_with_its_place(
        self, store: Store, tmp_path: Path, line: str, expected: str
    ) -> None:
        said = told(load(store, tmp_path, order_lines=HEAD + line + "\n"))
        assert len(said) == 1, said
        assert said[0].startswith(expected)
        assert "; " in said[0], "with what to do"
        assert lines(store, "ORD-1") == SAMPLE, "nothing is half loaded"

    def test_amounts_are_read_in_the_currency_of_their_order(self, store: Store, tmp_path: Path) -> None:
        wrong = LINES.replace("Bowl,1,500", "Bowl,1,5.00")
        [said] = told(load(store, tmp_path, customers=CUSTOMERS, orders=ORDERS, order_lines=wrong))
        assert said == (
            "order_lines.csv:3 amount '5.00': expected up to 12 digits and no decimals for JPY, for example '5000'; "
            "write plain digits with a full stop, without signs or separators"
        )

    def test_an_order_that_could_not_be_read_does_not_make_its_lines_wrong(self, store: Store, tmp_path: Path) -> None:
        broken = ORDERS.replace("20.00,USD", "20.00,usd").replace("placed,", "sent,")
        report = load(store, tmp_path, customers=CUSTOMERS, orders=broken, order_lines=LINES)
        assert [problem.column for problem in report.problems] == ["currency", "status"]

    def test_more_lines_than_are_kept_are_told_once(self, store: Store, tmp_path: Path) -> None:
        many = HEAD + "ORD-2,Nut,1,0.01,\n" * (MAX_LINES + 3)
        [said] = told(load(store, tmp_path, order_lines=many))
        assert said.startswith(f"order_lines.csv:{MAX_LINES + 2} order_id 'ORD-2': expected at most {MAX_LINES} lines")
        assert counted(load(store, tmp_path, order_lines=HEAD + "ORD-2,Nut,1,0.01,\n" * MAX_LINES)) == {
            "order_lines": (MAX_LINES, 0, 0)
        }

    # --- what is loaded ---------------------------------------------------------------------------------------------

    def test_lines_come_with_their_order_or_later(self, store: Store, tmp_path: Path) -> None:
        files = {"customers": CUSTOMERS, "orders": ORDERS, "order_lines": LINES}
        assert counted(load(store, tmp_path, **files))["order_lines"] == (3, 0, 0)
        assert lines(store, "ORD-7") == [("Mug", 2, 900, "item"), ("Parcel", 1, 490, "shipping")]
        assert lines(store, "ORD-8") == [("Bowl", 1, 500, "item")]
        before = rows(store, order_lines)
        assert counted(load(store, tmp_path, **files))["order_lines"] == (0, 0, 3)
        assert rows(store, order_lines) == before

    def test_a_file_by_any_name_is_known_by_its_columns(self, store: Store, tmp_path: Path) -> None:
        file = write(tmp_path, export=HEAD + "ORD-2,Desk,1,9000.00,\n") / "export.csv"
        assert counted(import_records(store.database, file, now=NOW)) == {"order_lines": (1, 0, 0)}

    def test_an_order_that_a_file_names_has_the_lines_of_the_file_and_no_other(
        self, store: Store, tmp_path: Path
    ) -> None:
        report = load(store, tmp_path, order_lines=HEAD + "ORD-1,Teapot,1,20.00,\nORD-2,Desk,1,9000.00,\n")
        assert counted(report) == {"order_lines": (1, 1, 0)}
        assert report.counts["order_lines"].removed == 1
        assert lines(store, "ORD-1") == [("Teapot", 1, 2_000, "item")]
        load(store, tmp_path, order_lines=HEAD + "ORD-2,Chair,1,90.00,\n")
        assert lines(store, "ORD-1") == [("Teapot", 1, 2_000, "item")], "it was not named"

    def test_a_dry_run_says_what_would_go_and_takes_nothing_away(self, store: Store, tmp_path: Path) -> None:
        report = load(store, tmp_path, dry_run=True, order_lines=HEAD + "ORD-1,Teapot,1,20.00,\n")
        assert report.counts["order_lines"].removed == 1
        assert lines(store, "ORD-1") == SAMPLE

    def test_tenants_have_lines_of_their_own(self, store: Store, tmp_path: Path) -> None:
        orders = "tenant," + ORDERS_HEAD + "other,ORD-1,C-1,lost,2026-06-01T10:00:00Z,5,JPY\n"
        own = "tenant," + HEAD + "other,ORD-1,Fan,1,5,\n"
        assert counted(load(store, tmp_path, orders=orders, order_lines=own))["order_lines"] == (1, 0, 0)
        found = {(row["tenant"], row["name"]) for row in rows(store, order_lines)}
        assert found == {("default", "Tea cup, blue"), ("default", "Standard parcel"), ("other", "Fan")}

    def test_more_orders_than_are_handled_at_once_are_loaded_whole(self, store: Store, tmp_path: Path) -> None:
        orders = ORDERS_HEAD + "".join(f"M-{n},C-1,lost,2026-06-01T10:00:00Z,2.00,USD\n" for n in range(900))
        both = HEAD + "".join(f"M-{n},Nut,1,1.00,\nM-{n},Bolt,1,1.00,\n" for n in range(900))
        assert counted(load(store, tmp_path, orders=orders, order_lines=both))["order_lines"] == (1_800, 0, 0)
        fewer = both.replace("M-7,Bolt,1,1.00,\n", "").replace("M-8,Bolt,1,1.00", "M-8,Bolt,1,1.01")
        [said] = told(load(store, tmp_path, order_lines=fewer))
        assert "expected the lines of order 'M-8' to come to its total at most, 2.00 USD" in said
        report = load(store, tmp_path, order_lines=fewer.replace("1.01", "0.99"))
        assert (counted(report)["order_lines"], report.counts["order_lines"].removed) == ((0, 1, 1_798), 1)

    # --- orders that change -----------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (
                ",20.00,",
                ",19.99,",
                "total '19.99 USD': expected no less than its lines in the store come to, 20.00 USD",
            ),
            ("USD", "EUR", "currency 'EUR': expected the currency of its lines in the store"),
        ],
    )
    def test_an_order_falls_below_its_lines_or_changes_their_currency_with_them_only(
        self, store: Store, tmp_path: Path, old: str, new: str, said: str
    ) -> None:
        changed = {"orders": ORDERS_HEAD + ORDER_1.replace(old, new)}
        assert any(said in problem for problem in told(load(store, tmp_path, **changed)))
        together = {**changed, "order_lines": HEAD + "ORD-1,Tea cup,1,19.99,\n"}
        if new == "EUR":
            head = "charge_id,order_id,amount,currency,captured_at,payee\n"
            together["charges"] = f"{head}CH-1,ORD-1,20.00,EUR,2026-06-05T12:00:00Z,card:visa-1\n"
        assert counted(load(store, tmp_path, **together))["orders"] == (0, 1, 0)
        assert lines(store, "ORD-1") == [("Tea cup", 1, 1_999, "item")]

    def test_lines_of_an_order_that_was_refunded_may_change(self, store: Store, tmp_path: Path) -> None:
        """The ledger holds a refund to its charge, the limit and the cap, never to a line: nothing rests on one."""
        store.cases.admit([stored_case("e1")])
        store.ledger.intend(action(), step="refund", approval_id=None, terms=RefundTerms(), now=NOW)
        counted(load(store, tmp_path, order_lines=HEAD + "ORD-1,Saucer,1,1.00,\n"))
        order = find(store.records, customer_id="C-1", order_id="ORD-1").order
        assert order is not None
        assert [(line.name, line.amount_minor) for line in order.lines] == [("Saucer", 100)]
        assert order.charges[0].refunded_minor == 500

    def test_an_order_that_changes_between_the_check_and_the_writing_stops_the_import(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "other").mkdir()
        changed = ORDERS_HEAD + "ORD-3,C-2,placed,2026-06-14T12:00:00Z,9.00,EUR\n"
        before_the_writing(monkeypatch, lambda: load(store, tmp_path / "other", orders=changed))
        [said] = told(load(store, tmp_path, order_lines=HEAD + "ORD-3,Fan,1,50.00,\n"))
        assert "to come to its total at most, 9.00 EUR" in said
        assert lines(store, "ORD-3") == []

    def test_lines_that_somebody_else_adds_meanwhile_stop_the_import(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "other").mkdir()
        before_the_writing(
            monkeypatch, lambda: load(store, tmp_path / "other", order_lines=HEAD + "ORD-2,Chair,1,1.00,\n")
        )
        with pytest.raises(TransientError, match="run the import again"):
            load(store, tmp_path, order_lines=HEAD + "ORD-2,Desk,1,9000.00,\n")
        assert lines(store, "ORD-2") == [("Chair", 1, 100, "item")]

    # --- samples ----------------------------------------------------------------------------------------------------

    def test_samples_leave_alone_what_somebody_changed(self, store: Store, tmp_path: Path) -> None:
        load(store, tmp_path, order_lines=HEAD + "ORD-1,Teapot,1,20.00,\n")
        load_samples_again(store, tmp_path)
        assert lines(store, "ORD-1") == [("Teapot", 1, 2_000, "item")]

    def test_samples_bring_lines_to_their_own_orders_only(self, store: Store, tmp_path: Path) -> None:
        """A store of the release before has the sample orders without lines; one of them may be somebody's own."""
        with store.database.engine.begin() as connection:
            connection.execute(sa.delete(order_lines))
        load(store, tmp_path, orders=ORDERS_HEAD + ORDER_1.replace("20.00", "5.00"))
        assert load_samples_again(store, tmp_path).problems == []
        assert lines(store, "ORD-1") == []
        (tmp_path / "more").mkdir()
        load(store, tmp_path / "more", orders=ORDERS_HEAD + ORDER_1)
        again = import_records(store.database, tmp_path / "again", now=NOW, samples=True)
        assert again.counts["order_lines"].added == 2
        assert lines(store, "ORD-1") == SAMPLE
