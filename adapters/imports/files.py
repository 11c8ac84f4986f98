"""CSV files as they come out of databases and spreadsheets: UTF-8 with or without a mark, any line end, `,` `;` or tab.

Everything is read line by line, so that a file of any size takes the same memory.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from domain.errors import UnreadableFileError
from domain.importing.kinds import Kind, all_names, kind_of_columns
from domain.importing.problems import Problems
from domain.importing.rows import Header, read_header

MAX_LINE_BYTES = 64 * 1024
_SEPARATORS = ",;\t"
_NAMES = ", ".join(f"{kind}.csv" for kind in Kind)
_UTF8 = "save it as 'CSV UTF-8'"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class FoundFile(NamedTuple):
    """A file to import; `kind` is None where only its header can say."""

    path: Path
    kind: Kind | None


def find_files(path: Path, problems: Problems) -> list[FoundFile]:
    """Return the file, or the files of a folder that are named after a kind of record.

    A CSV file of another name in a folder is a problem: it would be left out without a word.

    Raises:
        FileNotFoundError: there is nothing at this path.
    """
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(path)
        return [FoundFile(path, _kind_by_name(path))]
    found: dict[Kind, Path] = {}
    for file in sorted(path.iterdir()):
        if file.suffix.casefold() != ".csv" or not file.is_file():
            continue
        kind = _kind_by_name(file)
        if kind is None:
            problems.add(file.name, f"expected one of {_NAMES}", "rename it, move it away, or import it by itself")
        elif kind in found:
            problems.add(file.name, f"expected one file of {kind}, there is {found[kind].name!r}", "keep one of them")
        else:
            found[kind] = file
    if not found and not problems.count:
        problems.add(path.name, f"expected at least one of {_NAMES}", "name the folder that holds them")
    return [FoundFile(file, kind) for kind, file in sorted(found.items(), key=lambda item: list(Kind).index(item[0]))]


def _kind_by_name(path: Path) -> Kind | None:
    return next((kind for kind in Kind if kind == path.stem.casefold()), None)


class OpenFile(NamedTuple):
    """A file whose header was read; `rows` yields the line that each row begins on, and its fields."""

    header: Header
    rows: Iterator[tuple[int, list[str]]]


def open_records(found: FoundFile, file: BinaryIO, problems: Problems) -> OpenFile:
    """Read the header and return how to go on.

    Raises:
        UnreadableFileError: here, or from the rows: what is wrong was noted.
    """
    name = found.path.name
    lines = _lines(name, file, problems)
    first = next(lines, "")
    if not first.strip(" \t\r\n,;"):
        problems.add(name, "expected a header and rows, the file is empty", "fill it or leave it out")
        raise UnreadableFileError
    separator = _separator(first, found.kind)
    try:
        names = [cell.strip().casefold() for cell in next(csv.reader([first], delimiter=separator, strict=True))]
    except csv.Error as error:
        problems.add(name, f"expected a header of column names ({error})", "mend the quotes", line=1)
        raise UnreadableFileError from None
    kind = found.kind or kind_of_columns(names)
    if kind is None:
        expected = f"expected a file named one of {_NAMES}, or with the columns of just one of them"
        problems.add(name, expected, "rename the file, or mend its header", line=1, value=", ".join(names))
        raise UnreadableFileError
    header = read_header(name, kind, names, problems)
    if header is None:
        raise UnreadableFileError
    return OpenFile(header, _rows(name, lines, separator, problems))


def _separator(header: str, kind: Kind | None) -> str:
    """Return the separator by which the header has most columns that we know."""
    known = set(all_names(kind)) if kind is not None else {name for k in Kind for name in all_names(k)}

    def fits(separator: str) -> int:
        return sum(cell.strip(' "\r\n').casefold() in known for cell in header.split(separator))

    return max(_SEPARATORS, key=fits)  # of equals the first


def _rows(name: str, lines: Iterator[str], separator: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    count, start = 0, 2
    try:
        for fields in reader:
            if any(cell.strip() for cell in fields):  # spreadsheets leave rows of separators at the end
                count += 1
                yield start, fields
            start = reader.line_num + 2
    except csv.Error as error:
        problems.add(name, f"expected fields parted by {separator!r} ({error})", "mend the quotes", line=start)
        raise UnreadableFileError from None
    if not count:
        problems.add(name, "expected rows below the header, there is none", "fill it or leave it out")


def _lines(name: str, file: BinaryIO, problems: Problems) -> Iterator[str]:
    """Yield the lines as text.

    Raises:
        UnreadableFileError: bytes that are no UTF-8, or a line too long to be one.
    """
    offset = 0
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number == 1 and raw.startswith(_UTF16):
            problems.add(name, "expected UTF-8, found UTF-16", _UTF8, line=1)
            raise UnreadableFileError
        if len(raw) > MAX_LINE_BYTES:
            expected = f"expected lines of at most {MAX_LINE_BYTES} bytes"
            problems.add(name, expected, "look for a quote that is not closed, or other line ends", line=number)
            raise UnreadableFileError
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            at = offset + error.start + (3 if number == 1 and raw.startswith(b"\xef\xbb\xbf") else 0)
            expected = f"expected UTF-8, found byte 0x{error.object[error.start]:02X} at offset {at}"
            problems.add(name, expected, _UTF8, line=number)
            raise UnreadableFileError from None
        offset += len(raw)
        yield text
