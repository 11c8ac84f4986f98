"""`headgate cache drop`: what it needs, and what it says."""

from pathlib import Path

import pytest

from tests.unit.commands.command_line import run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.delenv("HEADGATE_REDIS", raising=False)
    return "--data-dir", str(tmp_path)


def test_all_of_a_tenant_are_dropped_only_if_somebody_says_so(place: tuple[str, str]) -> None:
    code, _, stderr = run("cache", "drop", *place)
    assert code == 2
    assert "all answers kept for 'default' would be dropped: say --yes" in " ".join(stderr.split())
    assert run("cache", "drop", "--tenant", " ", "--yes", *place)[0] == 2


def test_without_redis_it_says_where_answers_are(place: tuple[str, str]) -> None:
    code, _, stderr = run("cache", "drop", "--article", "kb-7", *place)
    assert code == 1
    assert "HEADGATE_REDIS is not set" in stderr
    assert "restart them" in " ".join(stderr.split())


def test_a_redis_that_is_away_is_said_to_be(place: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_REDIS", "redis://127.0.0.1:9/0")
    code, _, stderr = run("cache", "drop", "--article", "kb-7", *place)
    assert code == 3
    assert "may be there still" in " ".join(stderr.split())
