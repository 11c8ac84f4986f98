"""What reused answers saved: the part of `headgate status` and `headgate budget show` that says so."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domain.cache.record import ReuseSum

_COUNTED = ("hits", "saved_tokens", "saved_micros", "checked", "wrong")


def reuse_document(sums: "Iterable[ReuseSum]") -> dict[str, Any]:  # Any: counts, and counts by language
    """Return what was reused in all, and by language: an error is measured for each by itself."""
    sums = list(sums)
    by_lang = {lang: _total(s for s in sums if s.lang == lang) for lang in sorted({s.lang for s in sums})}
    return {**_total(sums), "by_lang": by_lang}


def reuse_line(document: Mapping[str, Any]) -> str:  # Any: a document of JSON
    """Write in one line what was reused; empty where nothing was.

    >>> reuse_line({"hits": 2, "saved_tokens": 900, "saved_micros": 1500, "checked": 1, "wrong": 0})
    '2 answers without a call, saved 900 tokens, 0.0015 USD; 1 checked by a model, 0 wrong'
    """
    if not document.get("hits") and not document.get("checked"):
        return ""
    said = f"{document['hits']} answers without a call, saved {document['saved_tokens']:,} tokens, "
    said += f"{document['saved_micros'] / 1_000_000:.4f} USD"
    return f"{said}; {document['checked']} checked by a model, {document['wrong']} wrong"


def _total(sums: "Iterable[ReuseSum]") -> dict[str, int]:
    found = list(sums)
    return {name: sum(getattr(s, name) for s in found) for name in _COUNTED}
