"""The figures of `headgate eval claims` in words: what each means stands beside it."""

from collections.abc import Iterator, Mapping

WRONG_SHOWN = 10

_LEGEND = {
    "right": "ended in a way that its line allows, with no more money than was asked for",
    "paid beyond": "more money paid, or put before an approver, than was asked for: must be 0",
    "paid": "money goes back and no person is asked",
    "human": "a person decides, whatever the reason",
    "unread": "not all of the claim was read for sure; where money is asked for, that alone makes a person decide",
}
_OF_FIELDS = {
    "scope": "how much is asked for: all, part, or unread",
    "order": "which order is meant",
    "reason": "why money is asked back",
}
_GROUPS = {
    "per_kind": "the same by the `kind` of the lines (a name that whoever wrote them chose)",
    "per_lang": "the same by the `lang` of the lines",
}


def claim_report(document: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines that people read; the figures are those of `score_claims`."""
    yield _messages(document)
    for name, value in _figures(document).items():
        yield f"{name:12} {value:8} {_LEGEND[name]}"
    yield f"decided      {_counts(document['decisions'])}"
    if fields := as_mapping(document["fields"]):
        yield "read as the lines say, of those that say it:"
    for name, figures in fields.items():
        read = as_mapping(figures)
        yield f"  {name:10} {_share(read['right'])} of {read['n']:<6} {_OF_FIELDS.get(name, '')}".rstrip()
    for group, meaning in _GROUPS.items():
        yield f"{meaning}:"
        for name, figures in as_mapping(document[group]).items():
            of_group = as_mapping(figures)
            told = ", ".join(f"{key} {value}" for key, value in _figures(of_group).items())
            yield f"  {name:12} {_messages(of_group)}: {told}"
    wrong = document["wrong"] if isinstance(document["wrong"], list) else []
    if wrong:
        told = f"; the first {WRONG_SHOWN}, more with --json" if len(wrong) > WRONG_SHOWN else ""
        yield f"not right{told}:"
    yield from (f"  {_wrong(as_mapping(one))}" for one in wrong[:WRONG_SHOWN])


def _messages(document: Mapping[str, object]) -> str:
    return f"{document['n']} message{'' if document['n'] == 1 else 's'}"


def _figures(document: Mapping[str, object]) -> dict[str, str]:
    n = _number(document["n"])
    return {
        "right": _share(document["right"]),
        "paid beyond": str(document["paid_beyond"]),
        "paid": _share(_number(document["paid"]) / n if n else None),
        "human": _share(_number(as_mapping(document["decisions"]).get("human", 0)) / n if n else None),
        "unread": _share(document["unread"]),
    }


def _wrong(one: Mapping[str, object]) -> str:
    """Say one line that did not end as it should."""
    expected = one["expected"] if isinstance(one["expected"], list) else []
    said = f"{one['id']}: expected {' or '.join(map(str, expected))}, decided {one['decided']}"
    if minor := _number(one["minor"]):
        said += f" of {minor:,} minor units ({_number(one['asked_minor']):,} asked for at most)"
    doubts = one["doubts"] if isinstance(one["doubts"], list) else []
    return said + (f"; doubts: {', '.join(str(doubt).replace('_', ' ') for doubt in doubts)}" if doubts else "")


def _counts(value: object) -> str:
    return ", ".join(f"{count} {name}" for name, count in as_mapping(value).items())


def _share(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, int | float) else "-"


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def as_mapping(value: object) -> Mapping[str, object]:
    """Return a part of a document as what it is, nothing where it is none."""
    return value if isinstance(value, Mapping) else {}
