"""What is said of a pen's URL never has its password, wherever it stands."""

from pathlib import Path

import pytest

from adapters.inbox.brokers.redis_server import redis_address
from adapters.inbox.brokers.sqs_address import sqs_address
from adapters.inbox.opening import open_inbox, shown_inbox
from adapters.inbox.rabbitmq.address import read_address
from adapters.inbox.sqlite import SqliteInbox
from domain.errors import ConfigurationError
from domain.turns import Turns

# Each is wrong in some way; all that must not be shown has "Secret" in it.
REFUSED = [
    "sqs://AKIASecret:Secret@eu-central-1/headgate",
    "sqs://AKIASecret:Sec/Secret@eu-central-1/headgate",
    "sqs://AKIASecret:Secret/headgate",
    "sqs://eu-central-1/headgate?endpoint=http://u:Secret@127.0.0.1:4566",
    "sqs://eu-central-1/headgate?password=Secret",
    "redis://:Secret/123@host",
    "redis://:Secret@host:Secret/0",
    "redis://u:123/Secret@host/0",
    "redis://u:123?Secret@host/0",
    "redis://u:123#Secret@host/0",
    "redis://host/0?password=Secret",
    "redis://host/0?Secret",
    "redis://host/0?prefix=%20Secret",
    "redis://[Secret/0",
    "rediss://host/0?ssl_ca_certs=/Secret",
    "amqp://u:12/Secret@h/v",
    "amqp://u:Secret/12@h/v",
    "amqp://u:a@b?Secret@h/v",
    "amqp://h/v?password=Secret",
    "amqp://u:x@h/v?Secret",
    "amqp://u:x@h/v?prefix=.Secret",
    "amqp://u:Secret@h:70000/v",
    "kafka://u:Secret@h/topic",
    "u:Secret@h",
    "Secret@h:5672",
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_refusal_shows_no_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HEADGATE_INBOX") as refusal:
        open_inbox(url, file=tmp_path / "pen.db", log=lambda: pytest.fail("opened"), turns=Turns(), max_waiting=1)
    assert "Secret" not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None  # nor does a trace
    assert "Secret" not in shown_inbox(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://u:Secret@mq.example:5672/v?prefix=x", "amqp://mq.example:5672/v?prefix=x"),
        ("redis://Secret@[::1]:6379/0", "redis://[::1]:6379/0"),
        ("rediss://:Secret@host/0?ssl_ca_certs=a", "rediss://host/0"),
        ("sqs://eu-central-1/gate?endpoint=http://127.0.0.1:4566/Secret", "sqs://eu-central-1/gate"),
        ("sqlite:", "a file in the data dir"),
        ("sqlite:///srv/pen.db", "sqlite:///srv/pen.db"),
        ("sqlite:////srv/pen.db", "sqlite:///srv/pen.db"),  # as SQLAlchemy writes it
        ("amqp://mq/v?prefix=two&cafile=Secret", "amqp://mq/v?prefix=two"),
        ("foo", "foo"),
    ],
)
def test_where_it_is_is_shown(url: str, shown: str) -> None:
    assert shown_inbox(url) == shown


def test_a_word_that_is_no_url_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HEADGATE_INBOX=foo: there is no pen of this kind"):
        open_inbox("foo", file=tmp_path / "pen.db", log=lambda: pytest.fail("opened"), turns=Turns(), max_waiting=1)


def test_four_slashes_are_the_same_file_as_three(tmp_path: Path) -> None:
    for begin in ("sqlite://", "sqlite:///"):
        url = f"{begin}{tmp_path}/a.db"
        pen = open_inbox(url, file=tmp_path / "b.db", log=lambda: pytest.fail("opened"), turns=Turns(), max_waiting=1)
        assert isinstance(pen, SqliteInbox)
        assert pen.file == tmp_path / "a.db"


@pytest.mark.parametrize("url", ["amqp://u:pa/Secret@h/v", "redis://u:p?Secret@h/0", "amqps://u:p#Secret@h/v"])
def test_a_password_with_a_letter_that_ends_it_is_answered_with_the_remedy(url: str) -> None:
    scheme = url.partition(":")[0]
    assert shown_inbox(url) == f"{scheme}://… (percent-encode the password in HEADGATE_INBOX)"


def test_addresses_that_are_taken_show_no_more() -> None:
    assert read_address("amqp://u:Secret@mq/v?cafile=Secret").shown == "amqp://mq/v"
    assert redis_address("redis://u:Secret@host:1/2?prefix=a").shown == "redis://host:1/2"
    assert sqs_address("sqs://eu-central-1?prefix=a&endpoint=http://h/Secret").shown == "sqs://eu-central-1"
