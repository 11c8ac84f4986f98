"""What goes wrong is one line that says what to do, and the documented exit code."""

import json
import sys
from pathlib import Path

import pytest
import typer

from commands.terminal.cli import clear_errors
from domain.errors import (
    DataDirInUseError,
    GatewayUnreachableError,
    ImpossibleError,
    NotReachableError,
    PoisonError,
    ServerProgramUnusableError,
    TransientError,
    UnknownCaseError,
    UsageError,
)
from tests.unit.commands.command_line import PROJECT, run


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("audit",),
        ("dlq", "list"),
        ("ledger", "export"),
        ("cases", "list"),
        ("approvals", "list"),
        ("intake", "pause"),
        ("submit", str(PROJECT / "samples" / "complaints.jsonl")),
    ],
)
def test_nothing_running_is_exit_3_and_says_what_to_do(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    code, _, stderr = run(*arguments, "--data-dir", str(tmp_path / "none"))
    assert code == 3, stderr
    assert "headgate up" in stderr


def test_up_starts_nothing_where_telemetry_cannot_be_as_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
    code, stdout, stderr = run("up", "--data-dir", str(tmp_path / "none"))
    assert (code, stdout) == (2, "")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT='collector:4318'" in stderr
    assert not (tmp_path / "none" / "logs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("worker", "--role", "cook"), "cook"),
        (("cases", "answer", "case/shop/x", "--text", "  "), "empty"),
        (("dlq", "replay"), "--all"),
        (("dlq", "replay", "case/x/dead/1", "--all"), "--all"),
        (("dlq", "replay", "--all", "--kind", "Foo"), "told_to_wait"),
        (("cases", "list", "--category", "Foo"), "Technical Support"),
        (("cases", "list", "--state", "Foo"), "waiting_human"),
    ],
)
def test_wrong_use_is_exit_2_and_names_the_value(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, _, stderr = run(*arguments, "--data-dir", str(tmp_path))
    assert code == 2
    assert said in stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor",),
        ("status",),
        ("dlq", "list"),
        ("up",),
        ("demo", "--ci"),
        ("gateway",),
        ("worker", "--role", "case"),
        ("offline-model",),
        ("blueprint", "validate"),
        ("bench", "cases"),
        ("eval", "routing", "--data", str(PROJECT / "samples" / "complaints.jsonl")),
    ],
    ids=" ".join,
)
def test_settings_that_make_no_sense_are_named(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HEADGATE_GATEWAY_PORT", "ninety")
    code, _, stderr = run(*arguments)
    assert code == 2
    assert "HEADGATE_GATEWAY_PORT='ninety'" in stderr


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [("HEADGATE_MODELS", "oracle", "anthropic, offline, openai"), ("HEADGATE_BLUEPRINT", "/nowhere", "no such folder")],
)
def test_a_profile_or_a_blueprint_that_does_not_exist_is_wrong_use(
    variable: str, value: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    (tmp_path / "data.jsonl").write_text('{"id": "1", "text": "hello", "label": null}')
    code, _, stderr = run("eval", "routing", "--data", str(tmp_path / "data.jsonl"))
    assert code == 2
    assert variable in stderr
    assert repr(value) in stderr
    assert said in stderr


def test_a_settings_file_that_is_not_there_or_wrong_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "headgate.toml"
    monkeypatch.setenv("HEADGATE_CONFIG_FILE", str(file))
    for content, said in (
        (None, "no such file"),
        ("gateway_port = ", "HEADGATE_CONFIG_FILE"),
        ("gateway_prot = 1", "gateway_prot"),
        ('rail = "gold"', "'gold'"),
    ):
        if content is not None:
            file.write_text(content)
        code, _, stderr = run("status", "--data-dir", str(tmp_path))
        assert code == 2
        assert str(file) in stderr
        assert said in stderr


def test_blueprint_validate_names_the_key_that_is_wrong(tmp_path: Path) -> None:
    code, stdout, _ = run("blueprint", "validate", "--json")
    assert code == 0
    assert json.loads(stdout)["version"].startswith("default@")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "blueprint.toml").write_text('name = "broken"\nladder_s = [-1]\n')
    code, _, stderr = run("blueprint", "validate", str(tmp_path))
    assert code == 1
    assert "blueprint.toml" in stderr


@pytest.mark.parametrize("what", ["intake", "cases"])
def test_an_installation_without_the_measurements_says_so(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container image has no `bench`."""
    monkeypatch.setitem(sys.modules, "bench", None)
    code, _, stderr = run("bench", what)
    assert code == 2
    assert "make bench" in stderr


@pytest.mark.parametrize("command", [["gateway"], ["up"], ["demo", "--ci"]], ids=["gateway", "up", "demo"])
def test_a_data_dir_that_cannot_be_used_is_named_with_the_remedy(command: list[str], tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    code, _, said = run(*command, "--data-dir", str(in_the_way))
    assert code == 2
    assert said.splitlines()[-1] == (
        f"the data dir {str(in_the_way)!r} cannot be used (File exists): choose another with --data-dir or "
        "HEADGATE_DATA_DIR"
    )


@pytest.mark.parametrize("command", [["cases", "list"], ["status"], ["audit"], ["dlq", "list"], ["submit", "x"]])
def test_commands_on_what_is_no_data_dir_say_so(command: list[str], tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    code, _, said = run(*command, "--data-dir", str(in_the_way))
    assert code == 3
    assert "headgate up" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sources.json", '{"sources": ['),
        ("sources.json", '{"sources": [{"name": "shop", "secrets": ["whsec_c2VjcmV0"], "colour": "red"}]}'),
        ("approvers.json", "[]"),
        ("approver-tokens.json", '{"ada": 7}'),
    ],
)
def test_a_broken_file_of_secrets_stops_the_gateway_with_one_line(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    code, _, said = run("gateway", "--data-dir", str(tmp_path))
    assert code == 1
    assert said.startswith(f"{str(tmp_path / name)!r} is not as expected: ")
    assert said.count("\n") == 1
    assert "c2VjcmV0" not in said


def test_a_broken_blueprint_stops_the_gateway_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "blueprint.toml").write_text("x = [")
    monkeypatch.setenv("HEADGATE_BLUEPRINT", str(tmp_path))
    code, _, said = run("gateway", "--data-dir", str(tmp_path / "data"))
    assert code == 1
    assert said.startswith(f"{tmp_path / 'blueprint.toml'}: no valid TOML: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PoisonError("unreadable"), 1),
        (TransientError("the database is busy"), 3),
        (ImpossibleError("it has ended"), 1),
        (UnknownCaseError("case/shop/x"), 1),
        (UsageError("rate -1: expected more"), 2),
        (NotReachableError("nobody answers"), 3),
        (GatewayUnreachableError("no gateway"), 3),
        (ServerProgramUnusableError("no program"), 3),
        (DataDirInUseError("in use"), 3),
        (KeyError("dead letter 'x' is unknown"), 1),
        (ValueError("not like that"), 1),
        (TimeoutError("still running"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_ends_a_command_with_its_line_and_its_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, clear_errors():
        raise error
    assert ended.value.exit_code == code
    assert capsys.readouterr().err == f"{error.args[0]}\n"


def test_a_bug_is_no_clear_line() -> None:
    with pytest.raises(ZeroDivisionError), clear_errors():
        raise ZeroDivisionError
