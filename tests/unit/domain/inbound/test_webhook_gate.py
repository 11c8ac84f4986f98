"""The quick look lets nothing through that the full reading refuses."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.errors import WebhookRefusedError
from domain.inbound.quick_look import check_webhook, is_plainly_good
from domain.inbound.webhook import parse_webhook

_texts = st.text(max_size=12) | st.sampled_from(
    ["", " ", "a", "en", "USD", "ann@example.com", "\x00", "20.00", "a@b", "Ann <a@b>", "x" * 1001, '":', "\\", " :"]
)
_names = st.sampled_from(
    (
        "text",
        "html",
        "tenant",
        "lang",
        "channel",
        "subject",
        "amount",
        "currency",
        "thread_id",
        "customer_email",
        "order_id",
        "customer",
        "data",
        "type",
        "timestamp",
        "x",
    )
)
_values = st.recursive(
    _texts | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: (
        st.dictionaries(st.sampled_from(["id", "email", "name", "text", "x"]), inner, max_size=3)
        | st.lists(inner, max_size=2)
    ),
    max_leaves=6,
)


@st.composite
def _bodies(draw: st.DrawFn) -> bytes:
    """JSON objects as text, with keys twice, blanks at odd places and the odd byte changed."""
    pairs = draw(st.lists(st.tuples(_names, _values), max_size=6))
    colon = draw(st.sampled_from([":", ": ", " :", "\t:", "\n: "]))
    ascii_only = draw(st.booleans())
    inside = ", ".join(json.dumps(k) + colon + json.dumps(v, ensure_ascii=ascii_only) for k, v in pairs)
    body = ("{" + inside + "}").encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=2)) + body[at:]
    return body


def is_taken(body: bytes) -> bool:
    """Whether the full reading takes a body as it is: nothing of it had to be folded."""
    try:
        return not parse_webhook("application/json", body).notes
    except WebhookRefusedError:
        return False


@settings(max_examples=1500, deadline=None)
@given(body=_bodies())
@example(b'{"text": "a", "text" : "b"}')
@example(b'{"text": "a\\":", "text": "b"}')
@example(b'{"text": "a", "customer": {"id": "1", "id": "2"}}')
@example(b'{"type": "t", "timestamp": "n", "data": {"text": "x"}, "data": {"text": "y"}}')
@example(b'{"text": "a", "t\\u0065xt": "b"}')
@example(b'{"text": "nul \\u0000"}')
@example(b'{"text": "a", "customer": {"email": "ann at example.com"}}')
@example(b'{"text": "a", "customer": {"email": " ", "name": "\\u0085"}}')
@example(b'{"text": "a", "thread_id": "x\\u200by"}')
def test_what_is_plainly_good_is_taken(body: bytes) -> None:
    if is_plainly_good(body):
        assert is_taken(body)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "charged twice"},
        {"html": "<p>x</p>", "subject": "s", "lang": "pt-BR", "channel": "chat", "tenant": "acme"},
        {"text": "ünicode 😀", "customer": {"id": "C-1", "email": "ann@example.com", "name": "Ann"}, "order_id": "O-1"},
        {"text": "x", "amount": "20.00", "currency": "USD"},
        {"type": "ticket", "timestamp": "2026-01-01T00:00:00Z", "data": {"text": "x", "customer": {"id": "1"}}},
    ],
)
def test_ordinary_bodies_are_plainly_good(fields: dict[str, object]) -> None:
    assert is_plainly_good(json.dumps(fields).encode())
    assert is_plainly_good(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"text": " "}',
        '{"text": "\ufffd \ufffd"}'.encode(),
        b'{"text": "\\ud800"}',
        b'{"text": "a", "text": "b"}',
        b'{"text": "a", "text" : "b"}',
        b'{"text": "a", "amount": NaN}',
        b'{"text": "\xff"}',
        b'{"text": "a"} {}',
    ],
)
def test_nothing_doubtful_is_plainly_good(body: bytes) -> None:
    assert not is_plainly_good(body)
    with pytest.raises(WebhookRefusedError):
        check_webhook("application/json", body)


@pytest.mark.parametrize("escape", ["\\ud83d", "\\u0000", "\\udc00"])
def test_what_is_folded_is_read_in_full(escape: str) -> None:
    body = b'{"text": "cut off ' + escape.encode() + b'"}'
    assert not is_plainly_good(body)
    assert check_webhook("application/json", body) == ("default", None)


def test_unusual_bodies_are_read_in_full() -> None:
    body = b'{"text" : "a", "amount": 20.50, "mood": null}'
    assert not is_plainly_good(body)
    check_webhook("application/json", body)
    check_webhook("text/plain", b"hello")
