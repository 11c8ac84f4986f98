"""What the case store, the records, the CRM and the dead letters promise, on any database."""

import json
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from adapters.store import Store
from adapters.store.tables import journal, leads, outbox, replies
from domain.case import CaseState
from domain.dead_letters.choosing import LetterFilter
from domain.deadletter import DeadLetter, DeadLetterStatus
from domain.errors import FailureKind, NotEndedError, StatementRefusedError
from domain.money.refund_action import RefundTerms
from ports.store import Reply
from tests.contracts.store_samples import (
    NOW,
    approval_request,
    approval_result,
    big_action,
    outcome,
    stored_case,
)


def reply(text: str = "Dear Ann") -> Reply:
    return Reply(key="case/shop/e1/reply", case_id="case/shop/e1", to="ann@example.com", subject="Re", text=text)


def letter(name: str = "e1") -> DeadLetter:
    return DeadLetter(
        dead_letter_id=f"case/shop/{name}/dead/1",
        case_id=f"case/shop/{name}",
        source="shop",
        step="route",
        kind=FailureKind.TRANSIENT,
        last_error="connection refused",
        payload_ref=f"store:cases/case/shop/{name}",
        blueprint_version="main@1",
        at=NOW,
    )


def written(store: Store, table: sa.Table) -> list[str]:
    with store.database.reading() as connection:
        return sorted(connection.execute(sa.select(table.c.case_id)).scalars())


