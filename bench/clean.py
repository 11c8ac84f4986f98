"""Processor time of cleaning, per message, against inscriptis alone (lxml tree and text, nothing else) in the same run.

    python -m bench.clean [--data FOLDER] [--rounds N]

FOLDER has `tickets/tickets.jsonl` (field `text`) and `emails/html_tickets.jsonl`, `emails/html_to_text.jsonl` (field
`html`).
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from inscriptis import get_text  # type: ignore[import-untyped]

from adapters.blueprints.words import read_words
from adapters.cleaning.cleaner import DocumentCleaner

BLUEPRINT = Path(__file__).parents[1] / "blueprints" / "default"


def milliseconds(work: Callable[[str], object], messages: list[str], rounds: int) -> float:
    """Return processor milliseconds per message, of the fastest round."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for message in messages:
            work(message)
        best = min(best, time.process_time() - started)
    return 1000 * best / len(messages)


def main() -> None:
    """Print one line per kind of message."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HEADGATE_EVAL_DATA"), help="folder of messages")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no messages: give --data FOLDER or set HEADGATE_EVAL_DATA")

    def read(name: str, field: str) -> list[str]:
        lines = (Path(arguments.data) / name).read_text(encoding="utf-8").splitlines()
        return [json.loads(line)[field] for line in lines]

    cleaner = DocumentCleaner(read_words(BLUEPRINT)[0].mail)
    plain = read("tickets/tickets.jsonl", "text")
    per_plain = milliseconds(
        lambda text: cleaner.clean(subject="", text=text, html=None, lang=None), plain, arguments.rounds
    )
    print(
        f"plain text       {len(plain):5d} messages, {sum(map(len, plain)) // len(plain):6d} chars: clean "
        f"{per_plain:7.3f} ms"
    )
    for label, name in (("mails", "emails/html_tickets.jsonl"), ("templates", "emails/html_to_text.jsonl")):
        pages = [page for page in read(name, "html") if page.strip()]
        ours = milliseconds(
            lambda page: cleaner.clean(subject="", text=None, html=page, lang=None), pages, arguments.rounds
        )
        theirs = milliseconds(get_text, pages, arguments.rounds)
        chars = sum(map(len, pages)) // len(pages)
        print(
            f"HTML {label:11s} {len(pages):5d} messages, {chars:6d} chars: clean {ours:7.3f} ms, inscriptis alone "
            f"{theirs:7.3f} ms"
        )


if __name__ == "__main__":
    main()
