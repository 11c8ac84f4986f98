"""Whether Temporal's core can still be trusted with workflow runs, by what it logs: one pure rule.

Core checks rules of its own about the runs it holds, and where one is broken it logs an error and goes on. A run that
this happened to may stand still until its worker ends (seen with a full cache: "Extra buffered run should not have
produced an activation"). A new process replays it, and all is well again.
"""

import logging

START_ANEW = 75
"""The exit code of a process that is to be started anew: what sysexits.h calls a failure that passes (EX_TEMPFAIL)."""
_WORKER = "temporalio_sdk_core::worker"
_LOCAL_ACTIVITIES = f"{_WORKER}::activities::local_activities"
_RUNS = f"{_WORKER}::workflow"
_MACHINES = f"{_RUNS}::machines"
"""What one history does to its own state machines; a new process would meet it again."""

HANDED_BACK = (
    "We expected to be able to fetch more events",
    "Server issued both normal and legacy queries",
    "Server returned an unparseable workflow task",
    "Server sent more activities for eager execution",
)
"""How errors begin after which the server has the task again, or gives it out again once its time is over."""


def loses_trust(level: int, target: str, message: str) -> bool:
    """Tell whether a line of core says that runs of this process may stand still until it ends.

    >>> loses_trust(logging.ERROR, "temporalio_sdk_core::worker::workflow::managed_run", "Ready for queries …")
    True

    Args:
        level: as in `logging`.
        target: the module of core that speaks.
        message: what it says, without fields.
    """
    if level < logging.ERROR or message.startswith(HANDED_BACK):
        return False
    return target in (_WORKER, _LOCAL_ACTIVITIES) or (_within(target, _RUNS) and not _within(target, _MACHINES))


def _within(target: str, room: str) -> bool:
    return target == room or target.startswith(f"{room}::")