class CaseStoreContract:
    """Endings, replies, the journal."""

    def test_who_has_ended_is_known_also_after_a_replay_began(self, store: Store) -> None:
        store.cases.admit([stored_case(name) for name in ("open", "closed", "again", "other")])
        for name in ("closed", "again", "other"):
            store.cases.close(outcome(name, state=CaseState.DEAD_LETTERED), None)
        store.cases.set_replay("case/shop/again", 1)
        asked = ["open", "closed", "again", "never"]
        assert store.cases.ended([f"case/shop/{name}" for name in asked]) == {"case/shop/closed", "case/shop/again"}
        assert store.cases.ended([]) == set()

    def test_an_unknown_case_is_told(self, store: Store) -> None:
        with pytest.raises(KeyError, match="never admitted"):
            store.cases.load("case/shop/none")
        with pytest.raises(KeyError, match="never admitted"):
            store.cases.set_replay("case/shop/none", 1)

    def test_a_case_comes_back_as_it_was_admitted_and_the_first_stands(self, store: Store) -> None:
        stored = stored_case(vault={"[NAME_1]": "Zoë \u202e"}, body=b"\x00\xff", tokens_in=9, tokens_out=4)
        store.cases.admit([stored])
        store.cases.admit([stored_case(body=b"other")])
        assert store.cases.load("case/shop/e1") == stored

    def test_hostile_text_is_stored_on_every_database(self, store: Store) -> None:
        store.cases.admit([stored_case(sender_name="a\0b", content_type="x\0")])
        assert store.cases.load("case/shop/e1").sender_name == "a�b"
        store.cases.close(outcome(), reply("a\0b \ud83d"))
        assert store.reports.counts().replies == 1

    def test_closing_twice_ends_once_replies_once_and_is_journaled_once(self, store: Store) -> None:
        store.cases.admit([stored_case()])
        store.cases.close(outcome(), reply())
        store.cases.close(outcome(), reply("another text"))
        assert store.cases.journal_outcomes(10) == 1
        store.cases.close(outcome(state=CaseState.REJECTED), reply())
        assert store.cases.journal_outcomes(10) == 0
        assert written(store, journal) == ["case/shop/e1"]
        with store.database.reading() as connection:
            assert connection.execute(sa.select(replies.c.text)).scalars().all() == ["Dear Ann"]
        assert store.reports.case("case/shop/e1").state == "done"

    def test_the_first_ending_of_each_run_stands_and_is_told(self, store: Store) -> None:
        store.cases.admit([stored_case()])
        assert store.cases.ending("case/shop/e1", 0) is None
        first = outcome(state=CaseState.DEAD_LETTERED)
        assert store.cases.close(first, None) == first
        for moved in (0, 1):  # from the outbox into the journal
            assert store.cases.close(outcome(), reply()) == first
            assert store.cases.ending("case/shop/e1", 0) == first
            assert store.cases.journal_outcomes(10) == 1 - moved
        store.cases.set_replay("case/shop/e1", 1)
        assert store.cases.ending("case/shop/e1", 1) is None
        assert store.cases.close(outcome(replay=1), None) == outcome(replay=1)
        assert store.cases.ending("case/shop/e1", 0) == first

    def test_a_late_ending_of_an_earlier_run_does_not_overwrite_the_replay(self, store: Store) -> None:
        store.cases.admit([stored_case()])
        store.cases.close(outcome(state=CaseState.DEAD_LETTERED, replay=0), None)
        assert store.cases.set_replay("case/shop/e1", 1).replay == 1
        store.cases.close(outcome(replay=1), None)
        store.cases.close(outcome(state=CaseState.DEAD_LETTERED, replay=0), None)
        assert store.reports.case("case/shop/e1").state == "done"
        assert store.cases.journal_outcomes(10) == 2

    def test_a_replay_opens_the_case_again_and_never_goes_back(self, store: Store) -> None:
        store.cases.admit([stored_case()])
        store.cases.close(outcome(state=CaseState.DEAD_LETTERED), None)
        store.cases.set_replay("case/shop/e1", 2)
        assert store.cases.set_replay("case/shop/e1", 2).replay == 2
        row = store.reports.case("case/shop/e1")
        assert (row.state, row.closed_at, row.replay) == ("running", None, 2)
        with pytest.raises(ValueError, match="replay 2 was begun"):
            store.cases.set_replay("case/shop/e1", 1)

    def test_a_replay_that_has_ended_is_not_begun_again(self, store: Store) -> None:
        store.cases.admit([stored_case("e1")])
        store.cases.close(outcome(state=CaseState.DEAD_LETTERED), None)
        store.cases.set_replay("case/shop/e1", 1)
        store.cases.close(outcome(replay=1), None)
        with pytest.raises(ValueError, match="it has ended"):
            store.cases.set_replay("case/shop/e1", 1)
        assert store.cases.set_replay("case/shop/e1", 2).replay == 2

    def test_a_case_at_its_ending_is_not_replayed_yet(self, store: Store) -> None:
        """Its letter is there before its ending, which would be lost on a replay that had begun."""
        store.cases.admit([stored_case("e1")])
        store.dead_letters.bury(letter("e1"))
        with pytest.raises(NotEndedError, match="has not ended yet"):
            store.cases.set_replay("case/shop/e1", 1)
        store.cases.close(outcome(state=CaseState.DEAD_LETTERED), None)
        assert store.reports.case("case/shop/e1").state == "dead_lettered"
        assert store.cases.set_replay("case/shop/e1", 1).replay == 1

    def test_of_a_replay_and_a_discard_the_first_counts(self, store: Store) -> None:
        for name in ("e1", "e2"):
            store.cases.admit([stored_case(name)])
            store.cases.close(outcome(name, state=CaseState.DEAD_LETTERED), None)
            store.dead_letters.bury(letter(name))
        store.dead_letters.discard(letter("e1").dead_letter_id, reason="spam", by="tom", now=NOW)
        with pytest.raises(ValueError, match="was discarded"):
            store.cases.set_replay("case/shop/e1", 1)
        store.cases.set_replay("case/shop/e2", 1)
        with pytest.raises(ValueError, match="was replayed"):
            store.dead_letters.discard(letter("e2").dead_letter_id, reason="spam", by="tom", now=NOW)

    def test_the_ending_of_a_case_that_was_never_admitted_is_journaled_too(self, store: Store) -> None:
        store.cases.close(outcome("poison", CaseState.DEAD_LETTERED), None)
        assert store.cases.journal_outcomes(10) == 1

    def test_no_error_of_the_database_repeats_values(self, store: Store) -> None:
        personal = "ann@" + "example.com"  # not as it stands in this file, which tracebacks quote
        wrong = sa.insert(replies).values(key="k", case_id="c", subject="s", text=personal, queued_at=None)
        with pytest.raises((exc.IntegrityError, StatementRefusedError)) as told:
            store.database.writing(lambda connection: connection.execute(wrong))
        chain = "".join(traceback.format_exception(told.value))
        assert "queued_at" in chain
        assert personal not in chain

    def test_a_time_without_zone_is_refused(self, store: Store) -> None:
        naive = outcome().model_copy(update={"closed_at": datetime(2026, 1, 1)})  # noqa: DTZ001 - the point of the test
        store.cases.admit([stored_case()])
        with pytest.raises(exc.StatementError, match="no time zone"):
            store.cases.close(naive, reply())
        assert written(store, outbox) == []

    def test_many_journal_workers_write_each_outcome_once(self, store: Store) -> None:
        names = [f"j{n}" for n in range(120)]
        store.cases.admit([stored_case(name) for name in names])
        for name in names:
            store.cases.close(outcome(name), None)
        together = threading.Barrier(6)

        def drain(_: int) -> int:
            together.wait()
            moved = 0
            while some := store.cases.journal_outcomes(7):
                moved += some
            return moved

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(drain, range(6))) == 120
        assert written(store, journal) == sorted(f"case/shop/{name}" for name in names)
        assert written(store, outbox) == []


