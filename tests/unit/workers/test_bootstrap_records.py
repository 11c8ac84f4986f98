"""Which records and which ledger the action worker gets, by the settings."""

from pathlib import Path

import pytest

from adapters.records.fresh_ledger import FreshLedger
from adapters.records.outside import OutsideRecords
from adapters.store.ledger import SqlLedger
from adapters.store.records import SqlCustomerRecords
from domain.errors import ConfigurationError, UsageError
from tests.outside_shop import HTTP_MAPPING, SQL_MAPPING
from workers.bootstrap import Parts
from workers.config.settings import Settings


def test_the_store_has_the_records_unless_another_system_is_named(tmp_path: Path) -> None:
    parts = Parts(Settings(data_dir=tmp_path))
    assert type(parts.records) is SqlCustomerRecords
    assert type(parts.paying_ledger) is SqlLedger
    parts.close()


@pytest.mark.parametrize(
    ("kind", "mapping", "url"), [("sql", SQL_MAPPING, "sqlite:////tmp/shop.db"), ("http", HTTP_MAPPING, "http://x")]
)
def test_with_another_system_payments_look_into_it_again(tmp_path: Path, kind: str, mapping: str, url: str) -> None:
    file = tmp_path / "records.toml"
    file.write_text(mapping, "utf-8")
    parts = Parts(Settings(data_dir=tmp_path, records=kind, records_file=file, records_url=url))  # type: ignore[arg-type]
    assert type(parts.records) is OutsideRecords
    assert type(parts.paying_ledger) is FreshLedger
    assert parts.records is parts.records, "one pool of connections"
    parts.close()


def test_what_is_missing_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'http' needs HEADGATE_RECORDS_FILE and HEADGATE_RECORDS_URL"):
        _ = Parts(Settings(data_dir=tmp_path, records="http")).records
    with pytest.raises(ConfigurationError, match="cannot be read"):
        _ = Parts(
            Settings(data_dir=tmp_path, records="sql", records_file=tmp_path / "none.toml", records_url="sqlite:///x")
        ).records
