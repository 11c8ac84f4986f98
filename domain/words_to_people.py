"""Words to people: what is said about a case, which of them become one message, and when the next may be sent."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from domain.briefs.request import short_request
from domain.case import case_of
from domain.money.approval import ApprovalRequest
from domain.money.effect import PendingEffect

SUBJECT_CHARS, TEXT_CHARS, VALUE_CHARS = 200, 1000, 500
REQUEST_CHARS = 200  # of a customer's words
ALONE_AT_MOST = 3  # so many words of a kind are sent one by one, more of them as one message
LINES_AT_MOST = 20  # so many are named in the text of such a message; all of them in its data
GROUP_SIZES = (100, 20, 4, 1)  # after each refusal smaller, until whatever cannot be sent stands alone

GAP_S = 1.0
PER_MINUTE = 20
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 300.0
TRIES_IN_A_ROW = 5
FIRST_PUT_OFF_S, LONGEST_PUT_OFF_S = 4.0, 6 * 3600.0


class WordKind(StrEnum):
    """What a word is about."""

    DEAD_LETTER = "dead_letter"
    APPROVAL = "approval"
    ARRIVAL = "arrival"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    REFUND_FAILED = "refund_failed"
    REFUND_OVERDUE = "refund_overdue"
    LETTER = "letter"
    ANSWER = "answer"
    BOOKS_BEHIND = "books_behind"
    MODEL = "model"
    BUDGET = "budget"


_MANY: dict[str, str] = {
    WordKind.DEAD_LETTER: "words on dead letters",
    WordKind.APPROVAL: "approvals wanted",
    WordKind.ARRIVAL: "cases that wait for a person",
    WordKind.REMINDER: "reminders",
    WordKind.ESCALATION: "escalations",
    WordKind.REFUND_FAILED: "refunds that failed",
    WordKind.REFUND_OVERDUE: "refunds that are still pending",
    WordKind.LETTER: "letters that did not arrive or did not go out",
    WordKind.ANSWER: "cases whose customer wrote again",
    WordKind.BOOKS_BEHIND: "payments that the ledger does not know",
    WordKind.MODEL: "words about models",
    WordKind.BUDGET: "words about budgets",
}


# What chats make mentions and links of, and what is shown instead; nothing of it matches once more.
_DEFUSED = (
    (re.compile("<"), "‹"),
    (re.compile(">"), "›"),
    (re.compile(r"(?<!\w)@(?=\w)"), "(at)"),
    (re.compile("://"), ": //"),
    (re.compile(r"\bwww\.", re.IGNORECASE), "www ."),
    (re.compile(r"\]\("), "] ("),
)


def one_line(text: str, at_most: int) -> str:
    r"""Return a text as one line without control, formatting and unpaired characters, cut where it is too long.

    What it quotes, a model's words or a customer's, mentions nobody in a chat, and an address with a scheme or `www.`
    makes no link there.

    >>> one_line("refund\r\nBcc: all\x1b[31m \u202etxt.exe", 18)
    'refund Bcc: all[3…'
    >>> one_line("<!channel> see https://evil.example", 80)
    '‹!channel› see https: //evil.example'
    """
    # Cc, Cf, Cs: controls, what turns or hides text, halves of a pair, which have no UTF-8.
    kept = "".join(
        c for c in " ".join(text[: 4 * at_most].split()) if unicodedata.category(c) not in {"Cc", "Cf", "Cs"}
    )
    for pattern, shown in _DEFUSED:
        kept = pattern.sub(shown, kept)
    return kept if len(kept) <= at_most else kept[: at_most - 1] + "…"


Value = Annotated[str, AfterValidator(lambda text: one_line(text, VALUE_CHARS))]


class WordToPeople(BaseModel):
    """One word, known by its id wherever it is repeated; no personal data. Whatever it quotes is made one line.

    `refusals` counts how often the hook took no message with it, though it took others.
    """

    word_id: str = Field(min_length=1)
    kind: str
    case_id: str
    subject: Annotated[str, AfterValidator(lambda text: one_line(text, SUBJECT_CHARS))]
    text: Annotated[str, AfterValidator(lambda text: one_line(text, TEXT_CHARS))]
    data: dict[str, Value] = Field(default_factory=dict)
    at: datetime
    refusals: int = 0


class TellState(BaseModel):
    """State of `TellWorkflow`: words told so far, failures in a row, and when the last messages were sent."""

    told: int = 0
    failures: int = 0
    sent_at: list[datetime] = Field(default_factory=list)


class MessageToPeople(BaseModel):
    """What is sent at once: one word or several of a kind, all named in `data`."""

    subject: str
    text: str
    data: dict[str, str]
    word_ids: list[str]


def word_on_approval(request: ApprovalRequest, now: datetime) -> WordToPeople:
    """Return what the approvers are told of a request: no more than its brief, with one quote of the customer."""
    brief = request.brief
    quote = short_request(brief.request, REQUEST_CHARS)
    wrote = f" The customer: {quote}" if quote else ""
    return WordToPeople(
        word_id=request.approval_id,
        kind=WordKind.APPROVAL,
        case_id=request.action.case_id,
        subject=f"approval wanted: {brief.what}",
        text=f"{brief.why} For {brief.for_whom}. If approved: {brief.if_approved} If rejected: {brief.if_rejected}"
        + wrote,
        data={
            "approval_id": request.approval_id,
            "digest": request.digest,
            "approvers": ", ".join(approver.name for approver in request.approvers),
        },
        at=request.requested_at or now,
    )


def word_on_failed_refund(effect: PendingEffect, why: str, now: datetime) -> WordToPeople:
    """Return what people are told of a refund that was pending and failed: the customer was told that it comes."""
    return WordToPeople(
        word_id=f"{effect.key}/failed",
        kind=WordKind.REFUND_FAILED,
        case_id=effect.case_id,
        subject=f"refund of {effect.money} failed at the provider: {effect.case_id}",
        text=f"{why or 'no reason given'}. It was booked back; the customer was told that it is on its way. "
        "Pay it another way, or ask them for one.",
        data={"key": effect.key, "provider_ref": effect.provider_ref, "why": why},
        at=now,
    )


def word_on_overdue_refund(effect: PendingEffect, now: datetime) -> WordToPeople:
    """Return what people are told of a refund that stays pending."""
    return WordToPeople(
        word_id=f"{effect.key}/overdue",
        kind=WordKind.REFUND_OVERDUE,
        case_id=effect.case_id,
        subject=f"refund of {effect.money} is still pending at the provider: {effect.case_id}",
        text=f"It was sent on {effect.since:%Y-%m-%d}; look it up there as {effect.provider_ref}.",
        data={"key": effect.key, "provider_ref": effect.provider_ref},
        at=now,
    )


def word_on_held_letter(case_id: str, since: str, why: str, at: datetime) -> WordToPeople:
    """Return what people are told of letters to one address that are held back, once while `since` (the key of the
    first of those that count against it) does, which is a day at most. The address itself stays in the store.
    """
    return WordToPeople(
        word_id=f"{since}/held",
        kind=WordKind.LETTER,
        case_id=case_id,
        subject=f"letters to one address stopped: {why}",
        text=f"The letter of {case_id} did not go out; the first of those that count against it is {since}. Others of "
        "today are held back without another word. Do two programs answer each other? If not, write to the customer.",
        at=at,
    )


def word_on_kept_letter(case_id: str, at: datetime, *, by_person: bool = False) -> WordToPeople:
    """Return what people are told of letters that have no address to go to: of those that a person wrote each time, of
    others once a day for each source.
    """
    source = case_id.split("/")[1]
    return WordToPeople(
        word_id=f"{case_id}/no-address" if by_person else f"case/{source}/no-address/{at:%Y-%m-%d}",
        kind=WordKind.LETTER,
        case_id=case_id,
        subject=f"a letter to a sender of {source} has no address to go to",
        text=f"The letter of {case_id} is kept in the store, and so are others of today. Have the source send the "
        "customer's id or address along.",
        at=at,
    )


def word_on_books_behind(key: str, unknown: int, now: datetime) -> WordToPeople:
    """Return what people are told where the provider's log has payments of ours that the ledger lacks: `unknown` of
    the newest, the newest of all under this key.
    """
    return WordToPeople(
        word_id=f"{key}/not-in-ledger",
        kind=WordKind.BOOKS_BEHIND,
        case_id=case_of(key),
        subject="payments wait: the ledger is older than the payment provider's log",
        text=f"At least {unknown} payments of ours are not in the ledger, the newest is {key}. Was a backup restored? "
        "Nothing is paid before `headgate ledger reconcile` has booked them; `--dry-run` shows them.",
        data={"key": key, "unknown": str(unknown)},
        at=now,
    )


def word_on_reconciled(key: str, booked: int, by: str, now: datetime) -> WordToPeople:
    """Return what people are told of payments that were booked from the provider's log, the last under this key."""
    return WordToPeople(
        word_id=f"{key}/reconciled",
        kind=WordKind.BOOKS_BEHIND,
        case_id=case_of(key),
        subject=f"{booked} payments were booked from the payment provider's log",
        text=f"{by} caught the ledger up with it; the last is {key}. Payments go on.",
        data={"key": key, "booked": str(booked), "by": by},
        at=now,
    )


