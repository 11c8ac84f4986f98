"""The compose file and the example settings keep step with the program: no unknown variable, no missing role, no
floating image.
"""

import re
from pathlib import Path

import pytest

from workers.roles import Role
from workers.settings import Settings
from workers.temporal_server import CACHE_VARIABLE, TEMPORAL_BIN_VARIABLE, TEST_SERVER_BIN_VARIABLE

REPOSITORY = Path(__file__).parents[2]
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text("utf-8")
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text("utf-8")
EXAMPLE = (REPOSITORY / ".env.example").read_text("utf-8")
OF_SETUP = {CACHE_VARIABLE, TEMPORAL_BIN_VARIABLE, TEST_SERVER_BIN_VARIABLE}


@pytest.mark.parametrize(
    "text", [COMPOSE, DOCKERFILE, EXAMPLE], ids=["docker-compose.yml", "Dockerfile", ".env.example"]
)
def test_every_variable_is_one_that_the_settings_know(text: str) -> None:
    named = set(re.findall(r"\bHEADGATE_[A-Z_]*[A-Z]\b", text))
    known = {f"HEADGATE_{field.upper()}" for field in Settings.model_fields}
    assert named
    assert named - known - OF_SETUP == set()


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
