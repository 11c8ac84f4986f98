"""One row of a file becomes a record, or a list of what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import CellError
from domain.importing.cells import Value, when
from domain.importing.kinds import COLUMNS, KEYS, Column, Holds, Kind, all_names, needed_names
from domain.importing.problems import Problems
from domain.money.amount import format_minor, parse_exact

_CURRENCY = "currency"


@dataclass(frozen=True, slots=True)
class Times:
    """The time of the import, and whether dates may be days from it (`-3d`), as in the samples."""

    now: datetime
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file, in its order."""

    file: str
    kind: Kind
    columns: tuple[Column, ...]


@dataclass(slots=True)
class Row:
    """A record as a file has it: the fields that the file has columns for, those of the key, and the tenant.

    `good` is False where something of it could not be read; then only its key counts, for those who refer to it.
    """

    kind: Kind
    file: str
    line: int
    values: dict[str, Value] = field(default_factory=dict)
    good: bool = True

    @property
    def key(self) -> tuple[str, ...] | None:
        """What tells it apart from others of its kind; None where that could not be read."""
        parts = [self.values.get(name) for name in KEYS[self.kind]]
        return None if any(part is None for part in parts) else tuple(str(part) for part in parts)


def read_header(file: str, kind: Kind, names: Sequence[str], problems: Problems) -> Header | None:
    """Return the columns that a header names, or None if a row could not be read by them."""
    known = {column.name: column for column in COLUMNS[kind]}
    before = problems.count
    for place, name in enumerate(names):
        if name not in known:
            expected = f"expected a column of {kind}: {', '.join(all_names(kind))}"
            problems.add(file, expected, "rename the column or leave it out", line=1, column=name or f"no. {place + 1}")
        elif name in names[:place]:
            problems.add(file, "expected each column once", "leave one of the two out", line=1, column=name)
    for name in needed_names(kind):
        if name not in names:
            needed = ", ".join(needed_names(kind))
            problems.add(file, f"expected this column, {kind} need {needed}", "add it", line=1, column=name)
    return None if problems.count > before else Header(file, kind, tuple(known[name] for name in names))


def read_row(header: Header, line: int, fields: Sequence[str], times: Times, problems: Problems) -> Row:
    """Return what a row says; what is wrong with it is noted, and the row is not `good`."""
    row = Row(header.kind, header.file, line)
    if len(fields) != len(header.columns):
        expected = f"expected {len(header.columns)} fields as in the header, found {len(fields)}"
        remedy = "quote fields that hold the separator, and write amounts with a full stop"
        problems.add(header.file, expected, remedy, line=line)
        row.good, problems = False, Problems()  # the cells after the first wrong one say nothing
    before = problems.count
    cells = dict(zip((column.name for column in header.columns), (raw.strip() for raw in fields), strict=False))
    for column in header.columns:
        if column.name in cells and column.holds is not Holds.MONEY:  # those need the currency, wherever it stands
            _read(row, column, cells[column.name], times, problems)
    for column in header.columns:
        if column.name in cells and column.holds is Holds.MONEY:
            _read_money(row, column, cells[column.name], problems)
    for column in COLUMNS[header.kind]:
        if column.field in ("tenant", *KEYS[header.kind]) and column not in header.columns:
            row.values[column.field] = column.empty
    if problems.count == before:
        _check_together(row, problems)
    row.good = row.good and problems.count == before
    return row


def _read(row: Row, column: Column, raw: str, times: Times, problems: Problems) -> None:
    try:
        if not raw:
            row.values[column.field] = _empty(column)
        elif column.holds is Holds.PLAIN:
            row.values[column.field] = column.read(raw)
        elif column.holds is Holds.MONEY_OF_ORDER:
            row.values[column.field] = raw
        else:
            ahead = column.holds is Holds.TIME
            row.values[column.field] = when(raw, now=times.now, ahead=ahead, relative=times.relative)
    except CellError as error:
        problems.add(row.file, error.expected, error.remedy, line=row.line, column=column.name, value=raw)


def _read_money(row: Row, column: Column, raw: str, problems: Problems) -> None:
    currency = row.values.get(_CURRENCY)
    if isinstance(currency, str):  # else it was told already
        read_money(row, column, raw, currency, problems)


def read_money(row: Row, column: Column, raw: str, currency: str, problems: Problems) -> None:
    """Read an amount of a currency into the row, or note what is wrong with it."""
    try:
        row.values[column.field] = parse_exact(raw, currency).minor if raw else _empty(column)
    except CellError as error:
        problems.add(row.file, error.expected, error.remedy, line=row.line, column=column.name, value=raw)
    except ValueError as error:
        remedy = "write plain digits with a full stop, without signs or separators"
        problems.add(row.file, str(error), remedy, line=row.line, column=column.name, value=raw)


def _empty(column: Column) -> Value:
    if column.needed:
        raise CellError("expected a value", "fill the cell")
    return column.empty


def _check_together(row: Row, problems: Problems) -> None:
    """Note what is wrong with fields that are each good by themselves."""
    values = row.values
    placed, delivered = values.get("placed_at"), values.get("delivered_at")
    if isinstance(placed, datetime) and isinstance(delivered, datetime) and delivered < placed:
        expected = f"expected a time after the order was placed, {placed:%Y-%m-%dT%H:%MZ}"
        problems.add(
            row.file,
            expected,
            "look at both dates",
            line=row.line,
            column="delivered_at",
            value=f"{delivered:%Y-%m-%dT%H:%MZ}",
        )
    amount, refunded = values.get("amount_minor"), values.get("refunded_minor")
    if isinstance(amount, int) and isinstance(refunded, int) and refunded > amount:
        currency = str(values[_CURRENCY])
        problems.add(
            row.file,
            f"expected at most the charge itself, {format_minor(amount, currency)}",
            "count only what went back of this charge",
            line=row.line,
            column="refunded",
            value=format_minor(refunded, currency),
        )
