"""`headgate sources`: sources are added, changed and listed; no secret is lost or shown twice."""

import json
from pathlib import Path

import pytest

import commands.running.sources
from domain.errors import ConfigurationError
from domain.inbound.signing import decode_secret
from domain.turns import Priority
from gateway.webhooks.sources import Scheme, SourceRegistry
from tests.unit.commands.command_line import run


def sources(path: Path, *words: str) -> tuple[int, str, str]:
    return run("sources", *words, "--data-dir", str(path))


def added(path: Path, *words: str) -> dict[str, object]:
    code, stdout, stderr = sources(path, "add", *words, "--json")
    assert (code, stderr) == (0, "")
    found: dict[str, object] = json.loads(stdout)
    return found


def test_a_new_source_is_shown_with_its_secret_once(tmp_path: Path) -> None:
    first = added(tmp_path, "post", "--format", "postmark", "--token")
    assert (first["ids"], first["accepted"], first["scheme"], first["format"]) == (["post"], True, "token", "postmark")
    secret = str(first["secret"])
    source = SourceRegistry(tmp_path / "sources.json").get("post")
    assert source is not None
    assert source.knows_token(f"Bearer {secret}")
    assert source.reading is not None
    assert (tmp_path / "sources.json").stat().st_mode & 0o777 == 0o600
    assert "secret" not in added(tmp_path, "post", "--format", "sendgrid")
    assert secret not in sources(tmp_path, "list")[1] + sources(tmp_path, "list", "--json")[1]


def test_a_change_keeps_what_is_not_named(tmp_path: Path) -> None:
    secret = str(added(tmp_path, "shop")["secret"])
    decode_secret(secret)
    added(tmp_path, "shop", "--field", "text=a.b", "--field", "text=c", "--field", "subject=d")
    content = json.loads((tmp_path / "sources.json").read_bytes())["sources"]
    assert content == [
        {"name": "shop", "scheme": "standard", "secrets": [secret], "tenants": ["default"],
         "fields": {"text": ["a.b", "c"], "subject": ["d"]}}
    ]  # fmt: skip
    changed = added(tmp_path, "shop", "--format", "zendesk", "--signs-decoded")
    assert (changed["format"], changed["fields"]) == ("zendesk", {"text": ["a.b", "c"], "subject": ["d"]})
    source = SourceRegistry(tmp_path / "sources.json").get("shop")
    assert source is not None
    assert (source.scheme, source.signed) == (Scheme.STANDARD, "decoded")
    plain = added(tmp_path, "shop", "--format", "none")
    assert (plain["format"], plain["fields"]) == (None, {})


def test_the_list_says_how_each_is_read(tmp_path: Path) -> None:
    assert sources(tmp_path, "list")[:2] == (0, "")
    added(tmp_path, "desk", "--format", "zendesk", "--field", "customer_email=detail.mail")
    code, stdout, _ = sources(tmp_path, "list")
    assert (code, stdout.split("\t")) == (
        0, ["desk", "standard", "zendesk", "customer_email=detail.mail", "default", "/webhooks/desk", "", "refuse\n"]
    )  # fmt: skip
    (one,) = json.loads(sources(tmp_path, "list", "--json")[1])
    assert one["fields"] == {"customer_email": ["detail.mail"]}


def test_a_token_comes_with_both_ways_to_send_it(tmp_path: Path) -> None:
    """Without a running `headgate up` the path is known alone, and it is said what goes before it."""
    said = sources(tmp_path, "add", "post", "--token")[1]
    token = json.loads((tmp_path / "sources.json").read_bytes())["sources"][0]["secrets"][0]
    assert "/webhooks/post; before it goes the gateway's own address" in said
    assert f"Authorization: Bearer {token}\n" in said
    assert f"https://any:{token}@headgate.example/webhooks/post\n" in said
    again = sources(tmp_path, "add", "post", "--format", "postmark")[1]
    assert token not in again
    assert "any:TOKEN@" in again


