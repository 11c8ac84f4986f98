"""Frames that are put together by hand are those of the client library, byte by byte."""

import pytest
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from adapters.inbox.rabbitmq.publishing import MessageFrames

ID = "0123456789abcdef-00000000000000000042"


@pytest.mark.parametrize("size", [0, 1, 91, 92, 93, 184, 185, 5_000])
@pytest.mark.parametrize("channel", [1, 65_535])
def test_the_library_encodes_the_same(size: int, channel: int) -> None:
    body = bytes(range(256)) * 20
    body = body[:size]
    frames: list[commands.Basic.Publish | ContentHeader | ContentBody] = [
        commands.Basic.Publish(exchange="", routing_key="headgate.acme.normal", mandatory=True),
        ContentHeader(body_size=size, properties=commands.Basic.Properties(delivery_mode=2, message_id=ID)),
        *(ContentBody(body[start : start + 92]) for start in range(0, size, 92)),
    ]
    ours = MessageFrames(channel, 100).of("headgate.acme.normal", ID, body)
    assert b"".join(ours) == b"".join(marshal(frame, channel) for frame in frames)


def test_without_a_limit_of_the_server_the_body_is_there() -> None:
    *_, body, _ = MessageFrames(1, 0).of("q", ID, b"hello")
    assert body == b"hello"
