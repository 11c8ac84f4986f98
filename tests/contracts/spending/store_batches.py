"""What every store promises of questions that wait for batches: each is put once, sent once, and ends once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from adapters.batches.sql import KEPT, SqlBatches
from adapters.batches.tables import batch_questions, model_batches
from adapters.store import Store
from domain.batches.owed import ItemEnd
from domain.model_call import Message, ModelReply, ModelRequest, Tier, Usage
from ports.models.batches import BatchResult
from ports.models.batching import BatchQuestion

MODEL, OTHER = "openai small", "anthropic large"
TEXT = 'a "line"\nwith \0, \u2028 and 🧾'
REPLY = ModelReply(text=TEXT, model="small", usage=Usage(calls=1, input_tokens=7, cost_micros=3))
MANY = 30


def question(name: str, model: str = MODEL) -> BatchQuestion:
    request = ModelRequest(
        tier=Tier.SMALL, schema_name="claim", json_schema={}, messages=[Message(role="user", content=f"{name} {TEXT}")]
    )
    return BatchQuestion(
        item_id=name, question=f"digest of {name}", case_id="case/shop/1", model=model, request=request
    )


def answered(name: str) -> BatchResult:
    return BatchResult(name, ItemEnd.ANSWERED, REPLY)


def at_once(*works: "threading.Thread") -> None:
    for work in works:
        work.start()
    for work in works:
        work.join()


class BatchContract:
    """Questions that wait for batches."""

    @pytest.fixture
    def batches(self, store: Store) -> SqlBatches:
        return SqlBatches(lambda: store.database)

    def taken(self, batches: SqlBatches, model: str = MODEL) -> tuple[str, list[str]]:
        """Take one batch; return its key and its questions."""
        batch = batches.take(model)
        assert batch is not None
        return batch.key, sorted(batches.content(batch.key).requests)

    def test_a_question_is_put_once_whoever_puts_it(self, batches: SqlBatches) -> None:
        put: list[bool] = []

        def worker(n: int) -> None:
            put.append(batches.put(question("a").model_copy(update={"item_id": f"a{n}"})))

        at_once(*(threading.Thread(target=worker, args=(n,)) for n in range(8)))
        assert sorted(put) == [False] * 7 + [True]
        known = batches.known("digest of a")
        assert known is not None
        assert (known.live, known.end, known.reply) == (False, None, None)
        assert abs(known.since - datetime.now(UTC)) < timedelta(minutes=1)
        assert self.taken(batches)[1] == [known.item_id]
        assert batches.known("digest of b") is None

    def test_a_batch_has_one_model_the_oldest_first_and_no_more_than_it_may(
        self, batches: SqlBatches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("adapters.batches.sql.MOST_ITEMS", 2)
        for name in "cab":
            batches.put(question(name))
        batches.put(question("x", OTHER))
        first, second = self.taken(batches), self.taken(batches)
        assert (first[1], second[1]) == (["a", "c"], ["b"])
        assert batches.take(MODEL) is None
        assert [batch.key for batch in batches.under_way([MODEL])] == [first[0], second[0]]
        assert self.taken(batches, OTHER)[1] == ["x"]
        assert batches.content(first[0]).requests["c"] == question("c").request
        assert batches.under_way([]) == []

    def test_two_who_tend_at_once_send_each_question_once(
        self, batches: SqlBatches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("adapters.batches.sql.MOST_ITEMS", 4)
        for n in range(MANY):
            batches.put(question(f"q{n:02d}"))
        sent: list[str] = []

        def tender() -> None:
            while (batch := batches.take(MODEL)) is not None:
                sent.extend(batches.content(batch.key).requests)

        at_once(*(threading.Thread(target=tender) for _ in range(4)))
        assert sorted(sent) == [f"q{n:02d}" for n in range(MANY)]

    def test_who_asks_live_is_never_sent_or_was_sent_before_and_nothing_between(
        self, batches: SqlBatches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("adapters.batches.sql.MOST_ITEMS", 3)
        names = [f"q{n:02d}" for n in range(MANY)]
        for name in names:
            batches.put(question(name))
        never_sent: set[str] = set()
        sent: set[str] = set()

        def tender() -> None:
            while (batch := batches.take(MODEL)) is not None:
                sent.update(batches.content(batch.key).requests)

        def step() -> None:
            never_sent.update(name for name in reversed(names) if batches.go_live(name))

        at_once(threading.Thread(target=tender), threading.Thread(target=step))
        assert sent | never_sent == set(names)
        assert not sent & never_sent

    def test_a_number_is_kept_and_a_batch_has_ended_once_all_its_questions_have(self, batches: SqlBatches) -> None:
        for name in "ab":
            batches.put(question(name))
        key, _ = self.taken(batches)
        assert batches.under_way([MODEL])[0].number == ""
        batches.numbered(key, "batch_7")
        batches.end(key, [answered("a")])
        assert [(b.key, b.number) for b in batches.under_way([MODEL])] == [(key, "batch_7")]
        assert [*batches.content(key).requests] == ["b"]
        batches.end(key, [BatchResult("b", ItemEnd.EXPIRED, None, "its day is over")])
        assert batches.under_way([MODEL]) == []
        known = batches.known("digest of b")
        assert known is not None
        assert (known.end, known.reply, known.why) == (ItemEnd.EXPIRED, None, "its day is over")

    def test_what_has_ended_stays_as_it_is_and_another_batch_says_nothing_of_it(self, batches: SqlBatches) -> None:
        batches.put(question("a"))
        key, _ = self.taken(batches)
        batches.end("another", [BatchResult("a", ItemEnd.REFUSED)])
        assert batches.under_way([MODEL])
        batches.end(key, [answered("a")])
        batches.end(key, [BatchResult("a", ItemEnd.LOST)])
        known = batches.known("digest of a")
        assert known is not None
        assert (known.end, known.reply) == (ItemEnd.ANSWERED, REPLY)

    def test_what_nobody_will_use_is_not_kept_nor_are_questions_that_have_ended(
        self, store: Store, batches: SqlBatches
    ) -> None:
        for name in "abc":
            batches.put(question(name))
        assert batches.go_live("c"), "never sent"
        key, _ = self.taken(batches)
        assert not batches.go_live("a"), "it was sent"
        assert batches.content(key).waited_for == {"a": False, "b": True}
        batches.end(key, [answered("a"), answered("b")])
        with store.database.reading() as connection:
            kept = connection.execute(sa.select(batch_questions).order_by(batch_questions.c.item_id)).mappings().all()
        assert [(row["request"], bool(row["reply"]), row["live"]) for row in kept] == [
            ("", False, True),
            ("", True, False),
            ("", False, True),
        ]
        known = batches.known("digest of a")
        assert known is not None
        assert (known.live, known.end, known.reply) == (True, ItemEnd.ANSWERED, None)

    def test_all_is_forgotten_after_a_week_and_nothing_before(
        self, store: Store, batches: SqlBatches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batches.put(question("a"))
        batches.end(self.taken(batches)[0], [answered("a")])
        clock, ahead = store.database.clock, KEPT - timedelta(minutes=1)
        monkeypatch.setattr(store.database, "clock", lambda *asked: clock(*asked) + ahead)
        batches.forget()
        assert batches.known("digest of a") is not None
        ahead += timedelta(minutes=2)
        batches.forget()
        with store.database.reading() as connection:
            rows = [
                connection.execute(sa.select(sa.func.count()).select_from(t)) for t in (batch_questions, model_batches)
            ]
            assert [row.scalar_one() for row in rows] == [0, 0]
