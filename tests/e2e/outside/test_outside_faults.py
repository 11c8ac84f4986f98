"""The short form of `make test-faults`: what is broken around a running Headgate breaks none of its promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import PROJECT

SEED = "11"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_breaks_no_promise_does(tmp_path: Path) -> None:
    """By its own records of what was sent, executed and asked, and by Temporal; not by what Headgate says of itself."""
    report = tmp_path / "faults.json"
    # Beside other tests a machine is slow: the promised seconds are for one that has nothing else to do.
    argv = ["--seed", SEED, "--seconds", "45", "--patience", "3", "--report", str(report)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.run", *argv],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        try:
            told, _ = run.communicate()
        except BaseException:
            run.terminate()  # it stops what it has started
            raise
    print(told[-12_000:])
    assert report.exists(), told[-4000:]
    found = json.loads(report.read_text("utf-8"))
    assert found["breaches"] == []
    assert found["differs_from_the_products_word"] == []
    assert run.returncode == 0
    # It was really tried: faults of many kinds, under load, with money moving.
    assert sum(row["times"] > 0 for row in found["rows"]) >= 8
    assert found["looked_at"]["events"] > 50
    assert found["looked_at"]["payments"] > 10
    assert found["looked_at"]["model calls"]["200"] > 50
