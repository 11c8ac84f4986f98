"""The task `reply`: a letter put together from templates and the facts of the request; nothing in it is made up."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from adapters.models.offline.task import Answer, Task
from adapters.models.offline.words import any_of, folded


class _Letter(BaseModel):
    """The parts of a letter in one language, as `letters.toml` has them; `small_words` tell the language of a
    message.
    """

    model_config = ConfigDict(extra="forbid")

    subject: str
    hello: str
    thanks: str
    about: str
    owner: str
    ask: str
    bye: str
    joined: str
    small_words: list[str]
    interests: dict[str, str]
    missing: dict[str, str]


_LETTERS = TypeAdapter(dict[str, _Letter]).validate_python(
    tomllib.loads(Path(__file__).with_name("letters.toml").read_text(encoding="utf-8"))
)
_SMALL_WORDS = {lang: any_of(letter.small_words) for lang, letter in _LETTERS.items()}


def write_reply(task: Task) -> Answer:
    """Answer with the letter; without facts in the request there is nothing to write, so it refuses."""
    facts = task.block("facts")
    if not isinstance(facts, dict) or not _text(facts, "owner"):
        return Answer(refusal="the request holds no facts to write from")
    letter = _LETTERS[_language(task)]
    what = letter.interests.get(_text(facts, "interest"), letter.interests["other"])
    product = _text(facts, "product")
    lines = [
        letter.hello,
        "",
        letter.thanks + " " + letter.about.format(what=f"{what} ({product})" if product else what),
    ]
    lines.append(
        letter.owner.format(owner=_text(facts, "owner"), team=_text(facts, "team") or letter.bye.splitlines()[-1])
    )
    missing = [words for name, words in letter.missing.items() if facts.get(name) is None]
    if missing:
        listed = ", ".join(missing[:-1]) + letter.joined + missing[-1] if len(missing) > 1 else missing[0]
        lines.append(letter.ask.format(missing=listed))
    return Answer(value={"subject": letter.subject, "text": "\n".join([*lines, "", letter.bye])})


def _text(facts: dict[str, Any], name: str) -> str:  # Any: the request's own JSON
    value = facts.get(name)
    return " ".join(value.split())[:100] if isinstance(value, str) else ""


def _language(task: Task) -> str:
    """Return the language of the ticket: as its tag says, else by its small words, English in doubt."""
    if task.lang in _LETTERS:
        return task.lang
    plain = folded(task.ticket[:2000])
    counts = {lang: len(pattern.findall(plain)) for lang, pattern in _SMALL_WORDS.items()}
    best = max(counts, key=lambda lang: counts[lang])
    return best if counts[best] > counts["en"] else "en"
