"""Admitted cases, their endings, replies, and the hand-over to the journal."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store import approvals
from adapters.store.database import Database, insert_first, insert_new
from adapters.store.dead_letters import count_edits, require_not_discarded
from adapters.store.tables import cases, journal, outbox, replies
from adapters.store.words import add_word
from domain.case import CaseInput, CaseOutcome, CaseState
from domain.conversations.threads import EarlierCase, Sign, Speaker, base_subject, new_mark
from domain.conversations.words import kept, merged_vault
from domain.deadletter import letter_id
from domain.errors import NotEndedError, TransientError
from domain.mail.sending import BY_A_PERSON, DAY, SAME_TEXT_WITHIN, EarlierLetter, objection_to_sending
from domain.money.lookup import email_key
from domain.words_to_people import word_on_held_letter, word_on_kept_letter
from ports.store import QueuedLetter, Renewed, Reply, StoredCase

RECENT_LETTERS = 1000  # to one address in a day; more than any limit allows are not counted


class SqlCaseStore:
    """`CaseStore` on SQL."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock

    def admit(self, cases_: Sequence[StoredCase]) -> None:
        """Store admitted cases in one transaction; one that is there already stays as it is."""
        rows = [_row(stored) for stored in cases_]
        if rows:
            self._database.writing(lambda connection: insert_new(connection, cases, rows))

    def load(self, case_id: str) -> StoredCase:
        """Return an admitted case. Raises KeyError if it is unknown."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(cases).where(cases.c.case_id == case_id)).mappings().one_or_none()
        if row is None:
            raise KeyError(f"case {case_id!r} was never admitted to this store")
        return StoredCase(
            case=CaseInput.model_validate_json(row["input"]),
            vault=json.loads(row["vault"]),
            sender_email=row["sender_email"],
            sender_name=row["sender_name"],
            content_type=row["content_type"],
            body=row["body"],
            tokens_in=row["tokens_in"],
            tokens_out=row["tokens_out"],
            chars_in=row["chars_in"],
            chars_out=row["chars_out"],
            message_id=row["message_id"],
            thread_id=row["thread_id"],
            mark=row["mark"],
        )

    def close(self, outcome: CaseOutcome, reply: Reply | None) -> CaseOutcome:
        """As the port says; the ending of an earlier replay never overwrites that of a later one."""
        closed_at = outcome.closed_at or self._clock()
        told = outcome.model_copy(update={"closed_at": closed_at})
        return self._database.writing(lambda connection: self._close(connection, told, reply, closed_at))

    def ending(self, case_id: str, replay: int) -> CaseOutcome | None:
        """Return the ending on record of a case and replay, None if it has none."""
        with self._database.reading() as connection:
            return _standing(connection, case_id, replay)

    def ended(self, case_ids: Sequence[str]) -> set[str]:
        """Return which of these have ended at least once, whether or not they were replayed since."""
        once = sa.or_(cases.c.closed_at.is_not(None), cases.c.replay > 0)
        wanted = sa.select(cases.c.case_id).where(cases.c.case_id.in_(case_ids), once)
        with self._database.reading() as connection:
            return set(connection.execute(wanted).scalars())

    def _close(
        self, connection: Connection, outcome: CaseOutcome, reply: Reply | None, closed_at: datetime
    ) -> CaseOutcome:
        self._database.lock(connection, f"case:{outcome.case_id}", *_letter_locks(reply))
        standing = _standing(connection, outcome.case_id, outcome.replay)
        if standing is not None:
            return standing
        if reply is not None and (note := _queue(connection, reply, outcome.case_id, closed_at)):
            outcome = _found(outcome, note)
        insert_first(
            connection,
            outbox,
            {"case_id": outcome.case_id, "replay": outcome.replay, "outcome": outcome.model_dump_json()},
        )
        connection.execute(
            sa.update(cases)
            .where(cases.c.case_id == outcome.case_id, cases.c.replay <= outcome.replay)
            .values(
                state=outcome.state,
                category=outcome.category,
                finding=outcome.finding,
                human=outcome.human,
                replay=outcome.replay,
                calls=outcome.usage.calls,
                input_tokens=outcome.usage.input_tokens,
                output_tokens=outcome.usage.output_tokens,
                cost_micros=outcome.usage.cost_micros,
                dead_letter_id=outcome.dead_letter_id,
                closed_at=closed_at,
                passed_to=outcome.passed_to,
            )
        )
        return outcome

    def queue_letter(self, reply: Reply, replay: int) -> QueuedLetter:
        """Queue a letter of a case that goes on, once per key; not if this replay has ended before."""

        def work(connection: Connection) -> QueuedLetter:
            self._database.lock(connection, f"case:{reply.case_id}", *_letter_locks(reply))
            standing = _standing(connection, reply.case_id, replay)
            if standing is not None:
                return QueuedLetter(ended=standing)
            return QueuedLetter(unsent=_queue(connection, reply, reply.case_id, self._clock()))

        return self._database.writing(work)

    # --- conversations ------------------------------------------------------------------------------------------------

    def earlier_cases(self, stored: StoredCase) -> list[EarlierCase]:
        """Return the cases of the tenant that the signs of a message name, whoever wrote them."""
        if not stored.signs:
            return []
        with self._database.reading() as connection:
            return list(_earlier_cases(connection, stored))

    def asked_about(self, stored: StoredCase) -> list[str]:
        """Return the sender's other cases that wait for an approval about an order that a message names."""
        with self._database.reading() as connection:
            return approvals.asked_about(connection, stored)

    def merge_vault(self, case_id: str, vault: Mapping[str, str]) -> dict[str, str]:
        """Put the tokens of a further message into the case's vault; return how they are called there. Repeatable."""

        def work(connection: Connection) -> dict[str, str]:
            self._database.lock(connection, f"case:{case_id}")
            known = connection.execute(sa.select(cases.c.vault).where(cases.c.case_id == case_id)).scalar_one_or_none()
            if known is None:
                raise KeyError(f"case {case_id!r} was never admitted to this store")
            older = json.loads(known)
            merged, names = merged_vault(older, vault)
            if merged != older:
                written = json.dumps(merged, ensure_ascii=False)
                connection.execute(sa.update(cases).where(cases.c.case_id == case_id).values(vault=written))
            return names

        return self._database.writing(work)

    def keep_input(self, case: CaseInput) -> None:
        """As the port says, but not once a later replay has begun; the ledger goes by the policy."""

        def work(connection: Connection) -> None:
            self._database.lock(connection, f"case:{case.case_id}")
            this_run = sa.and_(cases.c.case_id == case.case_id, cases.c.replay == case.replay)
            known = connection.execute(sa.select(cases.c.input).where(this_run)).scalar_one_or_none()
            if known is not None:
                grown = kept(CaseInput.model_validate_json(known), case)
                connection.execute(sa.update(cases).where(this_run).values(input=grown.model_dump_json()))

        self._database.writing(work)

    # --- replays ------------------------------------------------------------------------------------------------------

    def set_replay(self, case_id: str, replay: int, renewed: Renewed | None = None) -> CaseInput:
        """Mark the case as replayed and return the input to start it with; repeatable until that replay has ended.

        Raises:
            KeyError: the case was never admitted.
            ValueError: a later replay was begun before, this one has ended, or its dead letter was discarded.
            NotEndedError: the run that was given up is still at its ending.
            TransientError: the input was edited since `renewed` was made of it.
        """
        return self._database.writing(lambda connection: self._set_replay(connection, case_id, replay, renewed))

    def _set_replay(self, connection: Connection, case_id: str, replay: int, renewed: Renewed | None) -> CaseInput:
        self._database.lock(connection, f"case:{case_id}")
        row = connection.execute(
            sa.select(cases.c.input, cases.c.replay, cases.c.closed_at).where(cases.c.case_id == case_id)
        ).one_or_none()
        if row is None:
            raise KeyError(f"case {case_id!r} was never admitted to this store")
        if replay < row.replay:
            raise ValueError(
                f"replay {replay!r} of {case_id!r}: replay {row.replay} was begun before, expected that or a later one"
            )
        if replay == row.replay and row.closed_at is not None:  # its ending and its reply would be lost on the first
            raise ValueError(f"replay {replay!r} of {case_id!r}: it has ended, expected a later one")
        case = CaseInput.model_validate_json(row.input)
        if replay == row.replay:
            return case
        if row.closed_at is None:
            raise NotEndedError(f"{case_id!r} has not ended yet: replay it again in a minute")
        require_not_discarded(self._database, connection, letter_id(case_id, replay - 1))
        if renewed is not None and renewed.edits != count_edits(connection, case_id):
            raise TransientError(f"{case_id!r} was edited a moment ago: replay it again")
        begun = {"replay": replay, "state": CaseState.RUNNING, "closed_at": None}
        if renewed is not None and renewed.case is not None:
            case = renewed.case
            begun |= renewed.columns()
        case = case.model_copy(update={"replay": replay})
        connection.execute(
            sa.update(cases).where(cases.c.case_id == case_id).values(input=case.model_dump_json(), **begun)
        )
        return case

    def journal_outcomes(self, limit: int) -> int:
        """Move up to `limit` outcomes from the outbox into the journal, each exactly once; return how many."""
        with self._database.reading() as connection:  # an empty outbox, polled every second, takes no write lock
            if connection.execute(sa.select(outbox.c.id).limit(1)).first() is None:
                return 0
        return self._database.writing(lambda connection: self._journal(connection, limit))

    def _journal(self, connection: Connection, limit: int) -> int:
        wanted = sa.select(outbox).order_by(outbox.c.id).limit(limit)
        if not self._database.is_sqlite:
            wanted = wanted.with_for_update(skip_locked=True)
        found = connection.execute(wanted).all()
        if not found:
            return 0
        now = self._clock()
        insert_new(
            connection,
            journal,
            [{"case_id": r.case_id, "replay": r.replay, "outcome": r.outcome, "written_at": now} for r in found],
        )
        connection.execute(sa.delete(outbox).where(outbox.c.id.in_([r.id for r in found])))
        return len(found)


