"""What a machine wrote is closed at once, and two robots that answer each other are stopped after one letter."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.actions.close import CloseActivities
from adapters.store import open_store
from adapters.store.tables import replies
from domain.case import FORWARDED, CaseState, Machine
from domain.errors import TransientError
from domain.money.claim import Origin
from domain.money.records import Account, Customer
from domain.words_to_people import WordKind
from ports.store import StoredCase
from tests.fakes.blueprint import LETTERS
from tests.workflows.fake_world import FakeWorld, claimed
from tests.workflows.running import Mill, new_case
from workflows.case import CaseWorkflow
from workflows.options import ALERT_BUDGET

pytestmark = pytest.mark.usefixtures("both_ways")


@pytest.mark.parametrize("machine", list(Machine))
async def test_a_machine_s_mail_is_closed_without_model_effect_and_letter(
    mill: Mill, world: FakeWorld, machine: Machine
) -> None:
    outcome = await mill.run(new_case(machine=machine))
    assert world.names == ["close_case"]
    assert (outcome.state, outcome.category, outcome.effects, outcome.human) == (CaseState.DONE, None, [], False)
    assert outcome.finding.startswith("closed unanswered: written by a machine (")
    assert world.requests("close_case")[0].letter is None
    assert outcome.usage.calls == 0


async def test_a_machine_is_no_person_s_work_even_if_nothing_in_it_can_be_read(mill: Mill, world: FakeWorld) -> None:
    outcome = await mill.run(
        new_case(machine=Machine.RECEIPT, skip_to_human="there is nothing readable in it", text="")
    )
    assert (outcome.state, world.names) == (CaseState.DONE, ["close_case"])


async def test_people_are_told_once_whose_letter_came_back(mill: Mill, world: FakeWorld) -> None:
    case = new_case(machine=Machine.BOUNCE, about_case="case/shop/e7")
    outcome = await mill.run(case)
    [word] = world.requests("alert_person")
    assert (word.kind, word.case_id, word.alert_id) == (WordKind.LETTER, "case/shop/e7", "case/shop/e7/bounce")
    assert word.subject == "a letter of case/shop/e7 did not arrive"
    assert outcome.finding.endswith("(a report that a letter did not arrive, about case/shop/e7)")


async def test_a_word_that_cannot_be_kept_does_not_hold_the_case_open(mill: Mill, world: FakeWorld) -> None:
    world.always("alert_person", TransientError("the store is away"))
    handle = await mill.start(new_case(machine=Machine.BOUNCE, about_case="case/shop/e7"))
    await mill.skip(2 * ALERT_BUDGET)
    assert (await handle.result()).state is CaseState.DONE
    assert "was not sent" in (await handle.query(CaseWorkflow.status)).notices[0]


async def test_a_doubtful_mail_waits_for_a_person_and_nobody_is_answered(mill: Mill, world: FakeWorld) -> None:
    handle = await mill.start(
        new_case(skip_to_human="it may be written by a machine (Precedence): nothing was answered")
    )
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding.startswith("it may be written by a machine")
    outcome = await mill.close_by_hand(handle)
    assert (outcome.state, world.reply()) == (CaseState.REJECTED, "")
    assert "route_case" not in world.names


async def test_who_forwards_and_is_not_known_is_not_told_that_there_is_no_account(mill: Mill, world: FakeWorld) -> None:
    world.always("find_account", Account())
    handle = await mill.start(new_case(flags=[FORWARDED]))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding.endswith("forwarded by somebody whom the records do not know")
    await mill.close_by_hand(handle)
    assert world.reply() == ""


async def test_a_customer_who_forwards_is_asked_for_what_is_missing(mill: Mill, world: FakeWorld) -> None:
    world.always("find_account", Account(customer=Customer(customer_id="CUS-1")))
    world.always("extract_claim", claimed(order_id=None, order_origin=Origin.GUESSED))
    outcome = await mill.run(new_case(flags=[FORWARDED]))
    assert (outcome.state, bool(world.reply())) == (CaseState.DONE, True)


async def test_two_robots_that_answer_each_other_end_after_one_letter(
    mill: Mill, world: FakeWorld, tmp_path: Path
) -> None:
    """A robot that hides what it is answers every letter: its second letter gets none, and people are told."""
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    close = CloseActivities(store.cases, store.ledger, LETTERS, store.records)
    world.always("close_case", close.close_case)
    world.always("find_account", Account())
    outcomes = []
    with mill.env.auto_time_skipping_disabled():  # the letters go within an hour
        for _ in range(4):
            case = new_case(subject="Re: Re: your letter")
            store.cases.admit([StoredCase(case=case, sender_email="robot@home.example")])
            handle = await mill.start(case)
            outcomes.append(await handle.result())
            shown = await handle.query(CaseWorkflow.status)  # as `headgate cases show` does
            assert shown.finding == outcomes[-1].finding == store.reports.case(case.case_id).finding
    with store.database.reading() as connection:
        queued = list(connection.execute(sa.select(replies.c.case_id)).scalars())
    words = [word.subject for word in store.words.untold(10, outcomes[-1].closed_at) if word.kind == WordKind.LETTER]
    store.close()
    assert queued == [outcomes[0].case_id]
    assert "held back" not in outcomes[0].finding
    assert all("its letter (details_asked) was held back" in outcome.finding for outcome in outcomes[1:])
    assert words == ["letters to one address stopped: the same text went to this address within the hour"]
