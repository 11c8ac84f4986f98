"""Calls that a model server says it answered, beside those on record (L5). Pure."""

import re
from bisect import insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field

from domain.audit.facts import Violation
from domain.spend.calls import CallState

SKEW = timedelta(seconds=30)
"""By so much the clocks of server and store may differ: what is nearer to an end of the log is not judged."""
LISTED = 20
"""So many findings of a kind are told one by one."""

Tokens = Annotated[int, Field(ge=0, le=10**12)]
Name = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""It is shown on terminals as it is."""
At = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))]


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """A line of a model server's log: a call that it answered, with the tokens that it counted. No contents."""

    request_id: Name
    model: Name
    tokens_in: Tokens
    tokens_out: Tokens
    at: At


class RecordedCall(NamedTuple):
    """A call on record, as far as the server could know of it."""

    call_id: str
    case_id: str
    model: str
    state: CallState
    provider_request_id: str
    tokens_in: int
    tokens_out: int
    estimated: bool
    finish_reason: str
    sent_at: datetime | None
    ended_at: datetime | None
    lease_until: datetime


class LogFindings(NamedTuple):
    """How many calls of the log were looked for, what is wrong, and what people should know."""

    checked: int
    violations: list[Violation]
    notes: list[str]


def compare_with_log(
    answered: Sequence[AnsweredCall],
    record: Iterable[RecordedCall],
    *,
    since: datetime,
    until: datetime,
    free: Collection[str] = (),
) -> LogFindings:
    """Compare a server's log with the record.

    A request may have been answered more than once under one id: each answer needs a call of its own. An answer that
    nobody heard, since its worker was killed or cut off, belongs to a call that is on record as sent or, in full, as
    unknown.

    Args:
        answered: the log.
        record: all calls that the server may have answered from `since` on, those before by as much as a lease.
        since: when the log begins; a call before it is not missed in it.
        until: when it was read, or ends.
        free: models that cost nothing: they are asked off the record while the store is away.
    """
    by_id: defaultdict[str, list[RecordedCall]] = defaultdict(list)
    unheard: list[RecordedCall] = []
    for call in record:
        if call.state is CallState.DONE and call.provider_request_id:
            by_id[call.provider_request_id].append(call)
        elif _may_be_answered(call):
            unheard.append(call)
    left: list[AnsweredCall] = []
    differ: list[Violation] = []
    for request_id, lines in _grouped(answered).items():
        calls = sorted(by_id.pop(request_id, []), key=lambda c: (c.tokens_in, c.tokens_out))
        differ += (v for line, call in zip(lines, calls, strict=False) if (v := _difference(line, call)) is not None)
        left += lines[len(calls) :]
        by_id[request_id] = calls[len(lines) :]
    unknown = [
        _unknown(call) for calls in by_id.values() for call in calls if _is_covered(call, since + SKEW, until - SKEW)
    ]
    missing = list(_without_a_call(left, unheard))
    owed = [_missing(line) for line in missing if line.model not in free]
    return LogFindings(
        checked=len(answered),
        violations=[*_listed(owed), *_listed(unknown), *_listed(differ)],
        notes=list(_off_the_record([line for line in missing if line.model in free])),
    )


def is_of(model: str, named: str) -> bool:
    """Return whether a model on record, such as `openai gpt-x at host/v1`, is the one that a log names, dated or not.

    >>> is_of("openai gpt-x", "gpt-x-2026-01-01"), is_of("anthropic c-5 at h", "c-5-20260101")
    (True, True)
    >>> is_of("openai gpt-x", "gpt-x-mini"), is_of("openai gpt-x", "gpt"), is_of("", "gpt-x")
    (False, False, False)
    """
    ours = [*model.split(" ", 2), "", ""][1]
    return re.fullmatch(re.escape(ours) + r"(-20\d\d[-\d]*)?", named) is not None


def _grouped(answered: Iterable[AnsweredCall]) -> dict[str, list[AnsweredCall]]:
    found: defaultdict[str, list[AnsweredCall]] = defaultdict(list)
    for line in answered:
        insort(found[line.request_id], line, key=lambda one: (one.tokens_in, one.tokens_out))
    return found


def _may_be_answered(call: RecordedCall) -> bool:
    """Return whether the server may have answered a call of whose answer no id is on record."""
    if call.state is CallState.DONE:
        return call.finish_reason not in ("refused", "failed")
    return call.state in (CallState.SENT, CallState.UNKNOWN)


def _without_a_call(left: Sequence[AnsweredCall], unheard: Sequence[RecordedCall]) -> Iterator[AnsweredCall]:
    """Give each line, the oldest first, the call that could be its own for the shortest time; yield those without."""
    waiting = sorted((call for call in unheard if call.sent_at is not None), key=lambda call: call.lease_until)
    for line in sorted(left, key=lambda one: one.at):
        fits = (n for n, call in enumerate(waiting) if _could_be(line, call))
        place = next(fits, None)
        if place is None:
            yield line
        else:
            del waiting[place]


def _could_be(line: AnsweredCall, call: RecordedCall) -> bool:
    sent = call.sent_at
    return sent is not None and sent - SKEW <= line.at <= call.lease_until + SKEW and is_of(call.model, line.model)


def _is_covered(call: RecordedCall, first: datetime, last: datetime) -> bool:
    return call.sent_at is not None and call.ended_at is not None and first <= call.sent_at and call.ended_at <= last


def _difference(line: AnsweredCall, call: RecordedCall) -> Violation | None:
    if call.estimated or (call.tokens_in, call.tokens_out) == (line.tokens_in, line.tokens_out):
        return None
    said, charged = f"{line.tokens_in} in, {line.tokens_out} out", f"{call.tokens_in} in, {call.tokens_out} out"
    text = f"its call {call.call_id} is on record with {charged} tokens, the model server counted {said}"
    return _violation("tokens_differ", call.case_id or call.call_id, text, line.request_id)


def _unknown(call: RecordedCall) -> Violation:
    text = f"its call {call.call_id} is on record as answered, the model server's log does not have it"
    return _violation("answer_unknown_to_server", call.case_id or call.call_id, text, call.provider_request_id)


def _missing(line: AnsweredCall) -> Violation:
    used = f"{line.tokens_in} tokens in, {line.tokens_out} out"
    text = f"{line.model} answered it at {line.at.isoformat()} ({used}), and no call on record is its own"
    return _violation("call_not_on_record", line.request_id, text, line.request_id)


def _violation(kind: str, subject: str, text: str, request_id: str) -> Violation:
    return Violation(promise="L5", kind=kind, subject=subject, text=text, evidence={"request_id": request_id})


def _listed(found: Sequence[Violation]) -> Iterator[Violation]:
    yield from found[:LISTED]
    if len(found) > LISTED:
        text = f"{len(found) - LISTED} more of this kind"
        yield found[LISTED].model_copy(update={"subject": "model log", "text": text, "evidence": {}})


def _off_the_record(found: Sequence[AnsweredCall]) -> Iterator[str]:
    if found:
        yield (
            f"{len(found)} answers of the model server are not on record, the first at {found[0].at.isoformat()}: "
            "their model costs nothing and is asked off the record while the store is away, or somebody else asked it"
        )
