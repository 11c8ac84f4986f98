"""Sending files through the webhook: what is sent, how often, and what is told about it."""

import asyncio
import gzip
import json
import time
from pathlib import Path

import httpx
import pytest

from client import sending
from client.messages import WebhookMessage, read_messages
from client.sending import HoldUp, SendSummary, send_file, send_messages
from domain.errors import GatewayUnreachableError, ImpossibleError
from domain.inbound.signing import decode_secret, new_secret, verify

SECRET = new_secret()


class FakeGateway:
    """Answers as the gateway does: checks signatures, keeps each id once; `script` are answers given first."""

    def __init__(self, *script: httpx.Response | Exception) -> None:
        self.script = list(script)
        self.kept: dict[str, bytes] = {}
        self.times: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.times.append(time.monotonic())
        if self.script:
            answer = self.script.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        verify([decode_secret(SECRET)], request.headers, request.content, now=time.time())
        event_id = request.headers["webhook-id"]
        duplicate = event_id in self.kept
        self.kept.setdefault(event_id, request.content)
        source = request.url.path.removeprefix("/webhooks/")
        return httpx.Response(
            202, json={"case_id": f"case/{source}/{event_id}", "event_id": event_id, "duplicate": duplicate}
        )


def send(gateway: FakeGateway, path: Path, **settings: object) -> SendSummary:
    transport = httpx.MockTransport(gateway)
    return asyncio.run(
        send_file(path, gateway="http://gateway", source="shop", secret=SECRET, transport=transport, **settings)  # type: ignore[arg-type]
    )


def lines(path: Path, *contents: object) -> Path:
    path.write_text("".join(json.dumps(c) + "\n" for c in contents))
    return path


def bodies(path: Path) -> list[object]:
    return [json.loads(m.body) for m in read_messages(path)]


# --- what is read ---


def test_labels_and_other_notes_are_not_sent(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "f.jsonl",
        {"id": "t-1", "text": "hi", "label": "Billing", "intent": "get_refund", "source": "x", "lang": "en"},
    )
    (message,) = read_messages(path)
    assert message.event_id == "t-1"
    assert json.loads(message.body) == {"text": "hi", "lang": "en"}


def test_every_field_of_a_webhook_is_sent(tmp_path: Path) -> None:
    fields = {
        "subject": "s",
        "html": "<p>x</p>",
        "customer": {"id": "C-1"},
        "order_id": "O-1",
        "amount": "NaN",
        "attachments": [{"name": "a"}],
    }
    assert bodies(lines(tmp_path / "f.jsonl", {"id": "1", **fields})) == [fields]


def test_the_envelope_keeps_its_shape_and_loses_its_labels(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "f.jsonl", {"type": "t", "timestamp": "now", "data": {"id": "7", "text": "hi", "label": "x"}}
    )
    (message,) = read_messages(path)
    assert message.event_id == "7"
    assert json.loads(message.body) == {"type": "t", "timestamp": "now", "data": {"text": "hi"}}


def test_a_line_may_carry_any_body(tmp_path: Path) -> None:
    path = lines(tmp_path / "f.jsonl", {"id": "1", "body": "<p>hi</p>", "content_type": "text/html"})
    assert list(read_messages(path)) == [WebhookMessage(event_id="1", body=b"<p>hi</p>", content_type="text/html")]


