"""`make test-faults`: break everything around a running Headgate, then look from outside what became of its promises.

    python -m tests.faults.run --seed 7                      # the short form: one cycle of faults
    python -m tests.faults.run --hours 1 --report faults.json

Exit codes: 0 no promise was broken, 1 one was.
"""

import argparse
import asyncio
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults import own_world
from tests.faults.campaign import Campaign, Options, Seen
from tests.faults.own_word import differences
from tests.faults.product import is_embedded_pen
from tests.faults.records import Breach
from tests.faults.table import Growth, Row, as_markdown, breaches_of, growth_of, rows_of

SHOWN = 40


def options_of(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=0.0, help="cycles of faults for so long; 0: one short cycle")
    parser.add_argument("--seconds", type=float, default=75.0, help="of the short form: no fault begins later")
    parser.add_argument("--seed", type=int, default=None, help="the same faults in the same order; else by chance")
    parser.add_argument("--rate", type=float, default=2.0, help="webhooks a second")
    parser.add_argument(
        "--patience", type=float, default=1.0, help="promised times are multiplied by it: a busy machine"
    )
    parser.add_argument("--report", type=Path, help="write everything to this file as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the records and the logs, and say where")
    parser.add_argument("--port-base", type=int, default=22_700, help="the product's first port")
    parser.add_argument("--broker", default="", help="command that runs the holding pen's broker in the foreground")
    parser.add_argument("--broker-port", type=int, default=0, help="where that broker answers")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Run, print the table, and return the exit code."""
    given = options_of(argv)
    # A broker that somebody else has started is outside of any network of ours.
    own_world.enter(network=is_embedded_pen() or bool(given.broker))
    if own_world.has("net"):
        own_world.loopback(up=True)
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1_000_000)
    long = given.hours > 0
    options = Options(
        seed=seed,
        for_s=given.hours * 3600 if long else given.seconds,
        per_place=6 if long else 2,
        lull_s=75.0 if long else 12.0,
        rate=given.rate,
        quiet_s=120.0,
        patience=given.patience,
        port_base=given.port_base,
        broker=given.broker,
        broker_port=given.broker_port,
        once=not long,
    )
    # Told to end it stops what it has started, as by Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:6.1f} s] {text}", flush=True)

    own = [what for what in ("net", "mount") if own_world.has(what)]
    say(f"seed {seed}; namespaces of its own: {', '.join(own) or 'none'}")
    try:
        seen = asyncio.run(Campaign(folder, options, say).run())
    except BaseException:
        say(f"cut short; records: {_kept(folder, seed)}")
        own_world.take_away(folder)
        raise
    report = report_of(options, seen)
    print_report(report, seen)
    if given.report is not None:
        given.report.write_text(json.dumps(report, indent=1, default=str), "utf-8")
    if given.keep or report["breaches"]:
        say(f"records, logs and the data dir: {_kept(folder, seed)}")
    own_world.take_away(folder)
    return 1 if report["breaches"] else 0


def _kept(folder: Path, seed: int) -> Path:
    """Copy everything to where it stays: the data dir itself goes with the namespace."""
    kept = Path(tempfile.mkdtemp(prefix=f"faults-seed-{seed}-"))
    return Path(shutil.copytree(folder, kept, dirs_exist_ok=True))


def report_of(options: Options, seen: Seen) -> dict[str, Any]:
    """Return everything as a document."""
    breaches = breaches_of(seen.evidence)
    rows = rows_of(seen.evidence, breaches)
    return {
        "seed": options.seed,
        "options": asdict(options),
        "skipped": seen.skipped,
        "rows": [asdict(row) for row in rows],
        "breaches": [asdict(breach) for breach in breaches],
        "differs_from_the_products_word": differences(seen.evidence, breaches, seen.audit, seen.status),
        "looked_at": looked_at(seen),
        "memory": [asdict(growth) for growth in growth_of(seen.memory)],
        "products_audit": seen.audit,
    }


def looked_at(seen: Seen) -> dict[str, Any]:
    """Return how much was looked at."""
    found = seen.evidence
    return {
        "events": len({one.event_id for one in found.sent if one.kind in {"event", "duplicate"}}),
        "requests": dict(Counter(f"{one.kind} {one.status}" for one in found.sent)),
        "cases": dict(Counter(str(run.state) for run in found.runs)),
        "payments": len(found.effects),
        "payments tried": dict(Counter(one.outcome for one in found.tries)),
        "model calls": dict(Counter(str(one.status) for one in found.calls)),
        "decisions": dict(Counter(f"{one.verdict} {one.counted}" for one in found.decided)),
        "words": len(found.told),
        "dead letters": len(found.letters),
        "kill switch": len(found.stops),
    }


def print_report(report: dict[str, Any], seen: Seen) -> None:
    """Print it for people."""
    say: Callable[[str], None] = print
    for line in as_markdown(Row(**row) for row in report["rows"]):
        say(line)
    for name, what in report["looked_at"].items():
        say(f"{name}: {what}")
    for name, why in seen.skipped.items():
        say(f"skipped: {name}: {why}")
    for growth in (Growth(**one) for one in report["memory"]):
        mb = f"{growth.first / 2**20:.0f} -> {growth.last / 2**20:.0f} MB, most {growth.most / 2**20:.0f} MB"
        say(f"memory of {growth.role}: {mb} in {growth.life_s:.0f} s" + ("" if growth.flat else ": GROWS"))
    for difference in report["differs_from_the_products_word"]:
        say(f"T1 {difference}")
    for breach in [Breach(**one) for one in report["breaches"]][:SHOWN]:
        say(f"BROKEN {breach.promise} {breach.kind} {breach.subject}: {breach.text}")
    count = len(report["breaches"])
    say(f"seed {report['seed']}: {count} breaches" if count else f"seed {report['seed']}: every promise was kept")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