class CrmContract:
    """The CRM tables."""

    @pytest.mark.parametrize(
        ("customer_id", "email", "company", "found"),
        [
            (None, None, None, None),
            (None, "x@nowhere.example", "Nobody", None),
            (None, "no-address", "", None),
            (None, None, "Twin", None),  # two of that name
            ("C-1", "x@twin.example", "Twin", "A-1"),
            ("C-404", "x@Twin.Example", "Acme GmbH", "A-2"),
            (None, None, " ACME gmbh ", "A-1"),
        ],
    )
    def test_which_crm_account_is_found(
        self, store: Store, customer_id: str | None, email: str | None, company: str | None, found: str | None
    ) -> None:
        account = store.crm.find_crm_account(
            tenant="default", customer_id=customer_id, sender_email=email, company=company
        )
        assert (account.account_id if account else None) == found

    def test_a_lead_is_recorded_once(self, store: Store) -> None:
        def record(owner: str) -> str:
            effect = store.crm.record_lead(
                case_id="case/shop/e1",
                tenant="default",
                account_id=None,
                owner=owner,
                team="t",
                score=5,
                facts={},
                at=NOW,
            )
            return effect.key

        assert record("Katrin") == record("Uwe") == "case/shop/e1/lead"
        assert store.reports.counts().effects == {"lead": 1}
        assert store.reports.ledger_export().entries == []
        found = store.crm.lead_of("case/shop/e1")
        assert found is not None
        assert (found.owner, found.score, found.at) == ("Katrin", 5, NOW)
        for case_id in ("case/shop/e2", "case/shop/e3", "case/shop/e2"):
            store.crm.note_on_lead("case/shop/e1", case_id)
        with store.database.reading() as connection:
            facts = connection.execute(sa.select(leads.c.facts)).scalar_one()
        assert json.loads(facts) == {"answers": ["case/shop/e2", "case/shop/e3"]}
        assert store.crm.lead_of("case/shop/e2") is None


class DeadLetterContract:
    """Dead letters and their status."""

    def test_burying_twice_keeps_the_first_and_one_word_to_people(self, store: Store) -> None:
        store.dead_letters.bury(letter())
        store.dead_letters.bury(letter().model_copy(update={"last_error": "second"}))
        assert [r.letter.last_error for r in store.dead_letters.list_letters()] == ["connection refused"]
        [word] = store.words.untold(10, NOW)
        assert (word.kind, word.case_id, word.data["count"]) == ("dead_letter", letter().case_id, "1")
        assert "connection refused" in word.text
        store.words.told([word.word_id], NOW)
        store.dead_letters.bury(letter())
        assert store.words.untold(10, NOW) == []

    def test_discarding_needs_a_name_and_a_reason_and_is_final(self, store: Store) -> None:
        store.dead_letters.bury(letter())
        key = letter().dead_letter_id
        for reason, by in (("", "maria"), ("junk", " ")):
            with pytest.raises(ValueError, match="needs both"):
                store.dead_letters.discard(key, reason=reason, by=by, now=NOW)
        store.dead_letters.discard(key, reason="junk", by="maria", now=NOW)
        assert store.dead_letters.discard(key, reason="again", by="tom", now=NOW).reason == "junk"
        with pytest.raises(ValueError, match=r"discarded \(by maria: junk\)"):
            store.dead_letters.mark_replayed(key, "tom", NOW)
        assert store.dead_letters.list_letters() == []
        assert len(store.dead_letters.list_letters(LetterFilter(statuses=[DeadLetterStatus.DISCARDED]))) == 1

    def test_replays_are_counted_and_a_replayed_letter_is_not_discarded(self, store: Store) -> None:
        store.dead_letters.bury(letter())
        key = letter().dead_letter_id
        store.dead_letters.mark_replayed(key, "maria", NOW)
        assert store.dead_letters.mark_replayed(key, "tom", NOW).replays == 2
        with pytest.raises(ValueError, match="was replayed"):
            store.dead_letters.discard(key, reason="junk", by="maria", now=NOW)

    def test_an_unknown_letter_is_told(self, store: Store) -> None:
        with pytest.raises(KeyError, match="unknown"):
            store.dead_letters.show("case/shop/none/dead/1")

    def test_the_kill_switch_needs_a_name_and_a_reason(self, store: Store) -> None:
        with pytest.raises(ValueError, match="needs a name and a reason"):
            store.switches.set_effects(stopped=True, by="", reason="x", now=NOW)
        assert not store.switches.effects().stopped

    def test_setting_the_kill_switch_again_keeps_since_when_it_is_on(self, store: Store) -> None:
        store.switches.set_effects(stopped=True, by="maria", reason="odd", now=NOW)
        state = store.switches.set_effects(stopped=True, by="tom", reason="me too", now=NOW + timedelta(hours=1))
        assert (state.changed_by, state.at) == ("maria", NOW)

    def test_the_audit_learns_of_every_time_in_which_effects_were_stopped(self, store: Store) -> None:
        times = [NOW + timedelta(hours=n) for n in range(4)]
        for stopped, at in zip((False, True, False, True), times, strict=True):
            store.switches.set_effects(stopped=stopped, by="maria", reason="odd", now=at)
        assert [(s.since, s.until) for s in store.audit.read([]).stops] == [(times[1], times[2]), (times[3], None)]


