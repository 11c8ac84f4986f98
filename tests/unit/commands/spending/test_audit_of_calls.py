"""Which calls the audit compares with which log: those of the data dir's own model server, or of an export."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import sqlalchemy as sa

from adapters.spend.sql import SqlSpend
from adapters.spend.tables import model_calls
from adapters.store import Store, open_store
from commands.work.audit import audit_report
from domain.audit.facts import AuditReport
from domain.audit.model_log import AnsweredCall
from domain.model_call import Tier
from domain.spend.budgets import SpendRules
from ports.models.spend import CallSpent, CallToMake
from tests.fakes.blueprint import BLUEPRINT
from workers.config.data_dir import rotate_log
from workers.running.answer_log import ANSWER_LOG, AnswerLog

NAMED = "embedded-router-1"
OWN = f"offline {NAMED}"
NOW = datetime.now(UTC)


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:  # Any: a mock
    """Parts with a store and a data dir; the rest of the audit finds nothing."""

    async def clean(**_: object) -> AuditReport:
        return AuditReport()

    monkeypatch.setattr("client.audit_gathering.run_audit", clean)
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    (tmp_path / "data").mkdir()
    given = MagicMock(spend=SqlSpend(lambda: store.database), blueprint=BLUEPRINT)
    given.settings.data_dir = tmp_path / "data"
    given.opened = store
    yield given
    store.close()


def answer(request_id: str, *, minutes: float, model: str = NAMED) -> AnsweredCall:
    return AnsweredCall(request_id, model, 20, 10, NOW - timedelta(minutes=minutes))


def log(parts: Any, *answers: AnsweredCall) -> None:
    own = AnswerLog(parts.settings.data_dir, rotate_log)
    for one in answers:
        own.note(one)


def recorded(parts: Any, request_id: str, *, minutes: float, model: str = OWN) -> None:
    """Put an answered call on record as of some minutes ago."""
    spend: SqlSpend = parts.spend
    asked = {"call_id": request_id, "case_id": f"case/shop/{request_id}", "kind": "router", "step": "route"}
    most = {"tier": Tier.SMALL, "model": model, "question": "q", "tokens_in": 60, "tokens_out": 40, "cost_micros": 0}
    assert spend.reserve(CallToMake.model_validate(asked | most), SpendRules(), sending=True) is None
    spend.settle(request_id, CallSpent(tokens_in=20, tokens_out=10, provider_request_id=request_id))
    at = NOW - timedelta(minutes=minutes)
    store: Store = parts.opened
    with store.database.engine.begin() as connection:
        times = {"at": at, "sent_at": at, "ended_at": at}
        connection.execute(sa.update(model_calls).where(model_calls.c.call_id == request_id).values(times))


async def found(parts: Any, exported: list[AnsweredCall] | None = None) -> tuple[list[tuple[str, str]], Any]:
    """Return kinds and subjects of what the audit says of calls, and its document."""
    document: Any
    document, _ = await audit_report(parts, MagicMock(), exported)
    return [(v["kind"], v["subject"]) for v in document["violations"]], document


async def test_without_a_log_nothing_is_compared(parts: Any) -> None:
    recorded(parts, "r1", minutes=5)
    kinds, document = await found(parts)
    assert (kinds, document["checked"], document["notes"]) == ([], {}, [])


async def test_a_call_to_another_address_is_no_matter_of_the_own_log(parts: Any) -> None:
    log(parts, answer("r0", minutes=60), answer("r1", minutes=5))
    for request_id, minutes in (("r0", 60.0), ("r1", 5.0)):
        recorded(parts, request_id, minutes=minutes)
    recorded(parts, "r2", minutes=5, model=f"{OWN} at elsewhere:8703/v1")
    recorded(parts, "r3", minutes=5, model="openai gpt-4.1-mini")
    kinds, document = await found(parts)
    assert (kinds, document["checked"]) == ([], {"model log": 2})
    recorded(parts, "r4", minutes=5)
    assert (await found(parts))[0] == [("answer_unknown_to_server", "case/shop/r4")]


async def test_off_the_record_is_a_note_where_the_model_is_free_and_a_violation_where_it_has_a_price(
    parts: Any,
) -> None:
    log(parts, answer("r1", minutes=5))
    kinds, document = await found(parts)
    assert kinds == []
    assert "not on record" in document["notes"][0]
    priced = [price.model_copy(update={"input": 0.1}) for price in BLUEPRINT.prices]
    parts.blueprint = BLUEPRINT.model_copy(update={"prices": priced})
    assert (await found(parts))[0] == [("call_not_on_record", "r1")]
    parts.blueprint = BLUEPRINT.model_copy(update={"prices": []})
    assert (await found(parts))[0] == [("call_not_on_record", "r1")], "nobody knows that it costs nothing"


async def test_an_export_is_compared_with_its_own_models_within_its_own_time(parts: Any) -> None:
    named = "gpt-4.1-mini-2025-04-14"
    export = [answer("r1", minutes=60, model=named), answer("r9", minutes=5, model=named)]
    recorded(parts, "r1", minutes=60, model="openai gpt-4.1-mini at proxy:1/v1")
    recorded(parts, "r2", minutes=30, model="openai gpt-4.1-mini")
    recorded(parts, "r3", minutes=1, model="openai gpt-4.1-mini")  # after its end
    recorded(parts, "r4", minutes=30, model="openai gpt-4.1")
    log(parts, answer("of another server", minutes=30))
    kinds, document = await found(parts, export)
    assert kinds == [("call_not_on_record", "r9"), ("answer_unknown_to_server", "case/shop/r2")]
    assert document["checked"] == {"model log": 2}


async def test_what_is_so_old_that_its_call_is_forgotten_is_not_asked_for(parts: Any) -> None:
    priced = [price.model_copy(update={"input": 0.1}) for price in BLUEPRINT.prices]
    parts.blueprint = BLUEPRINT.model_copy(update={"prices": priced})
    log(parts, answer("r1", minutes=91 * 24 * 60), answer("r2", minutes=5))
    recorded(parts, "r2", minutes=5)
    kinds, document = await found(parts)
    assert (kinds, document["checked"]) == ([], {"model log": 1})


async def test_a_line_of_the_future_does_not_hide_those_before_it(parts: Any) -> None:
    named = "gpt-4.1-mini"
    export = [answer("r9", minutes=5, model=named), answer("r8", minutes=-200 * 24 * 60, model=named)]
    kinds, _ = await found(parts, export)
    assert kinds == [("call_not_on_record", "r9"), ("call_not_on_record", "r8")]


async def test_lines_that_cannot_be_read_are_noted(parts: Any) -> None:
    log(parts, answer("r1", minutes=5))
    recorded(parts, "r1", minutes=5)
    with (parts.settings.data_dir / ANSWER_LOG).open("ab") as file:
        file.write(b'{"torn')
    kinds, document = await found(parts)
    assert (kinds, document["notes"]) == ([], ["lines of the offline model's log that cannot be read: 1"])
