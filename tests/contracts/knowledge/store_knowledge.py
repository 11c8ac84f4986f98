"""What every store promises of knowledge in use: each letter and each question counts once."""

from datetime import timedelta

from adapters.knowledge.record import SqlKnowledge
from adapters.store import Store
from domain.case import CaseState
from domain.knowledge.asked import Why
from ports.store import Reply
from tests.contracts.store_samples import NOW, case_input, outcome, stored_case


def letter(name: str, kind: str, article: str | None = None) -> Reply:
    case_id = f"case/shop/{name}"
    return Reply(
        key=f"{case_id}/reply", case_id=case_id, to="ann@example.com", subject="Re", text=f"Dear Ann, {name}",
        kind=kind, article=article,
    )  # fmt: skip


def ended(store: Store, name: str, kind: str, article: str | None = None) -> None:
    for _ in range(2):  # a try that is repeated
        store.cases.close(outcome(name, state=CaseState.DONE), letter(name, kind, article))


class KnowledgeContract:
    """Uses of articles, and questions that people had to answer."""

    def test_each_letter_that_quotes_an_article_counts_once_by_version(self, store: Store) -> None:
        store.cases.admit([stored_case(name) for name in ("a", "b", "c", "d")])
        record = SqlKnowledge(lambda: store.database)
        assert record.uses() == []
        for name, version in (("a", "kb@vpn@2"), ("b", "kb@vpn@2"), ("c", "kb@vpn@10")):
            ended(store, name, "article_answer", version)
        ended(store, "d", "refund_paid")
        found = [(use.article_id, use.version, use.letters) for use in record.uses()]
        assert found == [("kb@vpn", 2, 2), ("kb@vpn", 10, 1)]
        assert all(use.last_at.tzinfo is not None for use in record.uses())

    def test_questions_are_those_that_a_person_or_no_article_answered_each_once(self, store: Store) -> None:
        names = ("person", "waits", "both", "after", "article", "refund")
        store.cases.admit(
            [stored_case(n, case=case_input(n).model_copy(update={"lang": "de", "subject": n})) for n in names]
        )
        record = SqlKnowledge(lambda: store.database)
        for name in ("waits", "both", "after"):
            for _ in range(2):
                record.write(f"case/shop/{name}", "article", "IT help desk")
        ended(store, "person", "person_answer")
        ended(store, "both", "person_answer")
        ended(store, "after", "article_answer", "kb-new@1")  # the case came again, and there was an article then
        ended(store, "article", "article_answer", "kb-new@1")
        ended(store, "refund", "refund_paid")
        asked = record.asked_of_people(NOW - timedelta(days=9999), 100)
        assert {(q.subject, q.why) for q in asked} == {
            ("person", Why.PERSON), ("waits", Why.NO_ARTICLE), ("both", Why.PERSON),
        }  # fmt: skip
        assert len(asked) == 3
        [waits] = [q for q in asked if q.why is Why.NO_ARTICLE]
        assert (waits.category, waits.lang, waits.text) == ("IT help desk", "de", "my order [NAME_1]")

    def test_the_newest_since_a_moment_come_first_and_no_more_than_asked_for(self, store: Store) -> None:
        store.cases.admit([stored_case(name) for name in ("a", "b", "c")])
        record = SqlKnowledge(lambda: store.database)
        for name in ("a", "b", "c"):
            record.write(f"case/shop/{name}", "article", "")
        newest = record.asked_of_people(NOW - timedelta(days=9999), 2)
        assert [q.case_id for q in newest] == ["case/shop/c", "case/shop/b"]
        assert record.asked_of_people(newest[0].at + timedelta(seconds=1), 9) == []
        assert [q.case_id for q in record.asked_of_people(newest[0].at, 9)] == ["case/shop/c"]

    def test_a_question_whose_case_is_not_there_is_no_question(self, store: Store) -> None:
        record = SqlKnowledge(lambda: store.database)
        record.write("case/shop/unknown", "article", "")
        assert record.asked_of_people(NOW - timedelta(days=9999), 9) == []
