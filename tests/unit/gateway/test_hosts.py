"""What a request names as its host is read strictly: a name or an address, and a port; nothing with two readings."""

import pytest

from gateway.console.hosts import NamedHost, host_of
from gateway.console.visitors import Visitors

NO_HOSTS = [
    "", " ", ":80", "@", ".", "..", "-", "evil@localhost", "evil:x@localhost", "localhost@evil", "localhost:80@x",
    "localhost:@x", "localhost/evil", "localhost/", "localhost\\evil", "localhost#x", "localhost?x", "localhost;x",
    "localhost,evil", "localhost evil", " localhost", "localhost ", "localhost\t", "localhost\n", "localhost\u00a0",
    "localhost\u0000", "localhost.", "localhost.:80", "localhost..", ".localhost", "local..host", "127.0.0.1.",
    "localhost:", "localhost:x", "localhost:-1", "localhost:+80", "localhost:80:80", "localhost:65536",
    "localhost:080000", "localhost:\u00b2", "http://localhost", "//localhost", "local%68ost", "localhost%00",
    "[::1]evil", "evil[::1]", "[::1", "::1]", "::1", "[]", "[localhost]", "[127.0.0.1]x", "[::1%evil]", "[::1]:",
    "[::1]:x", "[[::1]]", "[:::1]", "[v1.a]", "l\u00f6calhost", "localhost\u2024", "-localhost", "[127.0.0.1]",
    "[1]",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_HOSTS)
def test_what_is_no_host_is_nobodys_name(text: str) -> None:
    assert host_of(text) is None
    sent = text.encode("latin-1", "replace")
    refused = Visitors(["desk.example"]).refusal("GET", {b"host": sent})
    assert refused is not None
    assert (refused.status, refused.code) == (421, "unknown_host")


@pytest.mark.parametrize(
    "text", ["http://localhost@evil", "http://evil@localhost", "http://localhost/", "http://localhost."]
)
def test_such_a_text_is_no_origin_either(text: str) -> None:
    refused = Visitors([]).refusal("POST", {b"host": b"localhost", b"origin": text.encode()})
    assert refused is not None
    assert refused.code == "foreign_origin"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost", NamedHost("localhost")),
        ("LocalHost:8700", NamedHost("localhost", "8700")),
        ("127.0.0.1:80", NamedHost("127.0.0.1")),
        ("[::1]", NamedHost("::1")),
        ("[2001:DB8::1]:443", NamedHost("2001:db8::1")),
        ("[::ffff:127.0.0.1]:1", NamedHost("::ffff:127.0.0.1", "1")),
        ("my_pod-7.desk.xn--bcher-kva.example:08700", NamedHost("my_pod-7.desk.xn--bcher-kva.example", "8700")),
    ],
)
def test_a_host_is_read_as_hosts_are_compared(text: str, host: NamedHost) -> None:
    assert host_of(text) == host
