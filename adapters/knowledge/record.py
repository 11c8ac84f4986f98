"""Knowledge in use, on SQL."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.knowledge.tables import unanswered_questions
from adapters.store.database import Database, insert_new
from adapters.store.tables import cases, replies
from domain.case import CaseInput
from domain.knowledge.asked import ArticleUse, PersonAsked, Why, is_question
from domain.mail.sending import BY_A_PERSON


class SqlKnowledge:
    """`UnansweredRecord` and `KnowledgeReports` on SQL, opened on first use."""

    def __init__(self, opened: Callable[[], Database]) -> None:
        self._opened = opened

    def write(self, case_id: str, step: str, category: str) -> None:
        """Put the question of a case on record, once."""
        database = self._opened()

        def work(connection: Connection) -> None:
            row = {"case_id": case_id, "step": step, "category": category, "at": database.clock(connection)}
            insert_new(connection, unanswered_questions, [row])

        database.writing(work)

    def uses(self) -> list[ArticleUse]:
        """Return how often each version of an article was quoted in a letter, by article and version."""
        wanted = (
            sa.select(replies.c.article, sa.func.count(), sa.func.max(replies.c.queued_at))
            .where(replies.c.article.is_not(None))
            .group_by(replies.c.article)
        )
        with self._opened().reading() as connection:
            rows = connection.execute(wanted).all()
        found = []
        for named, letters, last_at in rows:
            article_id, _, version = named.rpartition("@")
            found.append(ArticleUse(article_id=article_id, version=int(version), letters=letters, last_at=last_at))
        return sorted(found, key=lambda use: (use.article_id, use.version))

    def asked_of_people(self, since: datetime, limit: int) -> list[PersonAsked]:
        """Return the questions since then that a person answered or no article did, the newest first: so many are
        looked at, and those that are no question of a person left out.
        """
        by_person = (
            sa.select(replies.c.case_id, sa.func.max(replies.c.queued_at).label("at"))
            .where(replies.c.kind.in_(BY_A_PERSON), replies.c.queued_at >= since)
            .group_by(replies.c.case_id)
            .subquery()
        )
        no_article = sa.select(unanswered_questions).where(unanswered_questions.c.at >= since).subquery()
        quoted = sa.exists().where(replies.c.case_id == cases.c.case_id, replies.c.article.is_not(None))
        at = sa.func.coalesce(by_person.c.at, no_article.c.at).label("at")
        category = sa.func.coalesce(cases.c.category, no_article.c.category, "").label("category")
        wanted = (
            sa.select(cases.c.case_id, cases.c.input, category, by_person.c.case_id.is_not(None).label("person"), at)
            .outerjoin(by_person, by_person.c.case_id == cases.c.case_id)
            .outerjoin(no_article, no_article.c.case_id == cases.c.case_id)
            .where(by_person.c.case_id.is_not(None) | (no_article.c.case_id.is_not(None) & ~quoted))
            .order_by(at.desc(), cases.c.case_id)
            .limit(limit)
        )
        with self._opened().reading() as connection:
            read = [(row, CaseInput.model_validate_json(row.input)) for row in connection.execute(wanted)]
        return [_asked(row, case) for row, case in read if is_question(case)]


def _asked(row: sa.Row[tuple[str, str, str, bool, datetime]], case: CaseInput) -> PersonAsked:
    return PersonAsked(
        case_id=row.case_id,
        why=Why.PERSON if row.person else Why.NO_ARTICLE,
        category=row.category,
        lang=case.lang,
        subject=case.subject,
        text=case.text,
        received_at=case.received_at,
        at=row.at,
    )
