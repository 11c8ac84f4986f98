"""Which words of Temporal's core mean that its workflow runs can no longer be trusted."""

import logging
from pathlib import Path

import pytest
from temporalio.bridge import temporal_sdk_bridge

from workers.running.core_trust import HANDED_BACK, loses_trust

RUNS = "temporalio_sdk_core::worker::workflow"
STREAM = f"{RUNS}::workflow_stream"
LOST = [
    (STREAM, "Extra buffered run should not have produced an activation"),
    (STREAM, "Run missing during completion"),
    (f"{RUNS}::managed_run", "Trying to send a new WFT for a run which already has one!"),
    (f"{RUNS}::managed_run", "Attempted to complete activation for run 0198 without associated workflow task"),
    (f"{RUNS}::managed_run", "Ready for queries but no WFT!"),
    (RUNS, "Send half of activation complete response channel went missing"),
    (RUNS, "Error while auto-completing workflow task"),
    ("temporalio_sdk_core::worker", "Should never be a task from direct completion"),
    (
        "temporalio_sdk_core::worker::activities::local_activities",
        "Just-resolved LA should not have backoff task",
    ),
]
KEPT = [
    (STREAM, logging.WARNING, "There were leftover buffered tasks when evicting run"),
    (f"{RUNS}::managed_run", logging.WARNING, "Error while updating workflow"),
    (f"{RUNS}::history_update", logging.ERROR, "We expected to be able to fetch more events but server says …"),
    (f"{RUNS}::wft_poller", logging.ERROR, "Server returned an unparseable workflow task"),
    (f"{RUNS}::machines::activity_state_machine", logging.ERROR, "Can't get on_canceled transition with Abandon"),
    (f"{RUNS}_of_another_room", logging.ERROR, "something else"),
    ("temporalio_sdk_core::worker::heartbeat", logging.ERROR, "something else"),
    ("temporalio_sdk_core::telemetry::metrics", logging.ERROR, "Core's metrics buffer is full!"),
    ("temporalio_client::retry", logging.ERROR, "gRPC call poll_workflow_task_queue retried 51 times"),
    ("", logging.ERROR, "Extra buffered run should not have produced an activation"),
]


@pytest.mark.parametrize(("target", "message"), LOST, ids=[message[:40] for _, message in LOST])
def test_a_broken_rule_of_core_about_its_runs_loses_trust(target: str, message: str) -> None:
    assert loses_trust(logging.ERROR, target, message)
    assert not loses_trust(logging.WARNING, target, message)


@pytest.mark.parametrize(("target", "level", "message"), KEPT, ids=[message[:40] for _, _, message in KEPT])
def test_what_another_try_mends_or_would_meet_again_does_not(target: str, level: int, message: str) -> None:
    assert not loses_trust(level, target, message)


def test_what_core_hands_back_is_no_matter_of_trust() -> None:
    assert not any(loses_trust(logging.ERROR, RUNS, f"{start} and more") for start in HANDED_BACK)


def test_the_core_that_is_installed_says_these_words_in_these_rooms() -> None:
    """After an update of the SDK: look at its errors anew."""
    core = Path(temporal_sdk_bridge.__file__).read_bytes()
    words = [message.split(" 0198", maxsplit=1)[0] for _, message in LOST]
    rooms = {target for target, _ in LOST}
    assert [word for word in (*words, *HANDED_BACK, *rooms) if word.encode() not in core] == []