def _queue(connection: Connection, reply: Reply, case_id: str, at: datetime) -> str:
    """Queue a letter, once per key; return what people have to know: that it was held back, or has nobody to go to.

    The caller holds the locks of `_letter_locks`.
    """
    if connection.execute(sa.select(replies.c.key).where(replies.c.key == reply.key)).first() is not None:
        return ""  # it was queued by an earlier try, and is no second letter of the same text
    if reply.to is not None and reply.limit is not None:
        recent = _recent_letters(connection, reply.to, at)
        if _asked_by_earlier_run(connection, reply, at):
            return ""  # the case began again, and its customer has the question
        held = objection_to_sending([sent for _, sent in recent], reply.text, at, per_day=reply.limit)
        if held is not None:
            add_word(connection, word_on_held_letter(case_id, recent[0][0], held, at))
            return f"its letter ({reply.kind}) was held back: {held}"
    insert_first(
        connection,
        replies,
        reply.model_dump(include={"key", "subject", "text", "message_id", "in_reply_to", "kind", "article"})
        | {"case_id": case_id, "recipient": reply.to, "recipient_key": email_key(reply.to), "queued_at": at},
    )
    if reply.to is not None:
        return ""
    add_word(connection, word_on_kept_letter(case_id, at, by_person=reply.kind in BY_A_PERSON))
    return f"no address to write to: its letter is kept as {reply.key}"


