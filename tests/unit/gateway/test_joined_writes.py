"""Writes of one turn of the loop are one; none is lost, and none waits for ever."""

import asyncio
from unittest.mock import Mock, call

import pytest

from gateway.joined_writes import JoinedWrites


@pytest.fixture
def transport() -> Mock:
    return Mock(spec=asyncio.Transport)


def joined(transport: Mock) -> JoinedWrites:
    return JoinedWrites(transport, asyncio.get_running_loop())


async def test_a_head_and_a_body_are_one_write(transport: Mock) -> None:
    writes = joined(transport)
    writes.write(b"head,")
    writes.write(b"body")
    transport.write.assert_not_called()
    await asyncio.sleep(0)
    transport.write.assert_called_once_with(b"head,body")
    writes.write(b"next")
    await asyncio.sleep(0)
    assert transport.write.call_args_list == [call(b"head,body"), call(b"next")]


@pytest.mark.parametrize("end", ["close", "write_eof"])
async def test_what_was_written_goes_out_before_an_end(transport: Mock, end: str) -> None:
    writes = joined(transport)
    writes.write(b"last words")
    getattr(writes, end)()
    assert [name for name, _, _ in transport.method_calls] == ["write", end]
    await asyncio.sleep(0)
    transport.write.assert_called_once_with(b"last words")


async def test_an_abort_writes_nothing_more(transport: Mock) -> None:
    writes = joined(transport)
    writes.write(b"x")
    writes.abort()
    await asyncio.sleep(0)
    transport.write.assert_not_called()
    transport.abort.assert_called_once_with()


async def test_much_is_written_at_once_so_that_a_slow_peer_is_noticed(transport: Mock) -> None:
    writes = joined(transport)
    for _ in range(10):
        writes.write(b"x" * 10_000)
    assert sum(len(args[0]) for args, _ in transport.write.call_args_list) >= 60_000


async def test_the_rest_is_the_transport_s_own(transport: Mock) -> None:
    transport.get_extra_info.return_value = ("127.0.0.1", 1)
    assert joined(transport).get_extra_info("peername") == ("127.0.0.1", 1)


async def test_a_connection_that_is_gone_is_written_to_no_more(transport: Mock) -> None:
    writes = joined(transport)
    writes.write(b"x" * 20_000)
    writes.drop()
    await asyncio.sleep(0)
    writes.write(b"y" * 20_000)
    transport.write.assert_not_called()
