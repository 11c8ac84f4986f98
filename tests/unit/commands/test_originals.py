"""`headgate cases original`: the exact bytes, or a text that drives no terminal; from the store alone."""

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.store import open_store
from commands.work import originals
from domain.deadletter import DeadLetter, letter_id
from domain.errors import FailureKind, UnknownCaseError
from tests.contracts.store_samples import stored_case
from tests.unit.commands.command_line import PROJECT, run

CASE = "case/shop/e1"
MAIL = (
    b"From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\nSubject: pay \x1b[2J\r\nContent-Type: text/plain\r\n\r\n"
    b"Hello\r\n\x1b]8;;https://evil.example\x07click\x1b]8;;\x07\r\n\x9b31m\xe2\x80\xae \xc3\xbc\r\n"
    b"part 2: text/plain\r\n"
)
BODIES = {
    "application/json": b'{"text": "Hi \\u001b[2J", "amount": 20.50}',
    "application/x-www-form-urlencoded": b"text=Hi%1B%5B2J",
    "multipart/form-data; boundary=b": b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nHi\x1b\r\n--b--\r\n',
    "text/html": b"<b>Hi\x1b[2J</b>",
    "text/plain; charset=utf-16": "Hi\x1b[2J".encode("utf-16"),
    "message/rfc822": MAIL,
    "text/plain": bytes(range(256)),
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path


def keep(data_dir: Path, content_type: str, body: bytes) -> None:
    store = open_store(f"sqlite:///{data_dir / 'store.db'}")
    store.cases.admit([stored_case(content_type=content_type, body=body)])
    store.close()


def original(data_dir: Path, *more: str, case_id: str = CASE) -> str:
    code, stdout, stderr = run("cases", "original", case_id, *more, "--data-dir", str(data_dir))
    assert code == 0, stderr
    return stdout


@pytest.mark.parametrize("content_type", BODIES)
def test_of_every_type_the_bytes_are_exact_and_the_text_moves_no_cursor(data_dir: Path, content_type: str) -> None:
    body = BODIES[content_type]
    keep(data_dir, content_type, body)
    text = original(data_dir)
    assert text.startswith(f"{CASE}: {content_type}, {len(body):,} bytes, received ")
    assert not {c for c in text if ord(c) < 32 or 127 <= ord(c) < 160} - {"\n", "\t"}
    assert "Hi" in text or "Jörg" in text or "0123456789" in text
    document = json.loads(original(data_dir, "--json"))
    assert base64.b64decode(document["body_base64"]) == body
    assert document["parts"]
    done = subprocess.run(
        [sys.executable, "-m", "commands.main", "cases", "original", CASE, "--raw", "--data-dir", str(data_dir)],
        cwd=PROJECT, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == body


def test_a_mail_is_decoded_and_no_line_of_it_can_pass_for_ours(data_dir: Path) -> None:
    keep(data_dir, "message/rfc822", MAIL)
    lines = original(data_dir).splitlines()
    ours = [line for line in lines[1:] if not line.startswith("  | ")]
    assert ours == ["headers", "part 1: text/plain"]
    assert "  | From: Jörg <j@example.org>" in lines
    assert "  | Subject: pay \\x1b[2J" in lines
    assert "  | \\x1b]8;;https://evil.example\\x07click\\x1b]8;;\\x07" in lines


def test_a_terminal_is_not_given_raw_bytes(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(data_dir, "text/plain", b"\x1b[2J")
    monkeypatch.setattr(originals, "_is_terminal", lambda: True)
    code, stdout, stderr = run("cases", "original", CASE, "--raw", "--data-dir", str(data_dir))
    assert (code, stdout) == (2, "")
    assert "--raw > message.bin" in stderr


def test_a_dead_letter_names_the_command_and_its_id_will_do(data_dir: Path) -> None:
    keep(data_dir, "text/plain", b"\xff\xfe\x00")
    store = open_store(f"sqlite:///{data_dir / 'store.db'}")
    letter = DeadLetter(
        dead_letter_id=letter_id(CASE, 0), case_id=CASE, source="shop", step="admit", kind=FailureKind.POISON,
        last_error="unreadable", payload_ref=f"store:cases/{CASE}", blueprint_version="m@1", at=datetime.now(UTC),
    )  # fmt: skip
    store.dead_letters.bury(letter)
    store.close()
    code, stdout, _ = run("dlq", "show", letter.dead_letter_id, "--data-dir", str(data_dir))
    assert code == 0
    assert f"headgate cases original {CASE}" in stdout
    assert "3 bytes" in original(data_dir, case_id=letter.dead_letter_id)
    assert "3 bytes" in original(data_dir, case_id=f"{CASE}/approval/1")


def test_a_case_that_was_never_let_in_is_told_in_one_line(data_dir: Path) -> None:
    keep(data_dir, "text/plain", b"x")
    code, _, stderr = run("cases", "original", "case/shop/other", "--data-dir", str(data_dir))
    assert code == UnknownCaseError.exit_code
    assert stderr == f"{UnknownCaseError('case/shop/other')}\n"
    assert "see `headgate cases list`" in stderr
