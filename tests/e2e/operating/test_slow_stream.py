"""An answer of one byte a second outlives its worker, and holds nobody else up."""

from collections.abc import Callable

import pytest

from tests.e2e.operating.slow_stream import ENV, OTHERS, stream_slowly
from tests.e2e.running import Running

PORT_BASE = 26_100
STREAM_S = 40


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_killed_worker_s_slow_answer_is_taken_over_while_other_cases_go_on(
    start_headgate: Callable[..., Running],
) -> None:
    seen = stream_slowly(start_headgate("--samples", port_base=PORT_BASE, env=ENV), STREAM_S, STREAM_S / 2)

    assert seen["state_meanwhile"] == "running", "the others ended before the slow one"
    assert (seen["others"], seen["state"]) == (OTHERS, "done")
    assert seen["total_s"] > STREAM_S + seen["killed_after_s"], "the first half was taken for an answer"
    # The case has what led to its answer; the record has the call whose worker died, too.
    assert seen["case"]["usage"]["calls"] == 2
    [diagnosis] = [row for row in seen["spent"]["sums"] if row["step"] == "diagnosis"]
    assert diagnosis["calls"] == 2
