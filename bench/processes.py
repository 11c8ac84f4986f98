"""What processes have used: read from Linux's /proc."""

import os
from collections.abc import Mapping
from pathlib import Path


def processor_s(pid: int | None) -> float:
    """Return the processor time that a process has used since it began, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int | None) -> float:
    """Return the memory that a process holds (resident), MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Meter:
    """The processor time of some processes, by name, since the meter was made."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._before = {name: processor_s(pid) for name, pid in self._pids.items()}

    def used(self) -> dict[str, float]:
        """Return what each has used, seconds."""
        return {name: processor_s(pid) - self._before[name] for name, pid in self._pids.items()}
