"""The table of faults, and the report of a run."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from tests.faults.audit_liveness import LIVENESS, first_finished, first_taken
from tests.faults.audit_safety import SAFETY
from tests.faults.records import Breach, Evidence, Injected

HEADINGS = ("fault", "times", "sent", "2xx", "lost", "doubled", "stuck", "new 2xx after", "new end after")
_LOST = frozenset({"lost"})
_DOUBLED = frozenset({"doubled", "twice"})
_STUCK = frozenset({"stuck", "not_settled", "no_ending", "no_deadline"})
AFTERWARDS_S = 2.0  # what was sent so shortly before a fault was under way when it came


@dataclass(frozen=True)
class Row:
    """What became of what was sent while a fault was on; recovery in seconds from its end, the median of all times."""

    fault: str
    times: int
    sent: int
    taken: int
    lost: int
    doubled: int
    stuck: int
    taken_after_s: float | None
    finished_after_s: float | None


def breaches_of(seen: Evidence) -> list[Breach]:
    """Return all broken promises."""
    return [breach for check in (*SAFETY, *LIVENESS) for breach in check(seen)]


def rows_of(seen: Evidence, breaches: Sequence[Breach]) -> list[Row]:
    """Return a row for each fault, and one for the whole run."""
    by_name: dict[str, list[Injected]] = defaultdict(list)
    for fault in seen.injected:
        by_name[fault.name].append(fault)
    return [
        *(_row(name, faults, seen, breaches) for name, faults in sorted(by_name.items())),
        _row("the whole run", [Injected("", "", 0.0, seen.now, 0)], seen, breaches),
    ]


def _row(name: str, faults: Sequence[Injected], seen: Evidence, breaches: Iterable[Breach]) -> Row:
    during = {
        one.event_id
        for one in seen.sent
        if one.kind in {"event", "duplicate"}
        and any(f.since - AFTERWARDS_S <= one.answered and one.at <= f.until for f in faults)
    }
    counted = dict.fromkeys((_LOST, _DOUBLED, _STUCK), 0)
    for breach in breaches:
        if _event_of(breach.subject, seen) in during:
            for kinds in counted:
                counted[kinds] += breach.kind in kinds
    taken = [s for s in (first_taken(seen, fault) for fault in faults) if s is not None]
    ended = [s for s in (first_finished(seen, fault) for fault in faults) if s is not None]
    return Row(
        fault=name,
        times=sum(fault.fired for fault in faults),
        sent=len(during),
        taken=len(during & seen.taken()),
        lost=counted[_LOST],
        doubled=counted[_DOUBLED],
        stuck=counted[_STUCK],
        taken_after_s=round(median(taken), 1) if taken else None,
        finished_after_s=round(median(ended), 1) if ended else None,
    )


def _event_of(subject: str, seen: Evidence) -> str:
    """Return the event that a breach speaks of: it names an event, a case, a key or a charge."""
    for one in seen.asked:
        if subject == one.charge_id:
            return one.event_id
    parts = subject.split("/")
    return parts[2] if len(parts) > 2 else subject


def as_markdown(rows: Iterable[Row]) -> list[str]:
    """Return the lines of the table."""
    lines = [" | ".join(HEADINGS), " | ".join("---" for _ in HEADINGS)]
    for row in rows:
        cells = [("-" if value is None else str(value)) for value in asdict(row).values()]
        lines.append(" | ".join([*cells[:-2], *(f"{cell} s" if cell != "-" else cell for cell in cells[-2:])]))
    return [f"| {line} |" for line in lines]


@dataclass(frozen=True)
class Growth:
    """The memory of a process, over its longest life; bytes."""

    role: str
    life_s: float
    first: int
    last: int
    most: int
    flat: bool


STARTS_S = 60.0  # a process that has just started still loads
GROWS_BY = 1.3
GROWS_BYTES = 40 * 1024**2


def growth_of(samples: Sequence[tuple[float, str, int, int]]) -> list[Growth]:
    """Return how each role's memory went in its longest life, from samples of (time, role, process id, bytes).

    Flat: the mean of the last fifth is not above that of the second one by more than 30 percent and 40 MB.
    """
    lives: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)
    for at, role, pid, size in samples:
        lives[role, pid].append((at, size))
    longest: dict[str, list[tuple[float, int]]] = {}
    for (role, _), life in lives.items():
        if life[-1][0] - life[0][0] >= _span(longest.get(role)):
            longest[role] = life
    found = []
    for role, life in sorted(longest.items()):
        sizes = [size for at, size in life if at - life[0][0] >= STARTS_S] or [life[-1][1]]
        fifth = max(1, len(sizes) // 5)
        first, last = _mean(sizes[:fifth]), _mean(sizes[-fifth:])
        flat = last <= max(first * GROWS_BY, first + GROWS_BYTES)
        found.append(Growth(role, round(_span(life), 1), first, last, max(sizes), flat))
    return found


def _span(life: Sequence[tuple[float, int]] | None) -> float:
    return life[-1][0] - life[0][0] if life else -1.0


def _mean(sizes: Sequence[int]) -> int:
    return sum(sizes) // len(sizes)
