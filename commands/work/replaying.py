"""Start dead-lettered cases again: same case id, same keys for money, a new run."""

import asyncio
import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from client.starting import TemporalCaseStarter
from domain.deadletter import DeadLetterStatus, next_replay
from domain.errors import ImpossibleError, NotEndedError, TransientError

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
    letters = parts.store.dead_letters
    chosen: list[DeadLetterRecord] = (
        [letters.show(dead_letter_id)] if dead_letter_id else letters.list_letters(limit=100_000)
    )
    done = {}
    for row in chosen:
        if kind is not None and row.letter.kind != kind:
            continue
        try:
            said = await _replay_if_open(parts, headgate, row, dry_run=dry_run)
        except (NotEndedError, TransientError) as error:
            if dead_letter_id:
                raise
            said = f"not started: {error}"
        except ValueError:
            if dead_letter_id:
                raise
            continue
        done[row.letter.dead_letter_id] = said
        if not dry_run:
            await asyncio.sleep(1 / rate)
    return done


async def _replay_if_open(parts: "Parts", headgate: "Headgate", row: "DeadLetterRecord", *, dry_run: bool) -> str:
    """Replay a letter that is still open, and return what was done; all of them may take hours.

    Raises:
        ImpossibleError: it is not open any more.
        ValueError, NotEndedError, TransientError: as `_replay_letter` says.
    """
    letter = row.letter
    now = await asyncio.to_thread(parts.store.dead_letters.show, letter.dead_letter_id)
    if now.status is not DeadLetterStatus.OPEN:
        raise ImpossibleError(f"{letter.dead_letter_id} is {now.status}, only open ones can be replayed")
    if dry_run:
        return f"would start {letter.case_id} again ({letter.kind} at {letter.step})"
    await _replay_letter(parts, headgate, row)
    return f"{letter.case_id} started again"


async def _replay_letter(parts: "Parts", headgate: "Headgate", row: "DeadLetterRecord") -> None:
    """Start the case anew from its stored input. After a crash in between, replaying again is safe.

    Raises:
        ValueError: it was replayed before, and that ended; the letter is marked so now.
        NotEndedError, TransientError: not now.
    """
    store = parts.store
    case_id = row.letter.case_id
    try:
        case = await asyncio.to_thread(store.cases.set_replay, case_id, next_replay(row.letter.dead_letter_id))
    except NotEndedError:
        raise
    except ValueError:
        await _mark_replayed(parts, row)
        raise
    await TemporalCaseStarter(headgate.temporal).start_again(case)
    await _mark_replayed(parts, row)


async def _mark_replayed(parts: "Parts", row: "DeadLetterRecord") -> None:
    await asyncio.to_thread(
        parts.store.dead_letters.mark_replayed, row.letter.dead_letter_id, getpass.getuser(), datetime.now(UTC)
    )
