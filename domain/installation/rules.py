"""The rules of a blueprint as they are put on record, and how two of them differ, in words."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import BaseModel, Field

from domain.blueprint import Blueprint
from domain.money.amount import format_minor
from domain.reading.knowledge import Article

Value = str | int | float | bool | None

_SAID_BY = ("name", "model")  # what names an entry of a list: an approver, a category, a price
_TEXTS = ("prompts", "words", "version")  # fields of a blueprint that are texts, not settings
_MONEY = ("refund.", "approval.", "categories.", "mail.", "ladder_s", "conversation.", "roles.", "policies.")
_LIMIT, _CAP, _APPROVERS = "refund.approval_limit_minor.", "refund.daily_cap_minor.", "approval.approvers."


class BlueprintRules(BaseModel):
    """A blueprint on record: every setting by its key (`refund.daily_cap_minor.USD`), every text by its digest."""

    version: str
    settings: dict[str, Value] = Field(default_factory=dict)
    texts: dict[str, str] = Field(default_factory=dict)

    @property
    def money_digest(self) -> str:
        """12 hex digits over the settings that decide about money: limits, caps, approvers, waits, categories."""
        return _digest({key: value for key, value in self.settings.items() if key.startswith(_MONEY)})

    @property
    def limits_minor(self) -> dict[str, int]:
        """From where on a person decides, minor units by currency."""
        return self._by_currency(_LIMIT)

    @property
    def daily_caps_minor(self) -> dict[str, int]:
        """What a customer gets in a day without a person, minor units by currency."""
        return self._by_currency(_CAP)

    def _by_currency(self, start: str) -> dict[str, int]:
        found = {key.removeprefix(start): value for key, value in self.settings.items() if key.startswith(start)}
        return {currency: minor for currency, minor in found.items() if isinstance(minor, int)}


def rules_of(blueprint: Blueprint, articles: Iterable[Article] = ()) -> BlueprintRules:
    """Return a blueprint as it is put on record."""
    said = blueprint.model_dump(mode="json", exclude={*_TEXTS, "letters", "documents"})
    said["letters"] = blueprint.letters.model_dump(mode="json", exclude={"texts"})
    texts = {f"prompts/{name}.md": _digest(text) for name, text in blueprint.prompts.items()}
    for lang, letters in blueprint.letters.texts.items():
        texts |= {f"letters/{lang}/{name}.md": _digest(text) for name, text in letters.items()}
    texts |= {f"documents/{name}.toml": _digest(k.model_dump(mode="json")) for name, k in blueprint.documents.items()}
    texts["words"] = _digest(blueprint.words.model_dump(mode="json"))
    texts["knowledge.json"] = _digest([article.model_dump(mode="json") for article in articles])
    return BlueprintRules(version=blueprint.version, settings=dict(_flat("", said)), texts=texts)


def differences(before: BlueprintRules, now: BlueprintRules) -> list[str]:
    """Return in words what changed, money first; comments and blanks of `blueprint.toml` are no words.

    >>> a = BlueprintRules(version="a", settings={"refund.approval_limit_minor.USD": 100_000})
    >>> differences(a, BlueprintRules(version="b", settings={"refund.approval_limit_minor.USD": 500_000}))
    ['limit without approval 1,000.00 USD -> 5,000.00 USD']
    """
    keys = [key for key in {**before.settings, **now.settings} if _moved(before.settings, now.settings, key)]
    keys.sort(key=lambda key: (_weight(key), key))
    said = list(dict.fromkeys(_in_words(key, before.settings, now.settings) for key in keys))
    names = sorted(name for name in {**before.texts, **now.texts} if _moved(before.texts, now.texts, name))
    changed = [name for name in names if name in before.texts and name in now.texts]
    added = [name for name in names if name not in before.texts]
    gone = [name for name in names if name not in now.texts]
    for verb, texts in (("changed", changed), ("added", added), ("removed", gone)):
        if texts:
            said.append(f"texts {verb}: {', '.join(texts)}")
    return said


def _in_words(key: str, before: Mapping[str, Value], now: Mapping[str, Value]) -> str:
    if key.startswith((_LIMIT, _CAP)):
        what = "limit without approval" if key.startswith(_LIMIT) else "daily cap of a customer"
        currency = key.rpartition(".")[2]
        old, new = (_money(values, key, currency) for values in (before, now))
        return f"{what} {old} -> {new}"
    if key.startswith(_APPROVERS):
        name = key.removeprefix(_APPROVERS).rpartition(".")[0]
        old, new = (_reach(values, name) for values in (before, now))
        return f"approver {name!r}: {old} -> {new}"
    old, new = (_shown(values, key) for values in (before, now))
    return f"{key} {old} -> {new}"


def _money(values: Mapping[str, Value], key: str, currency: str) -> str:
    minor = values.get(key)
    return format_minor(minor, currency) if isinstance(minor, int) else f"none for {currency}"


def _reach(values: Mapping[str, Value], name: str) -> str:
    if f"{_APPROVERS}{name}.name" not in values:
        return "not entitled"
    limit = values.get(f"{_APPROVERS}{name}.limit_minor")
    return "any amount" if limit is None else f"up to {limit:,} minor units"


def _shown(values: Mapping[str, Value], key: str) -> str:
    return json.dumps(values[key], ensure_ascii=False) if key in values else "not set"


def _moved(before: Mapping[str, object], now: Mapping[str, object], key: str) -> bool:
    return (key in before) is not (key in now) or before.get(key) != now.get(key)


def _weight(key: str) -> int:
    """Return in which order keys are told: limits, caps, approvers, the rest of money, all else."""
    first = (_LIMIT, _CAP, _APPROVERS, *_MONEY)
    return next((number for number, start in enumerate(first) if key.startswith(start)), len(first))


def _flat(key: str, value: object) -> Iterator[tuple[str, Value]]:
    """Yield the single values below a key, entries of lists by their names."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(f"{key}.{name}" if key else str(name), part)
    elif isinstance(value, list | tuple):
        yield from _flat_list(key, value)
    elif value is None or isinstance(value, str | int | float | bool):
        yield key, value
    else:  # pragma: no cover - a dump in JSON has nothing else
        raise TypeError(f"{key}: {value!r} is no value of JSON")


def _flat_list(key: str, value: Sequence[object]) -> Iterator[tuple[str, Value]]:
    names = [_name(part) for part in value]
    if value and None not in names and len(set(names)) == len(names):
        for name, part in zip(names, value, strict=True):
            yield from _flat(f"{key}.{name}", part)
    else:
        yield key, json.dumps(value, ensure_ascii=False)


def _name(part: object) -> str | None:
    if not isinstance(part, Mapping):
        return None
    return next((str(part[name]) for name in _SAID_BY if name in part), None)


def _digest(value: object) -> str:
    said = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:12]
