"""Questions that wait for batches, on SQL: each step is one transaction, so that a process may die between any two."""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.batches.tables import batch_questions, model_batches
from adapters.store.database import Database
from domain.batches.owed import ItemEnd
from domain.batches.sending import MOST_ITEMS, together
from domain.model_call import ModelReply, ModelRequest
from ports.models.batches import BatchResult
from ports.models.batching import BatchContent, BatchOnRecord, BatchQuestion, QuestionSoFar

KEPT = timedelta(days=7)
"""So long a question is known after it was put; no step waits for longer than a day."""
_LOCK = "batches"
_q, _b = batch_questions.c, model_batches.c


class SqlBatches:
    """`BatchStore` on SQL, opened on first use."""

    def __init__(self, opened: Callable[[], Database]) -> None:
        self._opened = opened

    def known(self, question: str) -> QuestionSoFar | None:
        """Return what became of a question; None where it was never put."""
        with self._opened().reading() as connection:
            row = connection.execute(sa.select(batch_questions).where(_q.question == question)).mappings().first()
        if row is None:
            return None
        return QuestionSoFar(
            item_id=row["item_id"],
            since=row["since"],
            live=row["live"],
            end=ItemEnd(row["end"]) if row["end"] else None,
            reply=ModelReply.model_validate_json(row["reply"]) if row["reply"] else None,
            why=row["why"],
        )

    def put(self, asked: BatchQuestion) -> bool:
        """Write a question down; return False where it was put already."""
        database = self._opened()
        request = asked.request.model_dump_json()

        def work(connection: Connection) -> bool:
            database.lock(connection, f"batch:{asked.question}")
            there = sa.select(_q.item_id).where(_q.question == asked.question)
            if connection.execute(there).first() is not None:
                return False
            row = asked.model_dump(include={"item_id", "question", "case_id", "model"})
            row |= {"request": request, "size": len(request.encode()), "since": database.clock(connection)}
            connection.execute(sa.insert(batch_questions), row | {"live": False, "reply": "", "why": ""})
            return True

        return database.writing(work)

    def go_live(self, item_id: str) -> bool:
        """Note that its step asks live, from now on and for ever; return whether it will never be sent."""
        database = self._opened()

        def work(connection: Connection) -> bool:
            database.lock(connection, _LOCK)
            this = _q.item_id == item_id
            row = connection.execute(sa.update(batch_questions).where(this).values(live=True).returning(_q.batch_key))
            never_sent = row.scalar_one() is None
            if never_sent:
                connection.execute(sa.update(batch_questions).where(this).values(request=""))
            return never_sent

        return database.writing(work)

    def take(self, model: str) -> BatchOnRecord | None:
        """Make one batch of what waits for a model, and note it as sent: the very next thing is the provider. None
        where nothing waits.
        """
        database = self._opened()
        waits = sa.and_(_q.batch_key.is_(None), _q.live.is_(False), _q.end.is_(None), _q.model == model)
        oldest = sa.select(_q.item_id, _q.size).where(waits).order_by(_q.since, _q.item_id).limit(MOST_ITEMS)

        def work(connection: Connection) -> BatchOnRecord | None:
            database.lock(connection, _LOCK)
            chosen = together([(row.item_id, row.size) for row in connection.execute(oldest)])
            if not chosen:
                return None
            batch = BatchOnRecord(key=uuid.uuid4().hex, model=model, sent_at=database.clock(connection))
            connection.execute(sa.insert(model_batches), batch.model_dump(exclude={"sent_s_ago"}))
            connection.execute(sa.update(batch_questions).where(_q.item_id.in_(chosen)).values(batch_key=batch.key))
            return batch

        return database.writing(work)

    def forget(self) -> None:
        """Forget what is older than a week."""
        database = self._opened()

        def work(connection: Connection) -> None:
            old = database.clock(connection) - KEPT
            connection.execute(sa.delete(batch_questions).where(_q.since < old))
            connection.execute(sa.delete(model_batches).where(_b.sent_at < old))

        database.writing(work)

    def numbered(self, key: str, number: str) -> None:
        """Note a batch's number at the provider."""
        change = sa.update(model_batches).where(_b.key == key).values(number=number)
        self._opened().writing(lambda connection: connection.execute(change))

    def under_way(self, models: Sequence[str]) -> list[BatchOnRecord]:
        """Return the batches that have not ended, the oldest first."""
        open_ones = sa.and_(_b.ended_at.is_(None), _b.model.in_(models))
        wanted = sa.select(_b.key, _b.model, _b.number, _b.sent_at).where(open_ones).order_by(_b.sent_at, _b.key)
        database = self._opened()
        with database.reading() as connection:
            rows = connection.execute(wanted).mappings().all()
            now = database.clock(connection)
        return [BatchOnRecord(**row, sent_s_ago=(now - row["sent_at"]).total_seconds()) for row in rows]

    def content(self, key: str) -> BatchContent:
        """Return what a batch asks still."""
        wanted = sa.select(_q.item_id, _q.request, _q.live).where(_q.batch_key == key, _q.end.is_(None))
        with self._opened().reading() as connection:
            rows = connection.execute(wanted).all()
        requests = {row.item_id: ModelRequest.model_validate_json(row.request) for row in rows}
        return BatchContent(requests=requests, waited_for={row.item_id: not row.live for row in rows})

    def end(self, key: str, results: Sequence[BatchResult]) -> None:
        """Note what became of questions; the batch has ended once all have. What has ended stays as it is."""
        database = self._opened()

        def work(connection: Connection) -> None:
            for result in results:
                of = sa.and_(_q.item_id == result.item_id, _q.batch_key == key, _q.end.is_(None))
                reply = result.reply.model_dump_json() if result.reply is not None else ""
                kept = sa.case((_q.live, ""), else_=reply)  # nobody will use it
                values = {"end": result.end, "why": result.why[:500], "request": "", "reply": kept}
                connection.execute(sa.update(batch_questions).where(of).values(values))
            left = sa.exists().where(_q.batch_key == key, _q.end.is_(None))
            this = sa.and_(_b.key == key, _b.ended_at.is_(None), ~left)
            connection.execute(sa.update(model_batches).where(this).values(ended_at=database.clock(connection)))

        database.writing(work)