def next_message(words: Sequence[WordToPeople]) -> MessageToPeople | None:
    """Return what to send next of the words that wait, the most urgent first; None where none does.

    Up to `ALONE_AT_MOST` of a kind go one by one, more as one. Those that were in a refused message go again with
    fewer others, so that one that cannot be sent holds up the others no longer than a few tries.
    """
    if not words:
        return None
    first = words[0]
    alike = [word for word in words if (word.kind, word.refusals) == (first.kind, first.refusals)]
    size = GROUP_SIZES[min(first.refusals, len(GROUP_SIZES) - 1)]
    if size == 1 or len(alike) <= ALONE_AT_MOST:
        return _single(first)
    return _group(first.kind, alike[:size])


def _single(word: WordToPeople) -> MessageToPeople:
    data = {**word.data, "about": word.kind, "alert_id": _shown_id(word), "case_id": word.case_id}
    return MessageToPeople(subject=word.subject, text=word.text, data=data, word_ids=[word.word_id])


def _group(kind: str, words: Sequence[WordToPeople]) -> MessageToPeople:
    many = _MANY.get(kind, "words")
    lines = [f"- {_shown_id(word)}: {one_line(word.subject, 100)}" for word in words]
    more = len(words) - LINES_AT_MOST
    return MessageToPeople(
        subject=f"{len(words)} {many}",
        text="\n".join([*lines[:LINES_AT_MOST], *([f"and {more} more"] if more > 0 else [])]),
        data={"about": kind, "count": str(len(words)), "alert_ids": "\n".join(map(_shown_id, words))},
        word_ids=[word.word_id for word in words],
    )


