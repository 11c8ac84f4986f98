"""How a payment in the provider's log stands in the ledger."""

import pytest

from domain.authority.reconciling import Match, ReconcileReport, match_of
from domain.case import EffectRecord
from domain.money.effect import LedgerState
from tests.contracts.store_rescue import in_log
from tests.contracts.store_samples import action

ENTRY = in_log(action("e1"))
EFFECT = EffectRecord(key=ENTRY.key, kind="refund", amount_minor=500, currency="USD", payee="card:visa-1")


def test_what_the_ledger_never_heard_of_is_unknown() -> None:
    assert match_of(ENTRY, None, None) is Match.UNKNOWN


@pytest.mark.parametrize(
    "changes", [{"amount_minor": 499}, {"amount_minor": None}, {"currency": "EUR"}, {"payee": "x"}, {"kind": "lead"}]
)
@pytest.mark.parametrize("state", list(LedgerState))
def test_other_money_is_never_booked_whatever_its_state(changes: dict[str, object], state: LedgerState) -> None:
    assert match_of(ENTRY, EFFECT.model_copy(update=changes), state) is Match.DIFFERS


def test_what_was_done_and_is_not_booked_as_done_is_unbooked() -> None:
    assert match_of(ENTRY, EFFECT, LedgerState.INTENDED) is Match.UNBOOKED
    assert match_of(ENTRY, EFFECT, LedgerState.ABANDONED) is Match.UNBOOKED
    assert match_of(ENTRY, EFFECT, LedgerState.EXECUTED) is Match.KNOWN


def test_the_report_counts_what_was_missing() -> None:
    report = ReconcileReport()
    for match in Match:
        report.note(match, match)
    assert (report.looked_at, report.missing, report.differs) == (4, 2, ["differs"])