def test_where_headgate_up_runs_the_whole_address_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands.running.sources, "_running_gateway", lambda _: "http://127.0.0.1:8700")
    said = sources(tmp_path, "add", "post", "--token")[1]
    token = json.loads((tmp_path / "sources.json").read_bytes())["sources"][0]["secrets"][0]
    assert "address  http://127.0.0.1:8700/webhooks/post\n" in said
    assert f"http://any:{token}@127.0.0.1:8700/webhooks/post\n" in said
    assert added(tmp_path, "shop")["url"] == "http://127.0.0.1:8700/webhooks/shop"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Shop",), "lower-case"),
        (("shop", "--format", "pigeon"), "expected one of postmark"),
        (("shop", "--field", "text"), "FIELD=PATH"),
        (("shop", "--field", "=a"), "expected one of text"),
        (("shop", "--field", "mood=a"), "expected one of text"),
        (("shop", "--field", "text=a..b"), "names, numbers or '*'"),
        (("there", "--token"), "its secrets fit no other"),
        (("there", "--priority", "asap"), "priority 'asap': expected one of urgent, normal, may_wait, none"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    added(tmp_path, "there")
    before = (tmp_path / "sources.json").read_bytes()
    code, _, stderr = sources(tmp_path, "add", *words)
    assert code == 2
    assert said in stderr
    assert (tmp_path / "sources.json").read_bytes() == before


def test_a_source_has_a_priority_until_it_is_taken_away(tmp_path: Path) -> None:
    def listed() -> str:
        return sources(tmp_path, "list")[1].rstrip("\n").split("\t")[6]

    assert added(tmp_path, "status-page", "--priority", "urgent")["priority"] == "urgent"
    assert added(tmp_path, "status-page", "--field", "text=a")["priority"] == "urgent"
    source = SourceRegistry(tmp_path / "sources.json").get("status-page")
    assert source is not None
    assert source.priority is Priority.URGENT
    assert listed() == "urgent"
    assert added(tmp_path, "status-page", "--priority", "none")["priority"] is None
    assert listed() == ""


def test_broken_bodies_are_taken_where_a_source_says_so(tmp_path: Path) -> None:
    assert added(tmp_path, "shop")["malformed"] == "refuse"
    assert added(tmp_path, "shop", "--malformed", "take")["malformed"] == "take"
    assert added(tmp_path, "shop", "--field", "text=a")["malformed"] == "take"
    source = SourceRegistry(tmp_path / "sources.json").get("shop")
    assert source is not None
    assert source.malformed_text
    assert sources(tmp_path, "list")[1].rstrip("\n").split("\t")[7] == "take"
    assert added(tmp_path, "shop", "--malformed", "refuse")["malformed"] == "refuse"


def test_a_source_of_several_tenants_takes_no_broken_bodies(tmp_path: Path) -> None:
    added(tmp_path, "shop")
    path = tmp_path / "sources.json"
    content = json.loads(path.read_text())
    content["sources"][0]["tenants"] = ["a", "b"]
    path.write_text(json.dumps(content))
    code, _, stderr = sources(tmp_path, "add", "shop", "--malformed", "take")
    assert (code, "needs one tenant" in stderr) == (2, True)
    content["sources"][0]["malformed"] = "take"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigurationError, match="needs one tenant"):
        SourceRegistry(path).get("shop")


def test_a_file_that_is_none_is_kept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "sources.json").write_text("{")
    code, _, stderr = sources(tmp_path, "add", "shop")
    assert code != 0
    assert "sources.json" in stderr
    assert (tmp_path / "sources.json").read_text() == "{"


def test_paths_that_are_read_no_more_are_named(tmp_path: Path) -> None:
    added(tmp_path, "desk", "--field", "text=a", "--field", "customer_email=b.c")
    changed = added(tmp_path, "desk", "--field", "text=d")
    assert str(changed["message"]).endswith("; not read any more: text=a customer_email=b.c")
    assert "not read" not in str(added(tmp_path, "desk", "--field", "text=d")["message"])


# --- services that sign in their own way ---

HANDED_OUT = "whsec_of_the_service_itself"


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text(f"{HANDED_OUT}\n")
    return str(path)


