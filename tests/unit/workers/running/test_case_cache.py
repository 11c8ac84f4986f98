"""How many workflows a case worker keeps follows from the memory it may use."""

from pathlib import Path

import pytest

from workers.running.case_cache import BYTES_EACH, FEWEST, MOST, SHARE, cached_workflows, memory_here

GB = 10**9


@pytest.mark.parametrize("memory", [0, -1, GB // 4, GB, 2 * GB])
def test_a_small_machine_keeps_what_it_always_kept(memory: int) -> None:
    assert cached_workflows(memory) == FEWEST


def test_it_grows_with_the_memory_to_an_end() -> None:
    kept = [cached_workflows(n * GB) for n in (2, 4, 6, 64, 1024)]
    assert kept == sorted(kept)
    assert kept[1] * BYTES_EACH * SHARE <= 4 * GB
    assert kept[-2:] == [MOST, MOST]


@pytest.mark.parametrize("said", ["max\n", "", "much"])
def test_without_a_limit_of_its_container_it_is_the_machine_s(tmp_path: Path, said: str) -> None:
    (tmp_path / "memory.max").write_text(said)
    assert memory_here(tmp_path / "memory.max") == memory_here(tmp_path / "none") > 0


def test_a_container_has_less_than_its_machine(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    assert memory_here(tmp_path / "memory.max") == 1_000_000
