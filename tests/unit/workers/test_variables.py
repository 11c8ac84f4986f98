"""A misspelt variable is refused with the right name, and every variable that exists is known."""

import re
from pathlib import Path

import pytest

from domain.errors import UsageError
from tests.unit.commands.command_line import run
from workers.config import variables
from workers.config.settings import Settings, load_settings
from workers.config.variables import PROJECT, SECRETS, SETTINGS, known_variables, refuse_misspelt

CODE = ("activities", "adapters", "bench", "client", "commands", "domain", "gateway", "ports", "scripts", "workers")
NAMED = re.compile(r"\bHEADGATE_[A-Z][A-Z_]*[A-Z]\b")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("HEADGATE_")]:
        monkeypatch.delenv(name)


def test_all_settings_are_listed() -> None:
    assert set(SETTINGS) == set(Settings.model_fields)
    assert set(SECRETS) <= set(SETTINGS)


def test_every_variable_that_code_and_documents_name_is_known() -> None:
    paths = [path for room in CODE for path in (PROJECT / room).rglob("*.py")]
    paths += [PROJECT / "README.md", PROJECT / ".env.example", PROJECT / "Makefile", *(PROJECT / "docs").rglob("*.md")]
    paths.append(PROJECT / "docker-compose.yml")
    paths.remove(Path(variables.__file__))
    named = {name for path in paths for name in NAMED.findall(path.read_text("utf-8"))}
    assert len(named) > 25
    assert named - known_variables() == set()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HEADGATE_BLUPRINT", "did you mean HEADGATE_BLUEPRINT?"),
        ("HEADGATE_BLUEPRINTS", "did you mean HEADGATE_BLUEPRINT?"),
        ("HEADGATE_MODEL", "did you mean HEADGATE_MODELS?"),
        ("HEADGATE_DATADIR", "did you mean HEADGATE_DATA_DIR?"),
        ("headgate_datadir", "did you mean HEADGATE_DATA_DIR?"),
        ("HEADGATE_STRIPE_KEY", "did you mean HEADGATE_STRIPE_API_KEY?"),
        ("HEADGATE_STORE_URL_FLIE", "did you mean HEADGATE_STORE_URL_FILE?"),
        ("HEADGATE_RAIL_FILE", "did you mean HEADGATE_RAIL?"),  # no secret, so there is no such file
        ("HEADGATE_QQQQ", "unset it; .env.example lists all"),
    ],
)
def test_a_misspelt_one_is_refused_with_the_right_name(name: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        refuse_misspelt({name: "x", "HEADGATE_RAIL": "embedded"})
    assert str(refused.value) == f"{name}: there is no such variable; {said}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEADGATE_BLUPRINT", ""),  # empty counts as unset
        ("headgate_models", "offline"),
        ("HEADGATE_SERVICE_HOST", "10.0.0.7"),  # set by Kubernetes beside a service of that name
        ("HEADGATE_GATEWAY_SERVICE_PORT_HTTP", "8700"),
        ("HEADGATE_CONSOLE_PORT", "tcp://10.0.0.7:8700"),
        ("HEADGATE_PORT_8700_TCP_ADDR", "10.0.0.7"),
        ("PATH", "/bin"),
        *((name, "x") for name in sorted(known_variables())),
    ],
)
def test_these_are_no_mistakes(name: str, value: str) -> None:
    refuse_misspelt({name: value})


def test_a_blueprint_may_name_variables_for_the_keys_of_its_models(tmp_path: Path) -> None:
    rules = '[models.own.small]\napi_key_env = "HEADGATE_OWN_KEY"\n# api_key_env = "HEADGATE_OLD_KEY"\n'
    (tmp_path / "blueprint.toml").write_text(rules)
    (tmp_path / "settings.toml").write_text(f'blueprint = "{tmp_path}"\n')
    for known in ({"HEADGATE_BLUEPRINT": str(tmp_path)}, {"HEADGATE_CONFIG_FILE": str(tmp_path / "settings.toml")}):
        refuse_misspelt({"HEADGATE_OWN_KEY": "k", **known})
        refuse_misspelt({"HEADGATE_OWN_KEY_FILE": "/run/key", **known})
        with pytest.raises(UsageError, match="did you mean HEADGATE_OWN_KEY"):
            refuse_misspelt({"HEADGATE_OLD_KEY": "k", **known})
    with pytest.raises(UsageError, match="HEADGATE_OWN_KEY"):
        refuse_misspelt({"HEADGATE_OWN_KEY": "k"})


def test_the_settings_file_is_held_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('bluprint = "x"\n')
    monkeypatch.setenv("HEADGATE_CONFIG_FILE", str(file))
    with pytest.raises(UsageError) as refused:
        load_settings()
    assert f"bluprint in HEADGATE_CONFIG_FILE='{file}': there is no such setting; did you mean blueprint?" in str(
        refused.value
    )


@pytest.mark.parametrize(
    "command",
    ["status", "approvals list", "up", "worker --role case", "gateway", "doctor", "blueprint validate", "demo --ci"],
)
def test_every_command_refuses_it_before_anything_is_done(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that read no settings: `HEADGATE_DATADIR` would let them speak to another Headgate."""
    monkeypatch.setenv("HEADGATE_DATADIR", str(tmp_path / "mine"))
    code, stdout, stderr = run(*command.split(), "--data-dir", str(tmp_path / "other"))
    assert (code, stdout) == (2, "")
    assert stderr == "HEADGATE_DATADIR: there is no such variable; did you mean HEADGATE_DATA_DIR?\n"
    assert list(tmp_path.iterdir()) == []
