"""Dotted paths into a document: `detail.description`, `items.0.body`, `Attachments.*.Name`."""

from collections.abc import Mapping, Sequence

MAX_STEPS = 12
EVERY = "*"


def values_at(document: object, path: str) -> list[object]:
    """Return what stands at a path, several values where it has a `*`; what is null or empty counts as absent.

    A key that is spelled as the whole path comes first: forms have keys such as `customer.email`.

    >>> values_at({"a": [{"b": 1}, {"b": 2}]}, "a.*.b"), values_at({"a": [{"b": 1}]}, "a.0.b"), values_at({}, "a")
    ([1, 2], [1], [])
    """
    if isinstance(document, Mapping) and path in document:
        level: list[object] = [document[path]]
    else:
        level = [document]
        for step in path.split("."):
            level = [inner for outer in level for inner in _step(outer, step)]
    return [value for value in level if not (value is None or value in ([], {}) or _is_blank(value))]


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _step(value: object, step: str) -> Sequence[object]:
    if isinstance(value, Mapping):
        return list(value.values()) if step == EVERY else [value[step]] if step in value else ()
    if isinstance(value, list):
        if step == EVERY:
            return value
        return [value[int(step)]] if step.isdecimal() and len(step) < 7 and int(step) < len(value) else ()
    return ()


def check_path(path: str) -> str:
    """Return a path of a mapping as it is.

    Raises:
        ValueError: it is empty, has an empty step, or more than `MAX_STEPS`.
    """
    steps = path.split(".")
    if not all(steps) or len(steps) > MAX_STEPS or len(path) > 200:
        raise ValueError(f"path {path[:48]!r}: expected 1 to {MAX_STEPS} names, numbers or '*' with '.' between them")
    return path
