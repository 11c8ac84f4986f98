"""T1: what the product says of itself, compared with what the harness saw."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.faults.records import Breach, Evidence

COMPARED = ("S1", "S2", "S3", "S4", "S5", "S6", "L1", "L2", "L3")  # what `headgate audit` looks at


def differences(
    seen: Evidence, breaches: list[Breach], audit: Mapping[str, Any], status: Mapping[str, Any]
) -> list[str]:
    """Return where the product's own audit and counts say something else, in words.

    Args:
        seen: what the harness saw.
        breaches: what it found.
        audit: the document of `headgate audit --json`; empty if there was none.
        status: the document of `headgate status --json`.
    """
    if not audit or not status:
        return ["the product gave no audit or no status at all"]
    ours = Counter(b.promise for b in breaches if b.promise in COMPARED)
    theirs = Counter(str(v["promise"]) for v in audit.get("violations", []))
    found = [
        f"{promise}: {ours[promise]} breaches by the harness, {theirs[promise]} by `headgate audit`"
        for promise in sorted(ours.keys() | theirs.keys())
        if bool(ours[promise]) != bool(theirs[promise])
    ]
    checked = int(audit.get("checked", {}).get("S1", 0))
    if checked != len(seen.effects):
        found.append(f"the provider executed {len(seen.effects)}, `headgate audit` looked at {checked}")
    accepted, taken = int(status.get("inbox", {}).get("accepted", -1)), len(seen.taken())
    if accepted != taken:
        found.append(f"{taken} events were answered 2xx, `headgate status` says that {accepted} were accepted")
    refunded: Counter[str] = Counter()
    for effect in seen.effects:
        refunded[effect.currency] += effect.amount_minor
    if dict(refunded) != dict(status.get("refunded_minor", {})):
        found.append(f"paid back {dict(refunded)}, `headgate status` says {status.get('refunded_minor')}")
    states = Counter(run.state for run in seen.runs if run.status == "running")
    waiting = {name: n for name, n in status.get("cases", {}).items() if name.startswith("waiting")}
    if {s: n for s, n in states.items() if s and s.startswith("waiting")} != waiting:
        found.append(f"cases that wait: {dict(states)} in Temporal, `headgate status` says {waiting}")
    return found
