"""Results as files: whole, private, and no other file is taken for one."""

from pathlib import Path

import pytest

from commands.results.keeping import earlier, keep, new_place, read_result
from domain.errors import UsageError
from tests.unit.commands.evaluating.results import result, row


def test_what_is_kept_is_read_back_and_is_for_its_owner(tmp_path: Path) -> None:
    path = new_place(tmp_path, result([]))
    keep(path, result([row(1, right=False, grave=True)]))
    assert read_result(path) == result([row(1, right=False, grave=True)])
    assert path.stat().st_mode & 0o077 == 0


def test_two_of_one_second_are_two(tmp_path: Path) -> None:
    assert new_place(tmp_path, result([])) != new_place(tmp_path, result([]))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"kind": "headgate-evaluation", "format": 99}'])
def test_what_is_no_result_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=r"r\.json.* name a file that `headgate eval all` wrote") as caught:
        read_result(path)
    assert "it:" not in str(caught.value)
    with pytest.raises(UsageError, match="gone"):
        read_result(tmp_path / "gone.json")


def test_earlier_ones_come_newest_first_and_only_whole_ones(tmp_path: Path) -> None:
    for name, one in (
        ("20260101T000000-a", result([row(1)])),
        ("20260102T000000-b", result([row(2)])),
        ("20260103T000000-c", result([row(3)], complete=False)),
        ("20260104T000000-d", result([row(4)])),
    ):
        keep(tmp_path / "evals" / f"{name}.json", one)
    (tmp_path / "evals" / "zzz.json").write_text("{}", "utf-8")
    found = earlier(tmp_path, than=tmp_path / "evals" / "20260104T000000-d.json")
    assert [one.sets[0].rows[0].id for one in found] == ["r2", "r1"]
    assert list(earlier(tmp_path / "none", than=tmp_path)) == []
