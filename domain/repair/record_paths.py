"""Paths into records: `order.items[].item_id`, `order.items[#]`, `order.payments[kind=payment].amount`,
`customer.methods{method_id}.source`.

`[]` is every member of a list, `[key=value]` those of which that is true, `[#]` how many there are. `{field}` takes the
member of an object whose name a field of the document says.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from domain.inbound.strict_json import Number

_STEP = re.compile(r"(?P<name>[A-Za-z_][\w-]*)(?P<more>(?:\[[^\[\]]*\]|\{[^{}]*\})?)")
_MOST = 1_000


@dataclass(frozen=True)
class _Step:
    name: str
    more: str


@dataclass(frozen=True)
class FoundInRecord:
    """What a path leads to, and whether it is all members of a list (`many`)."""

    values: tuple[object, ...]
    many: bool


def parse_path(path: str) -> list[_Step]:
    """Return the steps of a path.

    Raises:
        ValueError: it is none.
    """
    steps = []
    for part in path.split("."):
        found = _STEP.fullmatch(part)
        if found is None:
            raise ValueError(
                f"path {path!r}: {part!r} is no step; expected a name, with [], [#], [key=value] or {{field}}"
            )
        steps.append(_Step(found["name"], found["more"]))
    return steps


def look_up(records: object, path: str, field: Callable[[str], object]) -> FoundInRecord:
    """Return what a path leads to; nothing where a step of it is not there. `field` returns a field's value."""
    values: list[object] = [records]
    many = False
    for step in parse_path(path):
        values = [inner for value in values for inner in _take(value, step, field)][:_MOST]
        many = many or step.more == "[]"
    return FoundInRecord(tuple(value for value in values if value is not None), many)


def _take(value: object, step: _Step, field: Callable[[str], object]) -> Iterator[object]:
    if not isinstance(value, dict) or step.name not in value:
        return
    inner, more = value[step.name], step.more
    if not more:
        yield inner
    elif more.startswith("{"):
        key = field(more[1:-1])
        if isinstance(inner, dict) and isinstance(key, str) and key in inner:
            yield inner[key]
    elif isinstance(inner, list):
        yield from _members(inner, more[1:-1])


def _members(members: Sequence[object], which: str) -> Iterator[object]:
    if which == "#":
        yield Number(len(members))
    elif not which:
        yield from members
    else:
        key, _, wanted = which.partition("=")
        yield from (one for one in members if isinstance(one, dict) and str(one.get(key)) == wanted)
