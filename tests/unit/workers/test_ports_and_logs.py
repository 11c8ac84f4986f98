"""Ports of this machine, and logs that do not grow for ever."""

import asyncio
import socket
from pathlib import Path

import pytest

from domain.errors import NoFreePortError
from workers.data_dir import rotate_log
from workers.machine.local_ports import free_ports, port_answers


def test_free_ports_skips_taken_ones_and_repeats_itself() -> None:
    (base,) = free_ports(23000, 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base))
        taken.listen()
        found = free_ports(base, 3)
        assert base not in found
        assert free_ports(base, 3) == found
    assert sorted(set(found)) == found


async def test_port_answers_only_where_somebody_listens() -> None:
    (port,) = free_ports(23100, 1)
    assert not await port_answers("127.0.0.1", port)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    assert await port_answers("127.0.0.1", port)
    server.close()
    await server.wait_closed()


def test_free_ports_says_when_there_are_none() -> None:
    with pytest.raises(NoFreePortError, match="fewer than 5 free ports from 65534"):
        free_ports(65534, 5)


def test_a_grown_log_is_moved_aside_and_a_small_one_kept(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    rotate_log(log)
    for text in ("first", "second", "third", "fourth"):
        log.write_text(text)
        rotate_log(log, most_bytes=3, kept=2)
    assert not log.exists()
    assert [Path(f"{log}.{n}").read_text() for n in (1, 2)] == ["fourth", "third"]
    log.write_text("abc")
    rotate_log(log, most_bytes=3)
    assert log.read_text() == "abc"