def _shown_id(word: WordToPeople) -> str:
    return one_line(word.word_id, VALUE_CHARS)


def rest_s(sent_at: Sequence[datetime], now: datetime) -> float:
    """Return how long to wait before the next message, seconds: `GAP_S` after the last, `PER_MINUTE` in a minute.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> rest_s([], noon), rest_s([noon], noon), rest_s([noon] * 20, noon)
    (0.0, 1.0, 60.0)
    """
    free_at = [sent_at[-1] + timedelta(seconds=GAP_S)] if sent_at else []
    if len(sent_at) >= PER_MINUTE:
        free_at.append(sent_at[-PER_MINUTE] + timedelta(minutes=1))
    # A clock that was set back must not silence anybody: no rest is longer than a minute.
    return min(60.0, max(0.0, *((at - now).total_seconds() for at in free_at))) if free_at else 0.0


def next_try_s(failures: int, said_s: float | None = None) -> float:
    """Return how long to wait after so many failures in a row, seconds: what the hook said, else ever longer.

    >>> [next_try_s(n) for n in (1, 2, 3, 9, 10, 5000)], next_try_s(3, 90.0), next_try_s(3, 0.0)
    ([1.0, 2.0, 4.0, 256.0, 300.0, 300.0], 90.0, 4.0)
    """
    if said_s is not None and said_s >= FIRST_BACKOFF_S:
        return said_s
    return min(FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 30), LONGEST_BACKOFF_S)


def next_turn_s(failures: int, wait_s: float) -> float:
    """Return for how long the words that failed last let others go first, seconds; 0: they stay the first.

    Beyond the next try, but not beyond the one after it: if the hook is down for all, nothing is lost by it.

    >>> [next_turn_s(n, 16.0) for n in (1, 4, 5, 6, 10)]
    [0.0, 0.0, 24.0, 0.0, 24.0]
    """
    return 1.5 * wait_s if failures % TRIES_IN_A_ROW == 0 else 0.0


def put_off_s(refusals: int) -> float:
    """Return for how long words are put off that were refused so often, seconds.

    >>> [put_off_s(n) for n in (1, 2, 3, 4, 99)]
    [4.0, 16.0, 64.0, 256.0, 21600.0]
    """
    return min(FIRST_PUT_OFF_S * 4.0 ** min(refusals - 1, 30), LONGEST_PUT_OFF_S)