@pytest.mark.parametrize("service", ["stripe", "slack", "shopify", "zendesk", "github"])
def test_a_service_that_signs_in_its_own_way_is_added_with_its_secret(
    tmp_path: Path, secret_file: str, service: str
) -> None:
    code, stdout, stderr = sources(tmp_path, "add", "pay", "--signs", service, "--secret-file", secret_file)
    assert code == 0, stderr
    assert HANDED_OUT not in stdout + stderr
    assert f"as {service} does by itself" in stdout
    source = SourceRegistry(tmp_path / "sources.json").get("pay")
    assert source is not None
    assert (source.keys, source.vendor and source.vendor.name) == ((HANDED_OUT.encode(),), service)
    assert source.reading is not None
    assert source.reading.format == service


def test_a_secret_for_github_is_made_where_none_is_given(tmp_path: Path) -> None:
    made = str(added(tmp_path, "code", "--signs", "github")["secret"])
    source = SourceRegistry(tmp_path / "sources.json").get("code")
    assert source is not None
    assert source.keys == (made.encode(),)


def test_a_second_secret_counts_beside_the_first(tmp_path: Path, secret_file: str) -> None:
    added(tmp_path, "pay", "--signs", "stripe", "--secret-file", secret_file)
    Path(secret_file).write_text("whsec_the_next_of_them")
    for _ in range(2):  # the same one again is no third
        assert "secret" not in added(tmp_path, "pay", "--secret-file", secret_file)
    source = SourceRegistry(tmp_path / "sources.json").get("pay")
    assert source is not None
    assert source.keys == (HANDED_OUT.encode(), b"whsec_the_next_of_them")
    for number in range(6):
        Path(secret_file).write_text(f"whsec_of_another_year_{number}")
        added(tmp_path, "pay", "--secret-file", secret_file)
    Path(secret_file).write_text("whsec_one_too_many_now")
    code, _, stderr = sources(tmp_path, "add", "pay", "--secret-file", secret_file)
    assert (code, "take an old one out" in stderr) == (2, True)


def test_twilio_is_told_its_address(tmp_path: Path, secret_file: str) -> None:
    words = ("add", "sms", "--signs", "twilio", "--secret-file", secret_file)
    for more in ((), ("--url", "headgate.example"), ("--url", "ftp://x/y"), ("--url", "https://x/y#rc=2")):
        code, _, stderr = sources(tmp_path, *words, *more)
        assert (code, "twilio signs the address" in stderr) == (2, True)
    assert not (tmp_path / "sources.json").exists()
    added(tmp_path, *words[1:], "--url", "https://headgate.example/webhooks/sms")
    source = SourceRegistry(tmp_path / "sources.json").get("sms")
    assert source is not None
    assert source.url == "https://headgate.example/webhooks/sms"


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        (b"", (), "expected one secret"),
        (b"two words", (), "expected one secret"),
        (b"\xff\xfe", (), "no text in UTF-8"),
        (None, (), "cannot be read"),
        (b"short", (), "at least 16 characters"),
        (b"whsec_long_enough_to_be_one", ("--token",), "leave one out"),
        (b"whsec_long_enough_to_be_one", ("--signs", "pigeon"), "expected one of stripe"),
    ],
)
def test_a_secret_that_is_none_is_told_and_changes_nothing(
    tmp_path: Path, content: bytes | None, words: tuple[str, ...], said: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    code, _, stderr = sources(tmp_path, "add", "pay", "--signs", "slack", "--secret-file", str(path), *words)
    assert code == 2
    assert said in stderr
    assert not (tmp_path / "sources.json").exists()


def test_a_service_that_hands_out_its_secret_needs_it(tmp_path: Path) -> None:
    code, _, stderr = sources(tmp_path, "add", "pay", "--signs", "stripe")
    assert (code, "--secret-file" in stderr) == (2, True)


def test_a_source_that_changes_how_it_signs_is_a_new_one(tmp_path: Path, secret_file: str) -> None:
    added(tmp_path, "pay")
    code, _, stderr = sources(tmp_path, "add", "pay", "--signs", "stripe", "--secret-file", secret_file)
    assert (code, "its secrets fit no other" in stderr) == (2, True)
