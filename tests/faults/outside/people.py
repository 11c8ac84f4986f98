"""People who decide: approve, reject, both at once, without being entitled, cancel, or say nothing."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from temporalio.service import RPCError

from client.deciding.approver_token import own_key
from client.headgate import Headgate
from domain.authority.signed import sign
from domain.errors import HeadgateError, UseError
from domain.money.approval import ApprovalDecision, ApprovalView, Verdict
from tests.faults.outside.storms import now
from tests.faults.plan import Event
from tests.faults.records import Book, Decided

LOOK_EVERY_S = 3.0
TRIES = 5
_AWAY = (HeadgateError, UseError, RPCError, RuntimeError, OSError, ValueError, TimeoutError)


class People:
    """Looks at what waits for approval and decides it as planned, by the library that programs use."""

    def __init__(self, data_dir: Path, events: dict[str, Event], decided: Book) -> None:
        self._data_dir = data_dir
        self._events = events
        self._decided = decided
        self._asked: dict[str, int] = {}

    async def decide_until(self, stop: asyncio.Event) -> None:
        """Decide until told to stop; a Headgate that does not answer is asked again."""
        while not stop.is_set():
            with suppress(*_AWAY):
                async with asyncio.timeout(30), await Headgate.connect(self._data_dir) as headgate:
                    pending = await headgate.approvals.pending()
                    for view in pending.views:
                        await self._consider(headgate, view)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)

    async def _consider(self, headgate: Headgate, view: ApprovalView) -> None:
        event = self._events.get(view.case_id.rpartition("/")[2])
        times = self._asked.get(view.approval_id, 0)
        if event is None or event.verdict == "leave" or times >= TRIES:
            return
        self._asked[view.approval_id] = times + 1
        if event.verdict == "cancel":
            await self._say(view, "cancel", "faults", headgate.cases.cancel(view.case_id))
        elif event.verdict == "both":
            await asyncio.gather(
                self._decide(headgate, view, Verdict.APPROVE, "finance"),
                self._decide(headgate, view, Verdict.REJECT, "dana"),
            )
        elif event.verdict == "requester":
            await self._decide(headgate, view, Verdict.APPROVE, event.asked.customer_id, entitled=False)
        else:
            await self._decide(headgate, view, Verdict(event.verdict), "finance")

    async def _decide(
        self, headgate: Headgate, view: ApprovalView, verdict: Verdict, by: str, *, entitled: bool = True
    ) -> None:
        decision = ApprovalDecision(
            approval_id=view.approval_id, digest=view.digest, verdict=verdict, by=by, reason="as planned"
        )
        signed = sign(decision, own_key(by if entitled else "finance", self._data_dir, {}), datetime.now(UTC))
        await self._say(view, str(verdict), by, headgate.approvals.decide(signed), entitled=entitled)

    async def _say(
        self, view: ApprovalView, verdict: str, by: str, saying: Awaitable[object], *, entitled: bool = True
    ) -> None:
        at, counted = now(), None
        try:
            answer = await saying
            counted = bool(getattr(answer, "accepted", True))
        except _AWAY:
            pass  # it may have counted all the same
        finally:  # so it may where nobody waits for the answer any longer
            event_id = view.case_id.rpartition("/")[2]
            self._decided.write(Decided(event_id, verdict, by, at, now(), counted, entitled))
