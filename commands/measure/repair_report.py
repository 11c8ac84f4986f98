"""The figures of `headgate eval repair` in words."""

from collections.abc import Iterator, Mapping

from commands.measure.claim_report import as_mapping

SHOWN = 10


def repair_report(document: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines that people read; the figures are those of `score_repairs`."""
    documents, payloads = as_mapping(document["documents"]), as_mapping(document["payloads"])
    if documents["n"]:
        yield f"{documents['n']} broken documents"
        yield from _figures(documents, _OF_DOCUMENTS)
        for kind, figures in as_mapping(documents["per_kind"]).items():
            of_kind = as_mapping(figures)
            said = f"right {_share(of_kind['right'])} of {of_kind['n']}, silent wrong {of_kind['silent_wrong']}"
            yield f"  {kind:24} {said}"
        yield from (f"  not right: {_line(as_mapping(one))}" for one in _list(documents["wrong"])[:SHOWN])
    if payloads["n"]:
        yield f"{payloads['n']} incomplete payloads"
        yield from _figures(payloads, _OF_PAYLOADS)
        for count, figures in as_mapping(payloads["per_missing"]).items():
            some = as_mapping(figures)
            yield (
                f"  {count} missing{'':14} right {_share(some['right'])} of {some['recoverable']} fields, "
                f"invented {some['invented']}, silent wrong {some['silent_wrong']}"
            )
        for one in map(as_mapping, _list(payloads["not_right"])[:SHOWN]):
            said = ", ".join(f"{name} {one[name]}" for name in ("wrong", "invented", "silent") if one[name])
            yield f"  not right: {one['id']}: {said}"


_OF_DOCUMENTS = {
    "right": "read as the value that each should be; of one that is not whole, that people are told so",
    "score": "the same, a silent wrong value counted double against it",
    "silent_wrong": "wrong, and nobody is told that anything in it may be: must be 0",
    "sure": "nothing in it is doubted",
}
_OF_PAYLOADS = {
    "right": "of the missing fields that records or the payload know",
    "score": "the same, a silent wrong value counted double against it",
    "invented": "a value for what stands nowhere: must be 0",
    "silent_wrong": "fields that are wrong and held for sure: must be 0",
    "unasked": "required fields without a value that nobody is asked for: must be 0",
}


def _figures(figures: Mapping[str, object], legend: Mapping[str, str]) -> Iterator[str]:
    for name, meaning in legend.items():
        value = figures[name]
        yield f"{name.replace('_', ' '):12} {value if isinstance(value, int) else _share(value):>8} {meaning}"


def _line(one: Mapping[str, object]) -> str:
    return f"{one['id']} ({one['kind']}){', silent' if one['silent'] else ''}{': ' if one['told'] else ''}{one['told']}"


def _share(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, int | float) else "-"


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
