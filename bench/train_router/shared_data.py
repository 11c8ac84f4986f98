"""The evaluation folder's messages, by source; nothing of them is kept in the repository."""

import json
from dataclasses import dataclass
from pathlib import Path

from bench.train_router.grammar import OFF, Message

SHARE_ALIKE = frozenset({"bitext", "arbanking77"})
"""Sources under share-alike terms (CDLA-Sharing-1.0, CC BY-SA 4.0): they test the weights, they never train them."""

SAME_TEXTS = {name: frozenset({"banking77", "arbanking77"}) for name in ("banking77", "arbanking77")}
"""Sources that are translations of each other: neither may train a model that is judged on the other."""


@dataclass(frozen=True)
class SharedData:
    """Tickets by source, off-topic messages, and tickets with a stranger's order inside (text, right label)."""

    by_source: dict[str, list[Message]]
    off: list[Message]
    injected: list[Message]


def read_shared(folder: Path) -> SharedData:
    """Read `tickets/` and `security/` of the evaluation folder."""
    by_source: dict[str, list[Message]] = {}
    for row in _rows(folder / "tickets" / "tickets.jsonl"):
        message = Message(row["text"], row["label"], f"{row['source']}/{row['intent']}", row["lang"])
        by_source.setdefault(row["source"], []).append(message)
    off = [Message(row["text"], OFF, "clinc150", row["lang"]) for row in _rows(folder / "tickets" / "offtopic.jsonl")]
    rows = [row for row in _rows(folder / "security" / "injection.jsonl") if row.get("carrier_label")]
    return SharedData(by_source, off, [Message(row["text"], row["carrier_label"], "injected") for row in rows])


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
