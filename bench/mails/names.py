"""Names of people in messages, with and without the model: how many are hidden, what is taken for one, processor time.

    python -m bench.mails.names [--data FOLDER]

FOLDER has `security/pii.jsonl` (`text`, and `spans` with `type` and `value`) and `tickets/tickets.jsonl` (`text`,
`lang`, `source`). What is taken for a name in a ticket is listed by source: whether it is one, a reader must say.
"""

import argparse
import json
import os
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from adapters.blueprints.words import read_words
from adapters.cleaning.cleaner import DocumentCleaner
from domain.inbound.cleaned import CleanDocument
from workers.local_models.installed import open_name_finder

BLUEPRINT = Path(__file__).parents[2] / "blueprints" / "default"


def names_of(document: CleanDocument) -> list[str]:
    """Return what was taken for names."""
    return [value for token, value in document.vault.items() if token.startswith("[NAME_")]


def hidden(cleaner: DocumentCleaner, rows: list[dict[str, Any]]) -> tuple[int, int]:
    """Return how many names of people are hidden whole, and how many there are."""
    found = []
    for row in rows:
        document = cleaner.clean(subject="", text=row["text"], html=None, lang=None)
        values = [span["value"] for span in row["spans"] if span["type"] == "PERSON"]
        found += [value not in document.text and any(value in n for n in names_of(document)) for value in values]
    return sum(found), len(found)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HEADGATE_EVAL_DATA"), help="folder of messages")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no messages: give --data FOLDER or set HEADGATE_EVAL_DATA")
    finder = open_name_finder()
    if finder is None:
        parser.error("the model is not installed: run `headgate models install names`")

    def read(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (Path(arguments.data) / name).read_text("utf-8").splitlines()]

    words, tickets = read_words(BLUEPRINT)[0].mail, read("tickets/tickets.jsonl")
    for label, cleaner in (("rules alone", DocumentCleaner(words)), ("with the model", DocumentCleaner(words, finder))):
        taken: dict[str, Counter[str]] = defaultdict(Counter)
        touched: Counter[str] = Counter()
        started = time.process_time()
        for row in tickets:
            names = names_of(cleaner.clean(subject="", text=row["text"], html=None, lang=None))
            taken[f"{row['source']} ({row['lang']})"].update(names)
            touched[f"{row['source']} ({row['lang']})"] += bool(names)
        per_message = 1000 * (time.process_time() - started) / len(tickets)
        count, of = hidden(cleaner, read("security/pii.jsonl"))
        print(f"{label}: hidden {count} of {of}, {per_message:.2f} ms a ticket")
        for source, found in sorted(taken.items()):
            said = ", ".join(f"{name} {count}" for name, count in found.most_common(60))
            print(f"  {source}: {touched[source]} messages: {said}")


if __name__ == "__main__":
    main()
