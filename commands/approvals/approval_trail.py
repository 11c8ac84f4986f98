"""The trail of approvals as a person reads it, and as one document."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.authority.trail import TrailRow


def trail_document(
    rows: "Sequence[TrailRow]", breaks: Sequence[str] | None, newest: "TrailRow | None"
) -> dict[str, object]:
    """Return `{"rows", "newest", "breaks"}`; `breaks` is null where nothing was verified."""
    return {
        "rows": [
            {"number": row.number, "before": row.before, "hash": row.hash, "body": row.body, "event": _event(row)}
            for row in rows
        ],
        "newest": {"number": newest.number, "hash": newest.hash} if newest is not None else None,
        "breaks": breaks,
    }


def trail_lines(rows: "Sequence[TrailRow]", breaks: Sequence[str] | None, newest: "TrailRow | None") -> Iterator[str]:
    """Yield a line for each row, and what was found wrong with the trail."""
    for row in rows:
        event = _event(row)
        if event is None:
            yield f"{row.number:6}  {row.event_id}: cannot be read"
            continue
        yield f"{row.number:6}  {event['at']}  {row.approval_id}  {event['what']}{_by(event)}: {event['said']}"
    if breaks is None:
        return
    yield from (f"NOT RIGHT: {said}" for said in breaks)
    if not breaks and newest is not None:
        yield f"the trail is whole: {newest.number} rows, the newest with the hash {newest.hash}"


def _by(event: dict[str, object]) -> str:
    decision = event.get("decision")
    if not isinstance(decision, dict):
        return ""
    seal = decision.get("seal")
    where = f" ({seal.get('surface')})" if isinstance(seal, dict) else " (unsigned)"
    return f" {decision.get('verdict')} by {decision.get('by') or 'nobody'}{where}"


def _event(row: "TrailRow") -> dict[str, object] | None:
    try:
        return row.event.model_dump(mode="json")
    except ValueError:
        return None