def test_messages_without_an_id_get_one_each(tmp_path: Path) -> None:
    first, second = read_messages(lines(tmp_path / "f.jsonl", {"text": "a"}, {"text": "a"}))
    assert first.event_id != second.event_id


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.pdf", "%PDF", "invoices come with a later release"),
        ("a.docx", "x", "expected a file that ends in .jsonl"),
        ("a.csv", "a,b\n1,2\n", "no column 'text' or 'html'"),
        ("a.csv", "offset_ms,message_id,text_id,kind,variant,ref\n1,m-1,t-404,ticket,plain,9\n", "no text 't-404'"),
    ],
)
def test_files_that_cannot_be_sent_are_named(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    path = tmp_path / "deep" / "er" / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(ValueError, match=complaint):
        send(FakeGateway(), path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id":"y3"', "line 2: '{\"id\":\"y3\"': no JSON (Expecting ',' delimiter at character"),
        (b'{"text": "ok", "id": "no slashes/please"}', "line 2: id 'no slashes/please': expected 1 to 128"),
        (b'["text"]', "line 2: '[\"text\"]': expected an object in one line"),
        (b'{"text": "Caf\xe9"}', 'line 2: byte 0xE9 after \'{"text": "Caf\' is no UTF-8; save the file in UTF-8'),
        (b"[" * 100_000, "line 2: '["),
    ],
)
def test_a_bad_line_is_told_and_those_before_and_after_it_are_sent(tmp_path: Path, line: bytes, said: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "ok", "id": "1"}\n' + line + b'\n{"text": "caf\xc3\xa9", "id": "3"}\n')
    summary = send(FakeGateway(), path)
    assert (summary.sent, summary.accepted, summary.skipped, summary.unread) == (2, 2, 1, "")
    assert f"{path}, {said}" in summary.skips[0]


def test_a_file_of_another_width_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "ok"}\n{"text": "ok"}\n', "utf-16")
    with pytest.raises(ImpossibleError, match="UTF-16; save the file in UTF-8"):
        send(FakeGateway(), path)


def test_a_schedule_builds_messages_from_the_texts_beside_it(tmp_path: Path) -> None:
    (tmp_path / "tickets").mkdir()
    (tmp_path / "stream").mkdir()
    lines(tmp_path / "tickets" / "t.jsonl", {"id": "t-1", "text": "a < b\nnext", "lang": "en", "label": "Billing"})
    with gzip.open(tmp_path / "stream" / "n.jsonl.gz", "wt") as file:
        file.write(json.dumps({"id": "n-1", "text": "long story"}) + "\n")
    schedule = tmp_path / "stream" / "s.csv.gz"
    with gzip.open(schedule, "wt") as file:
        file.write("offset_ms,message_id,text_id,kind,variant,ref\n")
        file.write(
            "1,m-1,t-1,ticket,plain,77\n2,m-2,t-1,ticket,html,78\n3,m-3,n-1,narrative,plain,79\n1,m-1,t-1,ticket,plain,77\n"
        )
    first, second, third, again = read_messages(schedule)
    assert json.loads(first.body) == {"lang": "en", "text": "a < b\nnext\nRef: 77"}
    assert json.loads(second.body)["html"] == "<div>a &lt; b<br>\nnext</div>\n<div>Ref: 78</div>"
    assert json.loads(third.body)["text"] == "long story\nRef: 79"
    assert first == again
    gateway = FakeGateway()
    summary = send(gateway, schedule, concurrency=1)
    assert (summary.accepted, summary.duplicates, len(summary.case_ids)) == (3, 1, 3)
    assert send(FakeGateway(), schedule, limit=2, texts=tmp_path).sent == 2


@pytest.mark.real_data
def test_the_real_schedule_is_readable_to_its_end(eval_data: Path) -> None:
    messages = list(read_messages(eval_data / "stream" / "stream_50000.csv.gz"))
    assert len(messages) == 50_000
    assert len({m.event_id for m in messages}) == 49_000
    assert len({(m.event_id, m.body) for m in messages}) == 49_000


# --- how it is sent ---


def test_a_summary_of_what_became_of_them(tmp_path: Path) -> None:
    path = lines(tmp_path / "f.jsonl", *[{"id": f"e-{n % 4}", "text": "x"} for n in range(10)])
    done: list[int] = []
    summary = send(FakeGateway(), path, progress=done.append)
    assert (summary.sent, summary.accepted, summary.duplicates, summary.retries) == (10, 4, 6, 0)
    assert sorted(summary.case_ids) == [f"case/shop/e-{n}" for n in range(4)]
    assert sorted(done) == list(range(1, 11))
    assert summary.refused == {}
    assert 0 < summary.p50_s <= summary.p95_s


def test_refusals_are_counted_by_code_and_not_retried(tmp_path: Path) -> None:
    refused = httpx.Response(400, json={"code": "bad_json", "detail": "no JSON"})
    path = lines(tmp_path / "f.jsonl", {"id": "1", "text": "x"}, {"id": "2", "text": "x"})
    summary = send(FakeGateway(refused), path, concurrency=1)
    assert summary.refused == {"400 bad_json": 1}
    assert (summary.refusals[0].event_id, summary.refusals[0].detail) == ("1", "no JSON")
    assert (summary.accepted, summary.retries) == (1, 0)


