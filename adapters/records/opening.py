"""Opens the outside system that the settings name."""

from pathlib import Path
from typing import Literal

from adapters.records.mapping import HttpMapping, SqlMapping, read_mapping
from adapters.records.source import RecordsSource


def open_records(kind: Literal["sql", "http"], *, file: Path, url: str, token: str) -> RecordsSource:
    """Read the mapping and return the source; nothing is asked yet.

    Raises:
        ConfigurationError: the mapping or the address cannot be read, or a driver is missing.
    """
    if kind == "sql":
        from adapters.records.sql import SqlRecords

        return SqlRecords(url, read_mapping(file, SqlMapping), file.name)
    from adapters.records.http import HttpRecords

    return HttpRecords(url, token, read_mapping(file, HttpMapping), file.name)