class ReadingContract:
    """What commands and the audit read."""

    def test_the_audit_reads_everything_and_only_the_charges_it_asks_for(self, store: Store) -> None:
        store.cases.admit([stored_case("e1"), stored_case("e2")])
        asked = approval_request(big_action())
        store.ledger.record_approval(asked, approval_result(asked))
        store.ledger.intend(
            asked.action, step="refund", approval_id=asked.approval_id, terms=RefundTerms(limit_minor=1), now=NOW
        )
        store.ledger.execute(asked.action.key, "ref", NOW)
        store.cases.close(outcome("e2", CaseState.DEAD_LETTERED), None)
        store.dead_letters.bury(letter("e2"))
        store.ledger.forbid("case/shop/e3", "cancelled", NOW)
        store.switches.set_effects(stopped=True, by="maria", reason="odd", now=NOW)
        facts = store.audit.read(["CH-2", "CH-unknown", "CH-2"])
        assert [(e.key, e.state, e.digest) for e in facts.effects] == [
            ("case/shop/e1/refund", "executed", asked.digest)
        ]
        assert [(a.key, a.standing, a.by) for a in facts.approvals] == [("case/shop/e1/refund", "approved", "maria")]
        assert {c.case_id: (c.state, c.handed_over) for c in facts.cases} == {
            "case/shop/e1": (CaseState.RUNNING, False),
            "case/shop/e2": (CaseState.DEAD_LETTERED, True),
        }
        assert facts.cases[0].limit_minor["refund"]["USD"] == 500_000
        assert [c.charge_id for c in facts.charges] == ["CH-2"]
        assert (len(facts.entries), facts.forbidden) == (2, {"case/shop/e3": NOW})
        assert [(s.since, s.until) for s in facts.stops] == [(NOW, None)]
        assert facts.dead_letters[0].last_error == "connection refused"

    def test_corrections_are_the_ended_cases_that_a_person_routed(self, store: Store) -> None:
        store.cases.admit([stored_case(f"e{n}") for n in range(3)])
        store.cases.close(outcome("e0").model_copy(update={"human": True, "finding": 'said "routed_to":"Sales"'}), None)
        store.cases.close(outcome("e1").model_copy(update={"human": True, "routed_to": "Sales"}), None)
        found = store.reports.corrections(10)
        assert [(row.case.case_id, row.category) for row in found] == [("case/shop/e1", "Sales")]
        assert found[0].case.text == stored_case("e1").case.text, "as it was cleaned"

    def test_counts_are_of_all_cases(self, store: Store) -> None:
        store.cases.admit([stored_case(f"e{n}", tokens_in=10, tokens_out=4) for n in range(3)])
        store.cases.close(outcome("e1"), None)
        counts = store.reports.counts()
        assert (counts.total, counts.by_state, counts.tokens_in, counts.tokens_out) == (
            3,
            {"done": 1, "running": 2},
            30,
            12,
        )
        with pytest.raises(KeyError):
            store.reports.case("case/shop/none")
