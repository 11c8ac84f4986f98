"""Start dead-lettered cases again: same case id, same keys for money, a new run."""

import asyncio
import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from client.starting import TemporalCaseStarter
from domain.deadletter import next_replay
from domain.errors import ImpossibleError, TransientError

if TYPE_CHECKING:
    from client.headgate import Headgate
    from domain.deadletter import DeadLetterRecord
    from workers.bootstrap import Parts


async def replay_letters(
    parts: "Parts", headgate: "Headgate", *, dead_letter_id: str | None, kind: str | None, rate: float, dry_run: bool
) -> dict[str, str]:
    """Replay one dead letter, or all open ones of a kind, at `rate` per second; return what was done with each.

    Of all, those that somebody else replays or discards meanwhile are left out.

    Raises:
        KeyError: there is no such dead letter.
        ImpossibleError: it is not open any more.
        NotEndedError, TransientError: its case has not ended yet, or Temporal does not take it now.
    """
    from domain.deadletter import DeadLetterStatus
    from domain.errors import NotEndedError

    letters = parts.store.dead_letters
    chosen: list[DeadLetterRecord] = (
        [letters.show(dead_letter_id)] if dead_letter_id else letters.list_letters(limit=100_000)
    )
    done = {}
    for row in chosen:
        if kind is not None and row.letter.kind != kind:
            continue
        standing = await asyncio.to_thread(letters.show, row.letter.dead_letter_id)  # all of them may take hours
        if standing.status is not DeadLetterStatus.OPEN:
            if dead_letter_id:
                raise ImpossibleError(f"{dead_letter_id} is {standing.status}, only open ones can be replayed")
            continue
        if dry_run:
            would = f"would start {row.letter.case_id} again ({row.letter.kind} at {row.letter.step})"
            done[row.letter.dead_letter_id] = would
            continue
        try:
            await _replay(parts, headgate, row)
        except (NotEndedError, TransientError) as error:
            if dead_letter_id:
                raise
            done[row.letter.dead_letter_id] = f"not started: {error}"
            continue
        except ValueError:
            if dead_letter_id:
                raise
            continue
        done[row.letter.dead_letter_id] = f"{row.letter.case_id} started again"
        await asyncio.sleep(1 / rate)
    return done


async def _replay(parts: "Parts", headgate: "Headgate", row: "DeadLetterRecord") -> None:
    """Take the case's stored input and start it; a crash in between is mended by replaying again.

    Raises:
        ValueError: it was replayed before, and that ended; the letter is marked so now.
        NotEndedError, TransientError: not now.
    """
    from domain.errors import NotEndedError

    store = parts.store
    case_id = row.letter.case_id
    try:
        case = await asyncio.to_thread(store.cases.set_replay, case_id, next_replay(row.letter.dead_letter_id))
    except NotEndedError:
        raise
    except ValueError:
        await _mark(parts, row)
        raise
    await TemporalCaseStarter(headgate.temporal).start_again(case)
    await _mark(parts, row)


async def _mark(parts: "Parts", row: "DeadLetterRecord") -> None:
    await asyncio.to_thread(
        parts.store.dead_letters.mark_replayed, row.letter.dead_letter_id, getpass.getuser(), datetime.now(UTC)
    )