def _asked_by_earlier_run(connection: Connection, reply: Reply, at: datetime) -> bool:
    """Return whether the case itself sent this very question to this address within the hour, in a run before."""
    run, again, _ = reply.key.rpartition(".")
    if not again or "/question/r" not in run:
        return False
    questions = replies.c.key.startswith(f"{reply.case_id}/question/", autoescape=True)
    same = sa.select(replies.c.key).where(
        questions & ~replies.c.key.startswith(f"{run}.", autoescape=True),
        replies.c.recipient_key == email_key(reply.to),
        replies.c.text == reply.text,
        replies.c.queued_at > at - SAME_TEXT_WITHIN,
    )
    return connection.execute(same.limit(1)).first() is not None


def _letter_locks(reply: Reply | None) -> list[str]:
    """Return what is locked while a letter is queued: two to one address must not each believe to be the first."""
    key = email_key(reply.to) if reply else None
    return [f"letters:{key}"] if key else []


def _recent_letters(connection: Connection, address: str, now: datetime) -> list[tuple[str, EarlierLetter]]:
    """Return the letters of a day to an address, in any case, with their keys; the oldest first."""
    wanted = (
        sa.select(replies.c.key, replies.c.queued_at, replies.c.text)
        .where(replies.c.recipient_key == email_key(address), replies.c.queued_at > now - DAY)
        .order_by(replies.c.queued_at, replies.c.key)
        .limit(RECENT_LETTERS)
    )
    return [(row.key, EarlierLetter(row.queued_at, row.text)) for row in connection.execute(wanted)]


