"""The compose file and the example settings keep step with the program: no unknown variable, no missing role, no
floating image.
"""

import re
import tomllib
from pathlib import Path

import pytest

from client.deciding.approver_token import VARIABLE as APPROVER_TOKEN
from workers.config.settings import Settings
from workers.config.variables import CONFIG_FILE, SECRETS
from workers.http_servers import OFFLINE_ADMIN_TOKEN
from workers.machine.temporal_server import (
    CACHE_VARIABLE,
    TEMPORAL_BIN_VARIABLE,
    TEST_SERVER_BIN_VARIABLE,
    dev_server_command,
)
from workers.parts.outside_systems import MAILBOX_PASSWORD
from workers.roles import Role
from workflows.options import SEARCH_ATTRIBUTES

REPOSITORY = Path(__file__).parents[3]
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text("utf-8")
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text("utf-8")
EXAMPLE = (REPOSITORY / ".env.example").read_text("utf-8")
IGNORED = (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
OF_SETUP = {CACHE_VARIABLE, TEMPORAL_BIN_VARIABLE, TEST_SERVER_BIN_VARIABLE}
BESIDE_SETTINGS = OF_SETUP | {CONFIG_FILE, OFFLINE_ADMIN_TOKEN, MAILBOX_PASSWORD, APPROVER_TOKEN, "HEADGATE_USER"}


@pytest.mark.parametrize(
    "text", [COMPOSE, DOCKERFILE, EXAMPLE], ids=["docker-compose.yml", "Dockerfile", ".env.example"]
)
def test_every_variable_is_one_that_the_settings_know(text: str) -> None:
    named = set(re.findall(r"\bHEADGATE_[A-Z_]*[A-Z]\b", text)) - {f"{MAILBOX_PASSWORD}_FILE", f"{APPROVER_TOKEN}_FILE"}
    known = {f"HEADGATE_{field.upper()}" for field in Settings.model_fields}
    known |= {f"HEADGATE_{field.upper()}_FILE" for field in SECRETS}
    assert named
    assert named - known - BESIDE_SETTINGS == set()


def test_every_setting_stands_in_the_example_with_its_default() -> None:
    shown = dict(re.findall(r"^# (\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert {f"HEADGATE_{field.upper()}" for field in Settings.model_fields} | BESIDE_SETTINGS <= set(shown)
    bare = Settings.model_construct()
    for field in Settings.model_fields:
        value = shown[f"HEADGATE_{field.upper()}"]
        assert value in ("", str(getattr(bare, field)).lower(), str(getattr(bare, field))), field


def test_every_role_has_its_process() -> None:
    assert set(re.findall(r'command: \["worker", "--role", "(\w+)"\]', COMPOSE)) == {role.value for role in Role}


def test_every_image_is_pinned_to_a_version() -> None:
    images = re.findall(r"^\s+image: (\S+)", COMPOSE, re.MULTILINE) + re.findall(
        r"^FROM (\S+)", DOCKERFILE, re.MULTILINE
    )
    floating = [
        image for image in images if image != "headgate:local" and not re.search(r":\d+\.\d+(\.\d+)?(-\w+)*$", image)
    ]
    assert len(images) > 5
    assert floating == []


def test_every_port_is_published_on_the_loopback_only() -> None:
    published = re.findall(r'^\s+- "([^"]*:\d+)"$', COMPOSE, re.MULTILINE)
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_no_service_waits_for_one_that_is_not_there() -> None:
    services = set(
        re.findall(r"^  ([a-z-]+):$", COMPOSE.partition("\nservices:\n")[2].partition("\nvolumes:\n")[0], re.MULTILINE)
    )
    awaited = set(re.findall(r"^ +([a-z-]+):\n +condition: service_", COMPOSE, re.MULTILINE))
    assert awaited
    assert awaited <= services


# What whoever runs it chooses in `.env`.
CHOICES = (
    "HEADGATE_MODELS",
    "HEADGATE_RAIL",
    "HEADGATE_STRIPE_API_KEY",
    "HEADGATE_RECORDS",
    "HEADGATE_RECORDS_FILE",
    "HEADGATE_RECORDS_URL",
    "HEADGATE_RECORDS_TOKEN",
    "HEADGATE_BLUEPRINT",
    "HEADGATE_SUPERVISOR_WEBHOOK_URL",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
)


@pytest.mark.parametrize("variable", CHOICES)
def test_what_env_chooses_reaches_the_processes_and_stands_in_the_example(variable: str) -> None:
    assert f"${{{variable}:-" in COMPOSE
    assert re.search(rf"^# [^\n]+\n# {variable}=", EXAMPLE, re.MULTILINE), "with a line above that says what it is"
    assert re.search(rf"^    {variable}: ", _part("x-headgate: &headgate", "\nservices:"), re.MULTILINE)


def test_every_variable_that_compose_takes_stands_in_the_example() -> None:
    taken = set(re.findall(r"\$\{(\w+)", COMPOSE))
    assert {name for name in taken if not re.search(rf"^# {name}=", EXAMPLE, re.MULTILINE)} == set()


def test_temporal_gets_the_dynamic_config_without_which_it_does_not_start() -> None:
    """`temporalio/server` ends at once where the file is missing; the image has none."""
    server = _part("\n  temporal:\n", "\n  temporal-ui:\n")
    named = re.search(r"DYNAMIC_CONFIG_FILE_PATH: (\S+)", server)
    mounted = re.search(r"configs:\n +- source: (\S+)\n +target: (\S+)", server)
    assert named is not None
    assert mounted is not None
    assert mounted[2] == named[1]
    content = _part(f"\n  {mounted[1]}:\n    content: |\n", "\nvolumes:")
    given = {
        f"{key}={value}" for key, value in re.findall(r"^      (\S+):\n        - value: (\S+)$", content, re.MULTILINE)
    }
    ours = dev_server_command(Path("t"), db_file=None, port=1, ui_port=None, namespace="n", search_attributes={})
    assert given == {ours[at + 1] for at, word in enumerate(ours) if word == "--dynamic-config-value"}


def test_the_namespace_is_prepared_by_the_program_itself_before_any_of_its_processes() -> None:
    assert re.search(r'^  init:\n    <<: \*headgate\n    command: \["init"', COMPOSE, re.MULTILINE)
    assert "init:\n      condition: service_completed_successfully" in _part("&needs", "\nservices:")
    assert [name for name in SEARCH_ATTRIBUTES if name in COMPOSE] == [], "one list, in workflows/options.py"


def test_the_image_has_the_bytecode_of_all_packages_that_it_holds() -> None:
    """/app belongs to root: what is not compiled in the build is compiled anew by every process."""
    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    packages = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    compiled = re.search(r"^RUN .*-m compileall (.*)$", DOCKERFILE, re.MULTILINE)
    assert compiled is not None
    assert set(packages) <= set(compiled[1].split())
    assert set(packages).isdisjoint(IGNORED)


def _part(start: str, end: str) -> str:
    assert start in COMPOSE
    return COMPOSE.partition(start)[2].partition(end)[0]
