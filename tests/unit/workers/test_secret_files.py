"""A secret may come as a variable or as a file that a variable names; trouble with the file names the variable."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.blueprints.folder import load_blueprint
from adapters.models.factory import build_models
from adapters.moods.memory import MoodsInMemory
from domain.errors import ConfigurationError
from workers.config.secret_files import secrets_in
from workers.config.settings import Settings, load_settings
from workers.config.variables import PROJECT, SECRETS

BLUEPRINT = load_blueprint(PROJECT / "blueprints" / "default")
VALUES = {
    "embedder_key": "embedder-key-of-a-test",
    "inbox": "amqp://headgate:pw@mq/",
    "stripe_api_key": "sk_test_1",
    "supervisor_webhook_url": "https://chat.example/hook/1",
    "store_url": "postgresql://headgate:pw@db/headgate",
    "records_url": "postgresql://reader:pw@db/shop",
    "records_token": "sesame",
    "redis": "redis://:sesame@redis:6379/0",
}


@pytest.fixture(autouse=True)
def no_variables_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEADGATE_")]:
        monkeypatch.delenv(name)


def plain(settings: Settings, name: str) -> object:
    value = getattr(settings, name)
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_setting_can_come_from_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{VALUES[name]}\n")
    monkeypatch.setenv(f"HEADGATE_{name.upper()}_FILE", str(file))
    assert plain(load_settings(), name) == VALUES[name]
    assert plain(load_settings(**{name: "given"}), name) == "given"


def test_settings_typed_as_secret_are_all_among_those_that_files_can_hold() -> None:
    assert {n for n, field in Settings.model_fields.items() if field.annotation is SecretStr} <= set(SECRETS)


@pytest.mark.parametrize("name", SECRETS)
def test_a_file_that_is_not_there_is_named_with_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = f"HEADGATE_{name.upper()}_FILE"
    monkeypatch.setenv(variable, "/nowhere/secret")
    with pytest.raises(ValueError, match=rf"^{variable}='/nowhere/secret' cannot be read \(No such file"):
        load_settings()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose passes what nobody has set as an empty text."""
    for name in ("MODELS", "RAIL", "BLUEPRINT", "GATEWAY_PORT", "STRIPE_API_KEY", "STRIPE_API_KEY_FILE"):
        monkeypatch.setenv(f"HEADGATE_{name}", "")
    assert load_settings() == Settings()
    assert load_settings().rail == "embedded"


each_provider = pytest.mark.parametrize(
    ("profile", "variable"), [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")]
)


def build(profile: str, environ: Mapping[str, str]) -> None:
    build_models(BLUEPRINT, profile, secrets_in(environ), "http://127.0.0.1:1/v1", MoodsInMemory())


@each_provider
def test_a_file_holds_the_key(profile: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    for model in ("wires.openai.OpenAIModel", "wires.anthropic.AnthropicModel"):
        monkeypatch.setattr(f"adapters.models.{model}", lambda *_, api_key, **__: seen.append(api_key))
    file = tmp_path / "key"
    file.write_text("sk-in-a-file\n")
    build(profile, {f"{variable}_FILE": str(file)})
    assert set(seen) == {"sk-in-a-file"}


@each_provider
def test_a_file_that_cannot_be_used_is_named_and_its_content_never_shown(
    profile: str, variable: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"sk-\xff\xfe")
    for name, why in (("empty", "is empty"), ("binary", "UTF-8"), ("none", "No such file"), ("", "a directory")):
        with pytest.raises(ConfigurationError, match=rf"{variable}_FILE='.*{why}") as caught:
            build(profile, {f"{variable}_FILE": str(tmp_path / name)})
        assert "sk-" not in str(caught.value)


@each_provider
def test_both_ways_at_once_are_refused(profile: str, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"both {variable} and {variable}_FILE"):
        build(profile, {variable: "sk-1", f"{variable}_FILE": "/run/secrets/key"})


@each_provider
def test_without_either_the_message_says_both_ways(profile: str, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{variable}_FILE"):
        build(profile, {})
