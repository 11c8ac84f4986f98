"""Questions that no article answers are put on record, for those who write articles."""

import asyncio
import logging

from domain.case import CaseInput
from domain.errors import HeadgateError
from ports.knowledge import UnansweredRecord

_LOGGER = logging.getLogger("headgate.knowledge")


async def note_unanswered(record: UnansweredRecord | None, case: CaseInput, step: str, category: str) -> None:
    """Put a question on record; without the store it is not, since no case waits for that, nor pays a call again."""
    if record is None:  # a measurement
        return
    try:
        await asyncio.to_thread(record.write, case.case_id, step, category)
    except HeadgateError as error:
        _LOGGER.warning("that no article answers %s is not on record: %s", case.case_id, error)
