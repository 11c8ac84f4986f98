"""What of RabbitMQ needs no server: addresses, the names of queues, which server will do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbox.rabbitmq import RabbitBroker
from adapters.inbox.rabbitmq.address import read_address
from adapters.inbox.rabbitmq.connecting import unfit_server
from adapters.inbox.rabbitmq.lanes import LaneNames
from domain.errors import ConfigurationError, UsageError

LANES = st.text("abXY019._-~/", min_size=1, max_size=90)
NAMES = LaneNames("headgate")


@given(LANES, LANES)
def test_each_lane_has_a_queue_of_its_own(one: str, other: str) -> None:
    assert NAMES.lane(NAMES.queue(one)) == one
    assert (NAMES.queue(one) == NAMES.queue(other)) == (one == other)
    assert NAMES.queue(one) not in {NAMES.given_up, NAMES.nobody}


def test_the_longest_lane_fits_and_the_plain_one_can_be_read() -> None:
    assert LaneNames("p" * 50).queue("~" * 90).isascii()
    assert len(LaneNames("p" * 50).queue("~" * 90)) <= 255
    assert NAMES.queue("acme/normal") == "headgate.acme.normal"
    assert NAMES.queue("given-up") != NAMES.given_up


@pytest.mark.parametrize("queue", ["other.acme.normal", "headgate.given-up", "", "7"])
def test_the_queue_of_somebody_else_is_no_lane(queue: str) -> None:
    assert NAMES.lane(queue) is None


@pytest.mark.parametrize("lane", ["", "n" * 91, "a b", "a\nb", "ä/normal", "a:b", "acme/normal\n"])
def test_what_is_no_lane_is_refused(lane: str) -> None:
    with pytest.raises(UsageError, match="lane"):
        NAMES.queue(lane)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://gate:s3cret@mq/", "expected amqp"),
        ("amqp://", "expected amqp"),
        ("amqp:///vhost", "expected amqp"),
        ("amqp://gate:s3cret@mq:0/", "expected amqp"),
        ("amqp://gate:s3cret@mq:70000/", "not a URL"),
        ("amqp://gate:s3cret@[mq/", "not a URL"),
        ("amqp://mq/", "no user or password"),
        ("amqp://gate@mq/", "no user or password"),
        ("amqp://gate:s3cret@mq/?prefix=", "its prefix must be"),
        ("amqp://gate:s3cret@mq/?prefix=a.b", "its prefix must be"),
        (
            "amqp://gate:s3cret@mq/?perfix=a",
            "an option after `?` is unknown; expected some of cafile, certfile, keyfile, prefix",
        ),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RabbitBroker.from_url(url)
    assert said in str(caught.value)
    assert "HEADGATE_INBOX" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_address_is_read_with_its_defaults_and_never_shows_its_password() -> None:
    read = read_address("amqps://gate:s3cr%40t@mq.example/mail?cafile=/etc/ca.pem")
    assert (read.url.port, read.url.password, read.prefix) == (5671, "s3cr@t", "headgate")
    assert read.url.query["cafile"] == "/etc/ca.pem"
    assert read_address("amqp://gate:x@mq/").url.port == 5672
    assert read_address("amqp://gate:x@mq/?prefix=head").prefix == "head"
    assert "s3cr" not in repr(read) + read.shown


@pytest.mark.parametrize(
    ("product", "version", "fits"),
    [
        ("RabbitMQ", "3.10.0", True),
        ("RabbitMQ", "3.10.8", True),
        ("RabbitMQ", "4.3.0-rc.1", True),
        ("RabbitMQ", "3.9.29", False),
        ("RabbitMQ", "3.8", False),
        ("RabbitMQ", "", False),
        ("LavinMQ", "4.0.0", False),
        (None, None, False),
    ],
)
def test_only_a_server_that_can_keep_the_promises_is_taken(product: str, version: str, fits: bool) -> None:
    assert (unfit_server({"product": product, "version": version}) is None) == fits
