"""Two thousand real messages that nobody wrote for Headgate, through the real webhook: HTML, injections, off-topic,
redeliveries.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.case import CaseState
from tests.e2e.running import Running, audited

PORT_BASE = 20_200
MESSAGES = 2000
SETTLED = {CaseState.WAITING_APPROVAL, CaseState.WAITING_HUMAN, CaseState.DONE, CaseState.REJECTED}


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_real_messages_all_settle_and_nobody_is_paid(
    eval_data: Path, start_headgate: Callable[..., Running]
) -> None:
    running = start_headgate("--samples", port_base=PORT_BASE, env={"HEADGATE_INTAKE_PER_SECOND": "100"})

    sent = running.json(
        *("submit", str(eval_data / "stream" / "stream_50000.csv.gz"), "--limit", str(MESSAGES), "--wait"),
        timeout=850,
    )

    states = running.states()
    report = audited(running)
    standing = running.json("status")
    per_second = MESSAGES / (sent["took_s"] + sent["settled_s"])
    cleaning = standing["cleaning"]
    print(
        f"\n{sent['sent']} real messages, {sent['accepted']} new: {per_second:.1f} cases/s; "
        f"{sent['per_second']} webhooks/s; {sent['states']}; {standing['categories']}; "
        f"tokens {cleaning['tokens_before']} -> {cleaning['tokens_after']}; checked {report['checked']}"
    )
    assert sent["sent"] == MESSAGES
    assert sent["refused"] == {}
    assert sent["accepted"] + sent["duplicates"] == MESSAGES
    assert len(sent["case_ids"]) == sent["accepted"]
    # Exactly one state each, and no case that nobody sent.
    assert set(states) == set(sent["case_ids"])
    assert set(states.values()) <= SETTLED
    assert Counter(states.values()) == sent["states"] == standing["cases"]
    assert standing["inbox"]["ready"] == standing["inbox"]["leased"] == 0
    assert standing["inbox"]["accepted"] == sent["accepted"]
    # Nobody here is a customer of the store.
    assert await running.paid() == []
    assert running.ledger() == []
    assert standing["approvals"] == {}
    assert standing["dead_letters"] == {}