def test_an_answer_that_is_no_json_is_counted_too(tmp_path: Path) -> None:
    path = lines(tmp_path / "f.jsonl", {"id": "1", "text": "x"})
    assert send(FakeGateway(httpx.Response(502, text="<html>bad gateway")), path).refused == {"502": 1}


@pytest.mark.parametrize("status", [429, 503])
def test_nobody_sends_before_the_time_that_retry_after_names(tmp_path: Path, status: int) -> None:
    gateway = FakeGateway(httpx.Response(status, headers={"retry-after": "1"}, json={"code": "x"}))
    path = lines(tmp_path / "f.jsonl", {"id": "1", "text": "x"}, {"id": "2", "text": "x"})
    summary = send(gateway, path, concurrency=1)
    assert (summary.accepted, summary.retries, summary.refused) == (2, 1, {})
    assert gateway.times[1] - gateway.times[0] >= 0.99


@pytest.mark.parametrize("retry_after", ["soon", "", "0", "-5", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_an_absurd_retry_after_does_not_stop_it(tmp_path: Path, retry_after: str) -> None:
    gateway = FakeGateway(httpx.Response(503, headers={"retry-after": retry_after}))
    assert send(gateway, lines(tmp_path / "f.jsonl", {"id": "1", "text": "x"})).accepted == 1


def test_a_lost_answer_is_tried_again_under_the_same_id(tmp_path: Path) -> None:
    gateway = FakeGateway(httpx.ReadError("reset"), httpx.ConnectError("refused"))
    summary = send(gateway, lines(tmp_path / "f.jsonl", {"id": "1", "text": "x"}))
    assert (summary.accepted, summary.retries) == (1, 2)
    assert list(gateway.kept) == ["1"]


def test_a_gateway_that_never_answers_is_named(tmp_path: Path) -> None:
    gateway = FakeGateway(*[httpx.ConnectError("refused")] * 100)
    with pytest.raises(GatewayUnreachableError, match="http://gateway"):
        send(gateway, lines(tmp_path / "f.jsonl", {"id": "1", "text": "x"}))


def test_the_rate_is_kept(tmp_path: Path) -> None:
    path = lines(tmp_path / "f.jsonl", *[{"id": f"e-{n}", "text": "x"} for n in range(11)])
    gateway = FakeGateway()
    assert send(gateway, path, rate=50).accepted == 11
    assert gateway.times[-1] - gateway.times[0] >= 0.19


@pytest.mark.parametrize("settings", [{"rate": 0}, {"rate": -1}, {"rate": float("nan")}, {"limit": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        asyncio.run(send_messages([], gateway="http://g", source="s", secret=SECRET, **settings))  # type: ignore[arg-type]


def test_a_wrong_secret_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="make a new one"):
        asyncio.run(send_messages([], gateway="http://g", source="s", secret="whsec_x"))


# --- nothing is taken ---


def busy(retry_after: str) -> httpx.Response:
    problem = {"code": "unavailable", "detail": "the broker is away"}
    return httpx.Response(503, headers={"retry-after": retry_after}, json=problem)


def test_who_waits_is_told_what_the_gateway_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_TOLD_AFTER_S", 0.0)
    told: list[str] = []
    summary = send(FakeGateway(busy("0"), busy("0")), lines(tmp_path / "f.jsonl", {"text": "hi"}), held_up=told.append)
    assert (summary.accepted, summary.retries) == (1, 2)
    assert told == ["the gateway answers 503 unavailable: the broker is away; trying again in 0 s"]


def test_a_short_hold_up_is_not_told_and_a_long_one_at_growing_intervals() -> None:
    now, told = 0.0, []
    hold_up = HoldUp(lambda line: told.append(now), lambda: now)
    for second in range(100):
        now = float(second)
        hold_up.note("503", now, 1.0)
    assert told == [2.0, 12.0, 32.0, 72.0]
    hold_up.over()
    hold_up.note("503", now, 1.0)
    assert len(told) == 4, "it begins anew"
    hold_up.note("503", now, 30.0)
    assert len(told) == 5, "who is to wait for long hears of it at once"
