"""Keys of decisions: made once, kept from others, and taken out with their owner."""

import json
import threading
from pathlib import Path

import pytest

from client.deciding.approver_token import HANDED_OUT, VARIABLE, own_key
from client.deciding.surface_keys import KEYS_FILE, SECRETS_FILE, ensure_surface_keys, parse_surface_keys
from domain.authority.signed import approver_key, flaw_in, sign
from domain.errors import ConfigurationError, UsageError
from domain.money.approval import Surface
from gateway.console.approvers import ApproverRegistry, approver_keys, ensure_approvers
from tests.contracts.store_samples import NOW, approval_request, big_action
from tests.fakes.signing import signed_on
from workers.parts.decision_keys import KeysOfDecisions

SAID = signed_on(approval_request(big_action()))


def test_keys_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    made = ensure_surface_keys(tmp_path)
    assert {surface: key.public for surface, key in ensure_surface_keys(tmp_path).items()} == {
        surface: key.public for surface, key in made.items()
    }
    for name in (SECRETS_FILE, KEYS_FILE):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    public = (tmp_path / KEYS_FILE).read_text()
    assert all(key.secret.hex() not in public for key in made.values())
    assert {key.surface for key in parse_surface_keys(json.loads(public))} == {Surface.PAGE, Surface.SLACK}


def test_two_gateways_that_start_at_once_share_their_keys(tmp_path: Path) -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(ensure_surface_keys(tmp_path)[Surface.PAGE].public))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_what_was_signed_with_an_older_secret_can_still_be_checked(tmp_path: Path) -> None:
    older = ensure_surface_keys(tmp_path)[Surface.PAGE]
    (tmp_path / SECRETS_FILE).unlink()
    newer = ensure_surface_keys(tmp_path)[Surface.PAGE]
    ensure_approvers(tmp_path / "approvers.json", [])
    keys = KeysOfDecisions(tmp_path, tmp_path / "approvers.json")()
    for key in (older, newer):
        assert flaw_in(sign(SAID, key, NOW), keys, asked_at=NOW, now=NOW) is None


@pytest.mark.parametrize("text", ["{", '{"secrets": {"page": "abc"}}', '{"secrets": {"command": 1}}', '{"keys": []}'])
def test_a_broken_file_of_secrets_is_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / SECRETS_FILE).write_text(text)
    with pytest.raises(ConfigurationError, match=SECRETS_FILE):
        ensure_surface_keys(tmp_path)
    assert (tmp_path / SECRETS_FILE).read_text() == text


def test_no_key_of_a_person_passes_as_that_of_a_surface() -> None:
    key = {"key_id": "approver:ada", "surface": "command", "public": "00" * 32}
    with pytest.raises(ValueError, match="approver:ada"):
        parse_surface_keys({"keys": [key]})


def test_an_approver_signs_with_their_own_token_while_they_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "approvers.json"
    token = ensure_approvers(path, ["maria"])["maria"]
    assert token not in path.read_text()
    decision = sign(SAID, own_key("maria", tmp_path, {VARIABLE: f" {token}\n"}), NOW)
    assert flaw_in(decision, approver_keys(json.loads(path.read_text())), asked_at=NOW, now=NOW) is None
    gone = json.loads(path.read_text())
    del gone["approvers"]["maria"]
    assert approver_keys(gone) == []
    path.write_text(json.dumps(gone))
    ensure_approvers(path, ["maria"])  # a new token
    assert flaw_in(decision, approver_keys(json.loads(path.read_text())), asked_at=NOW, now=NOW) is not None


def test_a_token_of_an_earlier_version_gets_its_key(tmp_path: Path) -> None:
    path = tmp_path / "approvers.json"
    tokens = ensure_approvers(path, ["ada", "bob"])
    old = json.loads(path.read_text())
    del old["keys"]
    path.write_text(json.dumps(old))
    assert ensure_approvers(path, ["ada", "bob"], {"ada": tokens["ada"], "bob": "somebody else's", "eve": "x"}) == {}
    [key] = approver_keys(json.loads(path.read_text()))
    assert (key.only_by, key.public) == ("ada", approver_key("ada", tokens["ada"]).public)
    assert ApproverRegistry(path).log_in("bob", tokens["bob"]), "who has no key yet can still log in"


class TestWhereTheTokenIs:
    def test_a_variable_beats_a_file_beats_what_was_not_handed_out(self, tmp_path: Path) -> None:
        (tmp_path / HANDED_OUT).write_text('{"ada": "three"}')
        (tmp_path / "token").write_text("two\n")
        by_file = {f"{VARIABLE}_FILE": str(tmp_path / "token")}
        assert own_key("ada", tmp_path, {VARIABLE: "one", **by_file}).public == approver_key("ada", "one").public
        assert own_key("ada", tmp_path, by_file).public == approver_key("ada", "two").public
        assert own_key(" ada ", tmp_path, {}).public == approver_key("ada", "three").public

    @pytest.mark.parametrize("env", [{}, {VARIABLE: ""}, {VARIABLE: "  "}, {f"{VARIABLE}_FILE": "/nowhere/token"}])
    def test_without_one_nothing_is_signed(self, tmp_path: Path, env: dict[str, str]) -> None:
        with pytest.raises(UsageError, match=VARIABLE):
            own_key("ada", tmp_path, env)
