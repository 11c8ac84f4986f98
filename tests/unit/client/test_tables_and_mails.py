"""Tables and e-mails as files: what is sent, what is told of the rest, and that nothing is sent as another event."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from client.inflow.message import WebhookMessage
from client.messages import read_messages
from client.sending import SendSummary, send_file
from domain.case import SIGNED_EVENT_ID
from domain.errors import ImpossibleError
from domain.inbound.webhook import MAX_BODY_BYTES, parse_webhook
from tests.unit.client.test_webhook_sending import SECRET, FakeGateway

MAIL = b"From: Ann <ann@example.com>\nSubject: Kettle\nMessage-ID: <m1@example.com>\n\nIt leaks.\n"


def read(path: Path) -> tuple[list[WebhookMessage], list[str]]:
    skips: list[str] = []
    return list(read_messages(path, skipped=skips.append)), skips


def table(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def send(gateway: object, path: Path) -> SendSummary:
    transport = httpx.MockTransport(gateway)  # type: ignore[arg-type]
    return asyncio.run(send_file(path, gateway="http://gateway", source="shop", secret=SECRET, transport=transport))


# --- tables ---


def test_the_header_row_names_the_fields(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "id,subject,text,customer.email,customer_name,order_id,amount,currency,shelf\n"
        't-1,Kettle,"It leaks,\nall day.",ann@example.com,Ann,ORD-1,20.00,EUR,7\n',
    )
    ((message,), skips) = read(path)
    inbound = parse_webhook(message.content_type, message.body)
    assert (message.event_id, skips) == ("t-1", [])
    assert (inbound.text, inbound.subject, inbound.order_id) == ("It leaks,\nall day.", "Kettle", "ORD-1")
    assert (inbound.customer_email, inbound.customer_name) == ("ann@example.com", "Ann")
    assert (inbound.amount, inbound.currency, inbound.extra) == ("20.00", "EUR", {"shelf": "7"})


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("by", [",", ";", "\t"])
def test_spreadsheets_write_other_delimiters_and_a_mark(tmp_path: Path, by: str, mark: str) -> None:
    ((message,), _) = read(table(tmp_path, f"{mark}text{by}lang\nGrüße{by}de\n"))
    assert json.loads(message.body) == {"text": "Grüße", "lang": "de"}


def test_a_row_without_anything_to_read_is_told_with_its_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = table(tmp_path, 'text,lang\n"two\nlines",en\n ,en\n\nhello,de\n" \t",en\na,b,c\nlast\n')
    messages, skips = read(path)
    assert [json.loads(m.body)["text"] for m in messages] == ["two\nlines", "hello", "last"]
    assert [line.partition(", line ")[2].partition(":")[0] for line in skips] == ["4", "7", "8"]
    assert "can be read" in skips[0]
    assert "3 cells for 2 columns" in skips[2]


def test_the_same_row_is_the_same_event_wherever_it_stands(tmp_path: Path) -> None:
    first, _ = read(table(tmp_path, "text,lang\nhello,en\nother,en\n"))
    second, _ = read(table(tmp_path, "lang;note;text\nen;;hello\n", "u.csv"))
    assert first[0].event_id == second[0].event_id != first[1].event_id
    assert all(SIGNED_EVENT_ID.fullmatch(m.event_id) for m in first)


@pytest.mark.parametrize(
    ("header", "row"), [("event_id,id", "e-1,9"), ("id,event_id", "9,e-1"), ("event_id,id", ",e-1")]
)
def test_the_id_of_a_row_is_its_own(tmp_path: Path, header: str, row: str) -> None:
    ((message,), _) = read(table(tmp_path, f"text,{header}\nhello,{row}\n"))
    assert (message.event_id, json.loads(message.body)) == ("e-1", {"text": "hello"})


def test_an_id_that_cannot_be_signed_costs_its_row_alone(tmp_path: Path) -> None:
    messages, skips = read(table(tmp_path, "id,text\na.b,hello\nok,hello\n"))
    assert [m.event_id for m in messages] == ["ok"]
    assert "line 2: id 'a.b'" in skips[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column 'text' or 'html'"),
        (b"a,b\n1,2\n", "no column 'text' or 'html'"),
        (b"text,text\n1,2\n", "two columns are named 'text'"),
        (b"text,customer.id,customer_id\n1,2,3\n", "two columns are named 'customer_id'"),
        (b'text\nok\n"never closed\nand on\n', "line 3: no CSV"),
        ("text\nok\n".encode("utf-16"), "line 1: byte 0xFF .* save the file in UTF-8"),
        (b"text\nok\n" + b"x" * (MAX_BODY_BYTES + 1), "line 3: no CSV"),
    ],
)
def test_a_file_that_is_no_table_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(ImpossibleError, match=said) as caught:
        list(read_messages(path))
    assert str(path) in str(caught.value)


def test_a_row_that_is_no_utf8_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,text\n1,tea\n2,caf\xe9\n3,caf\xc3\xa9\n")
    messages, skips = read(path)
    assert [message.event_id for message in messages] == ["1", "3"]
    assert skips == [f"{path}, line 3: 'text': byte 0xE9 after 'caf' is no UTF-8; save the file in UTF-8"]


def test_what_stands_before_the_broken_place_is_sent_to_the_end_and_told(tmp_path: Path) -> None:
    """Rows in flight are not cut off where the file is broken behind them."""
    path = table(tmp_path, "id,text\n" + "".join(f"r-{n},hello\n" for n in range(40)) + '"never closed\n')
    gateway = FakeGateway(*[httpx.Response(503, headers={"retry-after": "0"})] * 5)
    summary = send(gateway, path)
    assert (summary.sent, summary.accepted, len(gateway.kept)) == (40, 40, 40)
    assert "line 42: no CSV" in summary.unread


def test_a_file_that_is_broken_at_once_is_no_summary(tmp_path: Path) -> None:
    with pytest.raises(ImpossibleError, match="line 2: no CSV"):
        send(FakeGateway(), table(tmp_path, 'text\n"never closed\n'))


# --- e-mails ---


def test_an_email_is_sent_as_it_is_under_an_id_of_its_message_id(tmp_path: Path) -> None:
    for name, raw in (("a.eml", MAIL), ("b.EML", MAIL.replace(b"\n", b"\r\n")), ("c.eml", b"Received: x\n" + MAIL)):
        (tmp_path / name).write_bytes(raw)
    messages, _ = read(tmp_path)
    assert len({m.event_id for m in messages}) == 1
    assert SIGNED_EVENT_ID.fullmatch(messages[0].event_id)
    assert (messages[0].body, messages[0].content_type) == (MAIL, "message/rfc822")
    assert read(tmp_path / "a.eml")[0] == [messages[0]]


def test_a_mail_without_a_message_id_goes_by_its_bytes_whatever_its_line_ends(tmp_path: Path) -> None:
    bare = MAIL.replace(b"Message-ID: <m1@example.com>\n", b"")
    for name, raw in (("a.eml", bare), ("b.eml", bare.replace(b"\n", b"\r\n")), ("c.eml", bare + b"More.\n")):
        (tmp_path / name).write_bytes(raw)
    one, other, third = read(tmp_path)[0]
    assert one.event_id == other.event_id != third.event_id
    assert one.other_id == ""


def test_what_cannot_be_sent_of_a_folder_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "good.eml").write_bytes(MAIL)
    (tmp_path / "empty.eml").write_bytes(b"")
    (tmp_path / "note.txt").write_text("no mail")
    (tmp_path / "words.eml").write_bytes(b"just words\n")
    (tmp_path / "large.eml").write_bytes(MAIL + b"x" * MAX_BODY_BYTES)
    (tmp_path / "folder.eml").mkdir()
    (tmp_path / "gone.eml").symlink_to(tmp_path / "nowhere")
    messages, skips = read(tmp_path)
    assert [m.body for m in messages] == [MAIL]
    assert [Path(line.split("'")[1]).name for line in skips] == ["empty.eml", "large.eml", "words.eml"]
    assert "larger than 1048576 bytes" in skips[1]
    assert "no headers" in skips[2]


def test_a_folder_without_mails_and_a_file_that_is_none_end_with_a_word(tmp_path: Path) -> None:
    with pytest.raises(ImpossibleError, match=r"no file in it ends in \.eml"):
        read(tmp_path)
    (tmp_path / "words.eml").write_bytes(b"just words")
    with pytest.raises(ImpossibleError, match="no headers"):
        read(tmp_path / "words.eml")


# --- sent ---


def test_what_was_skipped_is_counted(tmp_path: Path) -> None:
    summary = send(FakeGateway(), table(tmp_path, "text,lang\nhello,en\n ,en\n,de\n"))
    assert (summary.sent, summary.accepted, summary.skipped, len(summary.skips)) == (1, 1, 2, 2)


def test_of_two_mails_with_one_message_id_none_is_lost(tmp_path: Path) -> None:
    """Somebody may send a mail with the id of another one, to keep that one out."""
    (tmp_path / "a.eml").write_bytes(MAIL)
    (tmp_path / "b.eml").write_bytes(MAIL.replace(b"It leaks.", b"It burns."))

    class Strict(FakeGateway):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            kept = self.kept.get(request.headers["webhook-id"])
            if kept is not None and kept != request.content:
                return httpx.Response(409, json={"code": "event_id_taken"})
            return super().__call__(request)

    gateway = Strict()
    first, again = send(gateway, tmp_path), send(gateway, tmp_path)
    assert sorted(gateway.kept.values()) == sorted((tmp_path / name).read_bytes() for name in ("a.eml", "b.eml"))
    assert (first.accepted, first.refused, again.accepted, again.duplicates, again.refused) == (2, {}, 0, 2, {})
