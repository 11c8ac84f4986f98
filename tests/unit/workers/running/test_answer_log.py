"""The offline model's own log: each answer is a line, it does not grow for ever, and what is no line is told."""

import dataclasses
import json
import multiprocessing
import stat
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from domain.audit.model_log import AnsweredCall
from domain.errors import UsageError
from workers.config.data_dir import LOGS_KEPT, rotate_log
from workers.running.answer_log import ANSWER_LOG, AnswerLog, exported_answers, own_answers

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
LINE = json.dumps({"request_id": "r", "model": "m", "tokens_in": 3, "tokens_out": 1, "at": "2026-11-30T12:00:00Z"})


def answer(number: int) -> AnsweredCall:
    return AnsweredCall(f"req_{number:04}", "m", number, 1, AT)


def write_many(folder: Path, first: int, count: int) -> None:
    log = AnswerLog(folder, rotate_log)
    for number in range(first, first + count):
        log.note(answer(number))


def test_where_nothing_was_answered_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert own_answers(tmp_path) == ([], 0)
    assert own_answers(tmp_path / "no folder") == ([], 0)


def test_what_was_answered_is_read_as_it_was_written_by_its_owner_alone(tmp_path: Path) -> None:
    for number in (1, 2):
        AnswerLog(tmp_path, rotate_log).note(answer(number))  # a restart goes on in the same file
    assert own_answers(tmp_path) == ([answer(1), answer(2)], 0)
    mode = (tmp_path / ANSWER_LOG).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_line_has_no_contents(tmp_path: Path) -> None:
    AnswerLog(tmp_path, rotate_log).note(answer(1))
    assert set(json.loads((tmp_path / ANSWER_LOG).read_text())) == {f.name for f in dataclasses.fields(AnsweredCall)}


def test_it_does_not_grow_for_ever_and_forgets_the_oldest(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path, partial(rotate_log, most_bytes=500))
    for number in range(200):
        log.note(answer(number))
    files = list((tmp_path / "logs").iterdir())
    assert len(files) == LOGS_KEPT + 1
    assert all(file.stat().st_size < 800 for file in files)
    found, unread = own_answers(tmp_path)
    assert unread == 0
    assert found == [answer(number) for number in range(200 - len(found), 200)], "in order, to the newest"


def test_two_processes_at_once_tear_no_line(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, n * 1000, 300)) for n in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found, unread = own_answers(tmp_path)
    assert (len({call.request_id for call in found}), len(found), unread) == (600, 600, 0)


def test_a_torn_line_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    AnswerLog(tmp_path, rotate_log).note(answer(1))
    with (tmp_path / ANSWER_LOG).open("ab") as file:
        file.write(b'{"request_id": "req_0002", "mod\n\xff\xfe\n')
    AnswerLog(tmp_path, rotate_log).note(answer(3))
    assert own_answers(tmp_path) == ([answer(1), answer(3)], 2)


def test_a_line_that_is_absurdly_long_is_one_that_cannot_be_read(tmp_path: Path) -> None:
    AnswerLog(tmp_path, rotate_log).note(answer(1))
    with (tmp_path / ANSWER_LOG).open("ab") as file:
        file.write(b"x" * 200_000 + b"\n")
    AnswerLog(tmp_path, rotate_log).note(answer(3))
    assert own_answers(tmp_path) == ([answer(1), answer(3)], 1)


def test_a_log_without_end_is_not_read_into_memory() -> None:
    with pytest.raises(UsageError, match="line 1"):
        exported_answers(Path("/dev/zero"))


def test_a_log_that_cannot_be_written_is_an_error_not_silence(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(OSError, match="logs"):
        AnswerLog(tmp_path, rotate_log)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no call"),
        ("\n", "line 1: expected one JSON object"),
        (f"{LINE}\nnonsense\n", "line 2: expected one JSON object with request_id, model, tokens_in"),
        (LINE.replace("3", "-3", 1), "line 1"),
        (LINE.replace("12:00:00Z", "12:00:00"), "a time with its zone"),
        (LINE.replace('"r"', "null"), "line 1"),
        (f"[{LINE}]", "line 1"),
        (LINE.replace("3", "1" + "0" * 400, 1), "line 1"),
        (LINE.replace("2026", "0001", 1), "line 1"),
        (LINE.replace("2026", "9999", 1), "line 1"),
        (LINE.replace('"r"', '"\\u001b[2J"'), "line 1"),
        (LINE.replace('"m"', '"m\\u0000"'), "line 1"),
        (LINE + " " * 100_000, "line 1"),
        (f"{LINE}\n{LINE}{' ' * 200_000}\n{LINE}", "line 2"),
    ],
)
def test_an_export_that_is_none_is_refused_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match="--model-log") as caught:
        exported_answers(file)
    assert said in str(caught.value)


def test_an_export_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            exported_answers(path)


def test_an_export_may_say_more_than_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text(LINE.replace("{", '{"user": "x", ') + "\n")
    assert exported_answers(file) == [AnsweredCall("r", "m", 3, 1, AT)]
