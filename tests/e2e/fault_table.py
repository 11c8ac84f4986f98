"""The table of faults: what was sent while something broke, and what of it was lost, doubled or left stuck."""

import time
from collections.abc import Callable, Collection
from dataclasses import astuple, dataclass

import pytest

from tests.e2e.running import Running

HEADINGS = ("fault", "promises", "sent", "lost", "doubled", "stuck", "recovery")


@dataclass(frozen=True)
class FaultRow:
    """What became of what was sent; `recovery` in seconds from the end of the fault until nothing was under way."""

    fault: str
    promises: str  # the numbers of `docs/promises.md`
    sent: int
    lost: int
    doubled: int
    stuck: int
    recovery: float


def is_on_record(running: Running, case_id: str) -> bool:
    """Tell whether a case that Temporal does not list has its ending in the store."""
    return running.json("cases", "show", case_id)["state"] in ("done", "rejected", "dead_lettered", "cancelled")


PROPERTY = "fault"


@dataclass
class FaultTable:
    """Where a test writes its rows: into its report, which reaches the end of the run from whichever process."""

    record_property: Callable[[str, object], None]

    async def add(self, running: Running, fault: str, promises: str, sent: Collection[str], *, lifted: float) -> None:
        """Count and write down a row, and fail unless it has three noughts.

        Args:
            running: where it happened; everything that was sent has settled.
            fault: what broke, in a few words.
            promises: which promises are tried.
            sent: the ids of the cases whose webhooks were answered 2xx.
            lifted: when the fault was over, by `time.monotonic()`.
        """
        took = time.monotonic() - lifted
        states, paid = running.states(), await running.paid()
        row = FaultRow(
            fault=fault,
            promises=promises,
            sent=len(sent),
            lost=sum(not is_on_record(running, case_id) for case_id in set(sent) - set(states)),
            doubled=len(paid) - len({entry.key.partition("/refund")[0] for entry in paid}),
            stuck=sum(states.get(one) in ("running", "terminated", "failed") for one in sent)
            + int(running.json("status")["stuck"]["count"]),
            recovery=round(took, 1),
        )
        self.record_property(PROPERTY, list(astuple(row)))
        assert (row.lost, row.doubled, row.stuck) == (0, 0, 0), row


def tell_faults(terminal: pytest.TerminalReporter) -> None:
    """Tell the rows of the whole run, if there are any."""
    reports = [
        r for some in terminal.stats.values() for r in some if isinstance(r, pytest.TestReport) and r.when == "call"
    ]
    rows = [value for report in reports for name, value in report.user_properties if name == PROPERTY]
    if not rows:
        return
    terminal.section("faults")
    for line in (HEADINGS, ["---" for _ in HEADINGS], *([*row[:-1], f"{row[-1]} s"] for row in rows)):
        terminal.write_line(f"| {' | '.join(map(str, line))} |")
