"""Every header that the gateway goes by stands in the list of those that are taken once."""

import re
from pathlib import Path

from gateway.heads import ONCE, head_refusal

ROOT = Path(__file__).parents[3]
LOOKED_AT = re.compile(r"""headers\.get\(\s*b"([a-z-]+)"|b"([a-z-]+)" (?:not )?in headers|headers\.get\("([a-z-]+)\"""")
LISTS = {"x-forwarded-for", "forwarded", "x-real-ip", "via"}  # that one is there is all that is asked


def test_whatever_is_looked_at_is_taken_once() -> None:
    files = [*(ROOT / "gateway").rglob("*.py"), ROOT / "domain" / "inbound" / "signing.py"]
    found = {next(filter(None, names)) for file in files for names in LOOKED_AT.findall(file.read_text("utf-8"))}
    assert {"host", "origin", "authorization", "content-type", "svix-signature"} <= found
    assert found - LISTS <= {name.decode() for name in ONCE}
    assert {b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"svix-id", b"svix-timestamp"} <= ONCE


def test_a_good_head_is_let_through() -> None:
    assert head_refusal("1.1", [(b"host", b"x"), (b"accept", b"a"), (b"accept", b"b")]) is None
    assert head_refusal("1.0", []) is None


def test_the_refusal_names_the_header_and_the_remedy() -> None:
    refused = head_refusal("1.1", [(b"host", b"a"), (b"origin", b"b"), (b"origin", b"b")])
    assert refused is not None
    assert (refused.status, refused.code) == (400, "repeated_header")
    assert "origin" in refused.detail
    assert refused.remedy
