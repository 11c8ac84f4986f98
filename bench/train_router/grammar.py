"""Writes the training messages from the hand-written grammars in `corpus/`: same seed, same messages.

A line of a grammar is a key and its sentences. `(a|b|)` chooses one branch, `{slot}` draws from a list, `)s?` adds an s
or not. `vp`, `np`: phrases put into frames such as "how do i {vp}"; `st`, `q`: sentences that stand on their own.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
OFF = "Off"
"""Label of texts that belong to none of the queues."""

_GROUP = re.compile(r"\(([^()]*)\)(s\?(?=\s|$|[,.?(]))?")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Message:
    """One written message: its label (`Off` for none), its fine intent, its language."""

    text: str
    label: str
    intent: str
    lang: str = "en"


@dataclass
class Intent:
    """The phrases of one fine intent, by key (`vp`, `np`, `st`, `q`)."""

    name: str
    label: str
    phrases: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Grammar:
    """Everything that the English files hold."""

    intents: list[Intent]
    slots: dict[str, list[str]]


@dataclass
class Tongue:
    """The sentences of another language, by the letter of their label, with its slot, greetings and closings."""

    lang: str
    lines: dict[str, list[str]]


def _split_top(text: str) -> list[str]:
    """Split at `|` outside of parentheses."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def read_english() -> Grammar:
    """Read the English grammars, the off-topic one included."""
    intents: list[Intent] = []
    slots: dict[str, list[str]] = {}
    for name in ("slots", "en_billing", "en_technical", "en_sales", "en_industries", "en_off"):
        frame = ""
        for line in (CORPUS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if line.startswith("@ "):
                intent, _, label = line[2:].partition(" ")
                intents.append(Intent(intent, label))
            elif line.startswith("@"):
                frame, _, values = line[1:].partition(":")
                slots[frame] = _split_top(values.strip()) if values else []
            elif name == "slots" and frame:
                slots[frame] += _split_top(line)
            elif ": " in line:
                key, _, body = line.partition(": ")
                if name == "slots":
                    slots[key] = _split_top(body)
                else:
                    phrases = _split_top(body) if key == "np" else [body]
                    intents[-1].phrases.setdefault(key, []).extend(phrases)
    return Grammar(intents, slots)


def read_tongues() -> list[Tongue]:
    """Read the other languages."""
    tongues: list[Tongue] = []
    for line in (CORPUS / "other_languages.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("@lang "):
            tongues.append(Tongue(line[6:].strip(), {}))
        elif line.strip():
            key, _, body = line.partition(": ")
            parts = body.split(" ; ") if key in "BTSO" else body.split("|")
            tongues[-1].lines.setdefault(key, []).extend(part.strip() for part in parts)
    return tongues


class Writer:
    """Draws messages from the grammars with one random generator."""

    def __init__(self, seed: int = 11) -> None:
        self._random = random.Random(seed)
        self._grammar = read_english()
        self._by_label: dict[str, list[Intent]] = {}
        for intent in self._grammar.intents:
            self._by_label.setdefault(intent.label, []).append(intent)

    def english(self, per_intent: int, per_off_intent: int) -> list[Message]:
        """Write short, middle and long English messages of every intent, then of every off-topic group."""
        messages = []
        for intent in self._grammar.intents:
            count = per_off_intent if intent.label == OFF else per_intent
            messages += [Message(self._message(intent), intent.label, intent.name) for _ in range(count)]
        return messages

    def other_languages(self, repeats: int) -> list[Message]:
        """Write every sentence of the other languages `repeats` times, with and without greeting and closing."""
        labels = {"B": "Billing", "T": "Technical Support", "S": "Sales", "O": OFF}
        messages = []
        for tongue in read_tongues():
            for key, label in labels.items():
                for sentence in tongue.lines[key]:
                    for _ in range(repeats):
                        text = self._foreign(sentence, key, tongue)
                        messages.append(Message(text, label, f"{tongue.lang}_{label}", tongue.lang))
        return messages

    def _foreign(self, sentence: str, key: str, tongue: Tongue) -> str:
        pick = self._random.choice
        parts = [sentence]
        if key != "O" and self._random.random() < 0.25:
            parts.append(pick(tongue.lines[key]))
        if self._random.random() < 0.35:
            parts.insert(0, pick(tongue.lines["H"]) + ",")
        if key != "O" and self._random.random() < 0.35:
            parts.append(pick(tongue.lines["E"]))
        text = self._branches(". ".join(parts).replace(",. ", ", ").replace("?. ", "? "))
        return self._noise(_SLOT.sub(lambda _: pick(tongue.lines["X"]), text), 0.1)

    def _branches(self, text: str) -> str:
        while (found := _GROUP.search(text)) is not None:
            plural = self._random.choice(("", "s")) if found.group(2) else ""
            text = text[: found.start()] + self._random.choice(found.group(1).split("|")) + plural + text[found.end() :]
        return text

    def _fill(self, text: str) -> str:
        for _ in range(4):
            text = self._branches(text)
            if "{" not in text:
                break
            text = _SLOT.sub(self._slot, text)
        return " ".join(text.split())

    def _slot(self, found: re.Match[str]) -> str:
        values = self._grammar.slots.get(found.group(1))
        return self._random.choice(values) if values else found.group(0).replace("{", "").replace("}", "")

    def _sentence(self, intent: Intent, keys: Sequence[str]) -> str:
        keys = [key for key in keys if key in intent.phrases] or list(intent.phrases)
        weights = [len(intent.phrases[key]) + (2 if key in ("vp", "np") else 0) for key in keys]
        key = self._random.choices(keys, weights)[0]
        phrase = self._random.choice(intent.phrases[key])
        if key in ("vp", "np"):
            phrase = self._random.choice(self._grammar.slots[key]).replace(f"{{{key}}}", phrase)
        return self._fill(phrase)

    def _message(self, intent: Intent) -> str:
        pick = self._random.choice
        draw = self._random.random()
        slots = self._grammar.slots
        if intent.label == OFF:
            text = self._sentence(intent, ("q",))
            if draw < 0.1:
                text = f"{self._fill(pick(slots['hello']))}, {text}"
            return self._noise(text, 0.2)
        if draw < 0.5:
            parts = [self._sentence(intent, ("vp", "np", "st", "q"))]
            if self._random.random() < 0.25:
                parts.insert(0, pick(slots["hello"]))
            if self._random.random() < 0.15:
                parts.append(pick(slots["close"]))
        elif draw < 0.8:
            parts = [self._sentence(intent, ("st", "q", "np")), self._sentence(intent, ("st", "q", "vp"))]
            if self._random.random() < 0.5:
                parts.insert(0, pick(slots["hello"]))
            if self._random.random() < 0.5:
                parts.insert(1, pick(slots["context"]))
            if self._random.random() < 0.5:
                parts.append(pick(slots["close"]))
        else:
            sibling = pick(self._by_label[intent.label])
            body = [self._sentence(intent, ("st",)) for _ in range(self._random.randint(2, 4))]
            body += [self._sentence(sibling, ("st", "q"))] if self._random.random() < 0.5 else []
            body += self._random.sample(slots["context"], self._random.randint(1, 3))
            body.append(self._sentence(intent, ("q", "vp")))
            parts = [pick(slots["hello"]), *body, pick(slots["close"])]
        return self._noise(self._fill(self._join(parts)), 0.25)

    def _join(self, parts: Sequence[str]) -> str:
        ends = (".", ".", ",", "", "!")
        marks = [part if part.endswith(("?", "!", ".")) else part + self._random.choice(ends) for part in parts]
        return " ".join(marks) if self._random.random() < 0.85 else "\n".join(marks)

    def _noise(self, text: str, chance: float) -> str:
        """Lower or upper case, lost punctuation, slips of the keyboard: what people send."""
        draw = self._random.random()
        if draw < 0.35:
            text = text[:1].upper() + text[1:].replace(" i ", " I ")
        elif draw < 0.38:
            text = text.upper()
        elif draw < 0.6:
            text = re.sub(r"[.,!?']", "", text)
        if self._random.random() < chance and len(text) > 8:
            for _ in range(1 + len(text) // 120):
                text = self._slip(text)
        return text

    def _slip(self, text: str) -> str:
        place = self._random.randrange(1, len(text) - 2)
        kind = self._random.randrange(3)
        if kind == 0:
            return text[:place] + text[place + 1 :]
        if kind == 1:
            return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        return text[:place] + text[place] + text[place:]


def write_corpus(seed: int = 11, per_intent: int = 350, per_off_intent: int = 1100, repeats: int = 6) -> list[Message]:
    """Write the whole corpus."""
    writer = Writer(seed)
    return writer.english(per_intent, per_off_intent) + writer.other_languages(repeats)
