"""`headgate doctor` says who routes, what it was taught and how far its confidence is off."""

from pathlib import Path

import pytest

from commands.doctor.router import LARGEST_ERROR, check_router, router_finding
from domain.routing import BILLING, SALES, TECHNICAL_SUPPORT
from tests.fakes.blueprint import BLUEPRINT
from workers.config.settings import Settings
from workers.local_models.router import FILE, RouterStanding

NAMES = (BILLING, TECHNICAL_SUPPORT, SALES)
TAUGHT = {"messages": 300, "by": "ann", "at": "2026-06-15T12:00:00+00:00", "of": "own.jsonl"}


def settings(folder: Path, models: str = "offline") -> Settings:
    return Settings.model_validate({"data_dir": folder, "models": models, "embedder": "hashed"})


def test_the_router_that_ships_is_named_with_its_stated_error(tmp_path: Path) -> None:
    found = check_router(settings(tmp_path), BLUEPRINT)
    assert found.ok is True
    assert "embedded, as it ships, without MiniLM" in found.found
    assert "(ECE) 0.010, on 3118 messages" in found.found


def test_a_damaged_file_is_a_fault_that_names_its_remedy(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"0" * 64 + b"\nno weights")
    found = check_router(settings(tmp_path), BLUEPRINT)
    assert found.ok is False
    assert "headgate router forget" in found.found


def test_of_a_model_nothing_is_known_until_it_is_measured(tmp_path: Path) -> None:
    found = check_router(settings(tmp_path, "openai"), BLUEPRINT)
    assert found.ok is None
    assert "the model openai " in found.found
    assert "headgate eval routing" in found.remedy
    assert check_router(settings(tmp_path, "none-like-it"), BLUEPRINT).ok is None


def test_what_it_was_taught_by_whom_and_when_is_said() -> None:
    found = router_finding(RouterStanding("d", NAMES, TAUGHT, 0.012, 300), NAMES, meaning=True)
    assert (found.ok, found.remedy) == (True, "")
    assert found.found.startswith("embedded, taught 300 messages of own.jsonl by ann at 2026-06-15T12:00:00+00:00; ")
    assert "(ECE) 0.012, on 300 messages" in found.found
    older = {name: value for name, value in TAUGHT.items() if name != "of"}
    assert "300 messages by ann" in router_finding(RouterStanding("d", NAMES, older, 0.012, 300), NAMES, False).found


@pytest.mark.parametrize(
    ("ece", "judged", "categories", "said"),
    [
        (LARGEST_ERROR + 0.001, 300, NAMES, "off by 0.03 at most"),
        (None, 300, NAMES, "(ECE) not known"),
        (0.01, 36, NAMES, "36 messages are few"),
        (0.01, 300, (*NAMES, "Returns"), "it knows no Returns"),
    ],
)
def test_a_weak_router_gets_a_remedy_and_is_no_fault(
    ece: float | None, judged: int, categories: tuple[str, ...], said: str
) -> None:
    found = router_finding(RouterStanding("d", NAMES, TAUGHT, ece, judged), categories, meaning=False)
    assert found.ok is None
    assert said in found.found
    assert "headgate router teach" in found.remedy
