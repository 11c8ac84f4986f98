"""`headgate submit` of tables and e-mails, as a user runs it, to the real gateway."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.integration.gateway_served import Gateway
from tests.unit.commands.command_line import run

MAIL = b"From: Ann <ann@example.com>\nSubject: Kettle\nMessage-ID: <%b@example.com>\n\nIt leaks.\n"


def submit(gateway: Gateway, path: Path, *more: str) -> tuple[int, str, str]:
    folder = str(gateway.sources.parent)
    return run("submit", str(path), "--url", gateway.url, "--data-dir", folder, "--source", "shop", *more)


def test_a_folder_of_mails_and_a_table_become_cases_once(gateway: Gateway, tmp_path: Path) -> None:
    mails = tmp_path / "mails"
    mails.mkdir()
    for name in (b"a", b"b"):
        (mails / f"{name.decode()}.eml").write_bytes(MAIL % name)
    table = tmp_path / "t.csv"
    table.write_text("text,customer_email,shelf\nIt leaks.,ann@example.com,7\nIt hums.,bob@example.com,\n")
    for path in (mails, table):
        code, stdout, _ = submit(gateway, path, "--json")
        again, second, _ = submit(gateway, path, "--json")
        assert (code, again) == (0, 0)
        assert (json.loads(stdout)["accepted"], json.loads(second)["accepted"]) == (2, 0)
        assert json.loads(second)["duplicates"] == 2
        assert sorted(json.loads(stdout)["case_ids"]) == sorted(json.loads(second)["case_ids"])
    assert submit(gateway, mails / "a.eml", "--json")[0] == 0
    assert len(gateway.accepted()) == 4
    kept = asyncio.run(gateway.pen.lease(10, 60))
    assert sorted(item.content_type for item in kept) == ["application/json"] * 2 + ["message/rfc822"] * 2


def test_what_cannot_be_sent_is_told_line_by_line_and_exits_with_1(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,lang\nIt leaks.,en\n,en\n")
    code, stdout, stderr = submit(gateway, path)
    assert code == 1
    assert "1 accepted" in stdout
    assert ", 1 skipped" in stdout
    assert f"{path}, line 3: neither 'text' nor 'html'" in stderr


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"text\n", "nothing stands in it"),
        ("t.csv", b"text,lang\n,en\n,de\n", "2 of 2 cannot be sent"),
        ("t.csv", b"words\nhello\n", "no column 'text' or 'html'"),
        ("t.jsonl", b"", "nothing stands in it"),
        ("a.eml", b"", "no headers"),
        ("folder/note.txt", b"x", "no file in it ends in .eml"),
        ("folder/a.eml", b"just words", "1 of 1 cannot be sent"),
    ],
)
def test_nothing_that_can_be_sent_is_exit_1(
    gateway: Gateway, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    code, _, stderr = submit(gateway, tmp_path / "folder" if "/" in name else path)
    assert code == 1
    assert said in stderr
    assert gateway.accepted() == []


def test_what_is_not_there_or_of_no_known_kind_is_named(gateway: Gateway, tmp_path: Path) -> None:
    for name, exits, said in (
        ("gone.csv", 1, "cannot be read"),
        ("gone", 2, "a folder of them"),
        ("a.xlsx", 2, ".csv"),
    ):
        code, _, stderr = submit(gateway, tmp_path / name)
        assert (code, said in stderr) == (exits, True)