def _found(outcome: CaseOutcome, more: str) -> CaseOutcome:
    return outcome.model_copy(update={"finding": f"{outcome.finding}; {more}" if outcome.finding else more})


def _standing(connection: Connection, case_id: str, replay: int) -> CaseOutcome | None:
    for table in (outbox, journal):  # in this order: a row goes from the first to the second
        on_record = sa.select(table.c.outcome).where(table.c.case_id == case_id, table.c.replay == replay)
        found = connection.execute(on_record).scalar()
        if found is not None:
            return CaseOutcome.model_validate_json(found)
    return None


_FOUND_AT_MOST = 20  # cases by one kind of sign
_EARLIER = [cases.c[name] for name in ("case_id", "tenant", "sender_email", "input", "received_at", "closed_at")]


def _asked_under(connection: Connection, subject: str, address: str) -> sa.ColumnElement[bool] | None:
    """Return the condition for the one open case that asked somebody under a subject; None if there is none, or two."""
    wanted = (
        sa.select(replies.c.case_id, replies.c.subject)
        .join(cases, cases.c.case_id == replies.c.case_id)
        .where(replies.c.recipient_key == email_key(address), cases.c.closed_at.is_(None))
        .order_by(replies.c.queued_at.desc())
        .limit(_FOUND_AT_MOST)
    )
    asked = {row.case_id for row in connection.execute(wanted) if base_subject(row.subject) == subject}
    return cases.c.case_id.in_(asked) if len(asked) == 1 else None


def _earlier_cases(connection: Connection, stored: StoredCase) -> Iterator[EarlierCase]:
    """Yield the cases of the same tenant that the signs name, the newest of each kind first."""
    signs, case = stored.signs, stored.case
    answered = sa.select(replies.c.case_id).where(replies.c.message_id.in_(signs.references))
    by_sign = {
        Sign.LETTER: cases.c.case_id.in_(answered) if signs.references else None,
        Sign.MARK: cases.c.mark.in_(signs.marks) if signs.marks else None,
        Sign.OWN_MAIL: cases.c.message_id.in_(signs.references) if signs.references else None,
        Sign.THREAD: sa.and_(cases.c.thread_id == signs.thread_id, cases.c.source == case.source)
        if signs.thread_id
        else None,
    }
    if signs.subject is not None and stored.sender_email is not None:
        by_sign[Sign.SUBJECT] = _asked_under(connection, signs.subject, stored.sender_email)
    for sign, named in by_sign.items():
        if named is None:
            continue
        wanted = (
            sa.select(*_EARLIER, cases.c.passed_to)
            .where(named, cases.c.tenant == case.tenant, cases.c.case_id != case.case_id)
            .order_by(cases.c.received_at.desc(), cases.c.case_id)
            .limit(_FOUND_AT_MOST)
        )
        for row in connection.execute(wanted):
            customer_id = json.loads(row.input).get("customer_id")
            yield EarlierCase(
                case_id=row.case_id,
                sign=sign,
                speaker=Speaker(tenant=row.tenant, address=row.sender_email, customer_id=customer_id),
                received_at=row.received_at,
                ended=row.closed_at is not None,
                passed_to=row.passed_to,
            )


# Any: values of columns of every type.
def _row(stored: StoredCase) -> dict[str, Any]:
    return {
        "case_id": stored.case.case_id,
        "source": stored.case.source,
        "tenant": stored.case.tenant,
        "input": stored.case.model_dump_json(),
        "vault": json.dumps(stored.vault, ensure_ascii=False),
        "sender_email": stored.sender_email,
        "sender_name": stored.sender_name,
        "content_type": stored.content_type,
        "body": stored.body,
        "tokens_in": stored.tokens_in,
        "tokens_out": stored.tokens_out,
        "chars_in": stored.chars_in,
        "chars_out": stored.chars_out,
        "replay": stored.case.replay,
        "state": CaseState.RUNNING,
        "human": False,
        "calls": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_micros": 0,
        "received_at": stored.case.received_at,
        "message_id": stored.message_id,
        "thread_id": stored.thread_id,
        "mark": stored.mark or new_mark(),
    }
