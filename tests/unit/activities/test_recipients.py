"""Where a letter goes when a case closes: to the sender, else to the customer on record, else to nobody."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from temporalio.testing import ActivityEnvironment

from activities.actions.close import CloseActivities, CloseRequest
from adapters.store import Store
from adapters.store.tables import replies
from domain.case import CaseInput, CaseOutcome
from domain.errors import ConfigurationError, RefusedError, TransientError
from domain.letters import DetailsAsked, Letter, RefundDenied
from domain.mail.addresses import MailRules
from domain.money.refund import Rule
from tests.contracts.store_samples import NOW, case_input, outcome, stored_case
from tests.fakes.blueprint import LETTERS
from tests.unit.activities.store_parts import Clock

DENIED = RefundDenied(rule=Rule.NOT_LATE)


class FakeRecords:
    """Knows one address, or fails."""

    def __init__(self, answer: str | Exception | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def address_of(self, *, tenant: str, customer_id: str) -> str | None:
        self.asked.append((tenant, customer_id))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    find_account: Callable[..., object]


def close(
    store: Store,
    clock: Clock,
    records: object,
    *,
    sender: str | None = None,
    letter: Letter | None = DENIED,
    name: str = "r1",
    **case_fields: object,
) -> CaseOutcome:
    """Close a case; return the ending that stands."""
    case: CaseInput = case_input(name).model_copy(update={"customer_id": "C-1", **case_fields})
    store.cases.admit([stored_case(name, case=case, sender_email=sender)])
    activities = CloseActivities(store.cases, store.ledger, LETTERS, records, clock)  # type: ignore[arg-type]  # a fake of one method
    ending = outcome(name).model_copy(update={"closed_at": NOW, "finding": "deny: not late"})
    return (
        ActivityEnvironment().run(activities.close_case, CloseRequest(outcome=ending, letter=letter)).stands or ending
    )


def recipients(store: Store) -> list[str | None]:
    with store.database.reading() as connection:
        return list(connection.execute(sa.select(replies.c.recipient).order_by(replies.c.key)).scalars())


class TestRecipients:
    async def test_the_sender_gets_the_letter_and_nobody_asks_the_records(self, store: Store, clock: Clock) -> None:
        records = FakeRecords("other@home.example")
        close(store, clock, records, sender="ann@home.example")
        assert (recipients(store), records.asked) == (["ann@home.example"], [])

    async def test_a_customer_named_by_id_gets_it_where_the_records_say(self, store: Store, clock: Clock) -> None:
        assert close(store, clock, store.records).finding == "deny: not late"
        assert recipients(store) == ["Ann@Example.com"]

    async def test_the_records_are_asked_for_the_case_s_own_tenant(self, store: Store, clock: Clock) -> None:
        records = FakeRecords("ann@home.example")
        close(store, clock, records, tenant="other")
        assert records.asked == [("other", "C-1")]

    @pytest.mark.parametrize(
        "answer",
        [None, "no-reply@home.example", "ann", "desk@lamps.example", ConfigurationError("x"), RefusedError("x")],
    )
    async def test_where_nobody_may_be_written_to_the_letter_is_kept_and_told(
        self, store: Store, clock: Clock, answer: str | Exception | None
    ) -> None:
        policy = case_input().policy.model_copy(update={"mail": MailRules(own=("*@lamps.example",))})
        ending = close(store, clock, FakeRecords(answer), policy=policy)
        assert ending.finding == "deny: not late; no address to write to: its letter is kept as case/shop/r1/reply"
        assert recipients(store) == [None]
        assert [word.kind for word in store.words.untold(9, NOW)] == ["letter"]

    async def test_a_sender_without_id_and_address_is_nobody(self, store: Store, clock: Clock) -> None:
        records = FakeRecords("ann@home.example")
        assert "no address" in close(store, clock, records, customer_id=None).finding
        assert records.asked == []

    async def test_records_that_are_away_are_waited_for(self, store: Store, clock: Clock) -> None:
        with pytest.raises(TransientError):
            close(store, clock, FakeRecords(TransientError("away")))
        assert store.cases.ending("case/shop/r1", 0) is None

    async def test_what_has_no_letter_asks_nobody(self, store: Store, clock: Clock) -> None:
        records = FakeRecords(TransientError("away"))
        assert close(store, clock, records, letter=None).finding == "deny: not late"
        assert (recipients(store), records.asked) == ([], [])

    async def test_the_blueprint_says_how_many_letters_go_to_an_address(self, store: Store, clock: Clock) -> None:
        policy = case_input().policy.model_copy(update={"mail": MailRules(letters_per_day=1)})
        first = close(store, clock, store.records, policy=policy)
        asked = DetailsAsked(missing=["order_id"])
        second = close(store, clock, store.records, name="r2", policy=policy, letter=asked)
        assert (first.finding, len(recipients(store))) == ("deny: not late", 1)
        assert second.finding.endswith("(details_asked) was held back: the address had its letters of a day (1)")
