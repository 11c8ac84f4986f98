"""The language of messages, without and with the second opinion: right, undecided, wrong, processor time, memory.

    python -m bench.mails.languages --data FOLDER [--catalogs FOLDER]

FOLDER has `tickets/tickets.jsonl`, `tickets/offtopic.jsonl` and `security/pii.jsonl` (`text`, `lang`; English without),
`cache/question_pairs.jsonl` (`a`, `b`, `lang`) and `stream/narratives.jsonl.gz` (`text`, English). Catalogs are
`LANG/LC_MESSAGES/*.mo`, such as `django/conf/locale`: short sentences in many languages. What changed is listed.
"""

import argparse
import gettext
import gzip
import json
import os
import re
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from adapters.cleaning.language import LANGUAGES, guess_language, language_of
from ports.cleaner import LanguageTeller
from workers.local_models.installed import open_language_teller

SAMPLES = Path(__file__).parents[2] / "samples"
_FEWEST_WORDS = 5  # of a sentence of a catalogue, in English
_NOT_WORDS = re.compile(r"%(?:\(\w+\))?[a-z]|\{\w+\}|[“”\"]")
_SAME = {"nb": "no", "nn": "no"}
Texts = dict[str, list[tuple[str, str]]]  # by group: language and text


def messages(folder: Path) -> Texts:
    """Return the messages, each once."""

    def read(path: Path) -> list[dict[str, Any]]:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def add(group: str, lang: str, text: str) -> None:
        found[f"{group} {lang}"][lang, text] = None

    found: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for name in ("tickets/tickets.jsonl", "tickets/offtopic.jsonl", "security/pii.jsonl", "stream/narratives.jsonl.gz"):
        for row in read(folder / name):
            add(Path(name).name.partition(".")[0], row.get("lang", "en"), row["text"])
    for row in read(folder / "cache/question_pairs.jsonl"):
        add("questions", row["lang"], row["a"])
        add("questions", row["lang"], row["b"])
    for row in read(SAMPLES / "claims.jsonl"):
        add("claims", row["lang"], row["text"])
    return {group: list(texts) for group, texts in found.items()}


def sentences(folder: Path) -> Texts:
    """Return the translated sentences of catalogues: no markup, at least five words in English."""
    found: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for path in sorted(folder.glob("*/LC_MESSAGES/*.mo")):
        lang = path.parts[-3].partition("_")[0]
        with path.open("rb") as file:
            catalog: dict[Any, str] = vars(gettext.GNUTranslations(file))["_catalog"]
        for key, value in catalog.items():
            english = key[0] if isinstance(key, tuple) else key
            text = " ".join(_NOT_WORDS.sub("", value).split())
            said = any(map(str.isalpha, text)) and "<" not in text and value != english
            if said and len(english.split()) >= _FEWEST_WORDS:
                found[_SAME.get(lang, lang)][_SAME.get(lang, lang), text] = None
    return {lang: list(texts) for lang, texts in found.items()}


def compare(texts: Texts, model: LanguageTeller, *, each: bool) -> None:
    """Print right, undecided, wrong of each group before and after, and what was right or undecided and is wrong."""
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for group, rows in texts.items():
        told = {"before": Counter[str](), "after": Counter[str]()}
        for lang, text in rows:
            first, both = guess_language(text), language_of(text, model)
            told["before"][_verdict(first, lang)] += 1
            told["after"][_verdict(both, lang)] += 1
            if both not in (first, lang) and _verdict(first, lang) != "wrong" and each:
                print(f"  {lang} {first} -> {both}: {text[:70]!r}")
        kind = group.rpartition(" ")[2]
        for when, counts in told.items():
            total[f"{when}, the 22 languages" if kind in LANGUAGES.split() else f"{when}, others"].update(counts)
        print(f"{group:16} {len(rows):5}  {_shown(told['before']):16} {_shown(told['after'])}")
    for name, counts in sorted(total.items()):
        print(f"{name:32} {_shown(counts)}")


def _verdict(told: str, lang: str) -> str:
    return "right" if told == lang else "undecided" if told == "und" else "wrong"


def _shown(counts: Counter[str]) -> str:
    return " / ".join(str(counts[verdict]) for verdict in ("right", "undecided", "wrong"))


def _memory_mb() -> float:
    """Resident memory of this process. Linux only."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HEADGATE_EVAL_DATA"), help="folder of messages")
    parser.add_argument("--catalogs", type=Path, help="folder of gettext catalogues")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no messages: give --data FOLDER or set HEADGATE_EVAL_DATA")
    guess_language("loads what it needs")
    before, started = _memory_mb(), time.process_time()
    model = open_language_teller()
    if model is None:
        parser.error("the model is not installed: run `headgate models install language`")
    model.judge("hello")
    print(f"loads in {time.process_time() - started:.3f} s, adds {_memory_mb() - before:.1f} MB")
    texts = messages(Path(arguments.data))
    rows = [text for group in texts.values() for _, text in group]
    for name, tell in (("first opinion", guess_language), ("second opinion", model.judge)):
        started = time.process_time()
        for text in rows:
            tell(text[:4000])
        print(f"{name}: {1000 * (time.process_time() - started) / len(rows):.3f} ms a message of {len(rows)}")
    compare(texts, model, each=True)
    if arguments.catalogs:
        compare(sentences(arguments.catalogs), model, each=False)


if __name__ == "__main__":
    main()
