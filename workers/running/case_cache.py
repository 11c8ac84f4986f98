"""How many workflows a case worker keeps in memory: as many as open cases, where the machine has the room.

A case that waits for a person is in nobody's way in memory, and need not be replayed when its answer comes. A full
cache costs more than replays: cases wait for a place in it, and Temporal's core has lost one over it (`core_trust`).
"""

import os
from pathlib import Path

FEWEST = 1_000
MOST = 2_500  # a collection of garbage stops the worker for 0.25 to 0.3 s for each 1,000
BYTES_EACH = 260_000  # measured with cases that wait for a person (bench/RESULTS.md)
SHARE = 8  # an eighth of the memory: on one machine Temporal, the store and other workers want theirs
_LIMIT = Path("/sys/fs/cgroup/memory.max")


def cached_workflows(memory: int) -> int:
    """Return how many workflows are kept, of so much memory in bytes.

    >>> cached_workflows(2 * 10**9), cached_workflows(4 * 10**9), cached_workflows(16 * 10**9)
    (1000, 1923, 2500)
    """
    return min(max(memory // SHARE // BYTES_EACH, FEWEST), MOST)


def memory_here(limit: Path = _LIMIT) -> int:
    """Return the memory that this process may use, in bytes: the machine's, or less where its container has less."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(whole, int(limit.read_text("ascii")))
    except (OSError, ValueError):  # no container's limit here, or "max": none is set
        return whole
