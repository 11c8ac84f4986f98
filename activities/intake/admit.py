"""Let a batch in: take payloads from the holding pen, read and clean each, store them, start their cases.

A crash at any point leads to the same cases: nothing is acknowledged before its case was started, storing and starting
are idempotent by case id, and a payload that comes again is started with the input that was stored first.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import MappingProxyType

from pydantic import BaseModel, Field
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.clock import Clock, utc_now
from activities.heartbeat import heartbeating
from activities.intake.reading import NOTHING_READABLE, MessageReader
from domain.blueprint import CasePolicy
from domain.case import CaseInput, CaseOutcome, CaseState
from domain.conversations.threads import (
    SOMEBODY_ELSES,
    Speaker,
    conversation_of,
)
from domain.deadletter import Attempt, DeadLetter, letter_id
from domain.errors import HeadgateError, PoisonError, TransientError, failure_kind
from domain.inbound.cleaned import CleanFlag
from domain.inbound.webhook import DEFAULT_TENANT
from domain.repair.kinds import DocumentKind
from domain.writers.machine_words import MachineWords
from ports.cleaner import MailCleaner
from ports.incoming.inbox import Inbox, InboxItem
from ports.repair import DocumentMender
from ports.starter import CaseStarter
from ports.store import CaseStore, CustomerRecords, DeadLetterStore, StoredCase, named_by

_HEARTBEAT_S = 1.5  # a third of the workflow's heartbeat timeout
LOOK_UP_S = 1.0  # a worker that is to stop does not wait longer than this for payloads
_STEP = "admit"
READ_WITHIN_S = 10.0  # cleaning promises two; a payload that takes longer is left for another time, the others go on
TOO_SLOW_AFTER = 2  # deliveries: once it may be the machine that was busy
ALONE_AFTER, BURIED_AFTER = 3, 5  # deliveries: of what was never acknowledged, something may kill the process


class _TooSlowError(Exception):
    """A payload could not be read in time, and may be the next time."""


class AdmitRequest(BaseModel):
    """How many payloads to take at most, how long to wait for the first, and for how long to hold them; seconds."""

    limit: int = Field(ge=1, le=1000)
    wait_s: float = Field(default=5.0, ge=0)
    lease_s: float = Field(default=60.0, gt=0)


class AdmitResult(BaseModel):
    """What became of a batch: cases started (`human` of them for a person), unreadable payloads."""

    admitted: int = 0
    poison: int = 0
    human: int = 0


class AdmitActivities:
    """The activity of `IntakeWorkflow`. `policy` supplies the blueprint's rules for a tenant as they are now."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        cases: CaseStore,
        cleaner: MailCleaner,
        starter: CaseStarter,
        dead_letters: DeadLetterStore,
        policy: Callable[[str], CasePolicy],
        machine_words: MachineWords,
        records: CustomerRecords | None = None,
        mender: DocumentMender | None = None,
        document_of: Callable[[str], str] = lambda _: "",
        documents: Mapping[str, DocumentKind] = MappingProxyType({}),
        clock: Clock = utc_now,
    ) -> None:
        self._inbox = inbox
        self._cases = cases
        self._messages = MessageReader(cleaner, policy, machine_words, mender, document_of, documents)
        self._starter = starter
        self._dead_letters = dead_letters
        self._policy = policy
        self._records = records
        self._clock = clock
        self._reader = _new_reader()

    @activity.defn
    async def admit_batch(self, request: AdmitRequest) -> AdmitResult:
        """Wait for payloads, then let them in; each that cannot be read becomes a dead letter of its own.

        Raises:
            ApplicationError: pen, store or Temporal is away; what was taken comes back when its lease ends.
        """
        try:
            async with heartbeating(_HEARTBEAT_S):
                items = await self._wait_for_payloads(request)
                return await self._admit_or_release(items) if items else AdmitResult()
        except TransientError as e:
            # No ladder here: whatever is away, the pen keeps its payloads, and Temporal tries again until they are in.
            raise ApplicationError(str(e), type=TransientError.__name__) from e

    async def _admit_or_release(self, items: Sequence[InboxItem]) -> AdmitResult:
        """Let a batch in; where store or Temporal is away nothing in it is to blame, so that time does not count."""
        try:
            return await self._admit(items)
        except TransientError:
            with suppress(TransientError):  # then it comes back when its lease ends
                await self._inbox.release([item.case_id for item in items])
            raise
        except asyncio.CancelledError:  # paused, or this worker was given up; who comes next may take it at once
            with suppress(TransientError):
                await asyncio.shield(self._inbox.release([item.case_id for item in items]))
            raise

    async def _wait_for_payloads(self, request: AdmitRequest) -> Sequence[InboxItem]:
        left_s = request.wait_s
        while True:
            items = await self._inbox.lease(request.limit, request.lease_s, wait_s=min(left_s, LOOK_UP_S))
            left_s -= LOOK_UP_S
            if items or left_s <= 0 or activity.is_worker_shutdown():
                return items

    async def _admit(self, items: Sequence[InboxItem]) -> AdmitResult:
        """Let a batch in: together, or one after the other where something in it came again and again.

        Alone, each is acknowledged before the next one is touched. So whatever kills the process soon stands first, and
        is buried unread.
        """
        if all(_vain(item) <= ALONE_AFTER for item in items):
            return await self._admit_together(items)
        total = AdmitResult()
        for number, item in enumerate(items):
            fatal = number == 0 and _vain(item) > BURIED_AFTER
            one = await self._admit_together([item], unread=f"taken {_vain(item)} times in vain" if fatal else "")
            total.admitted += one.admitted
            total.poison += one.poison
            total.human += one.human
        return total

    async def _admit_together(self, items: Sequence[InboxItem], *, unread: str = "") -> AdmitResult:
        readable: list[StoredCase] = []
        poison: list[tuple[StoredCase, Exception]] = []
        late: set[str] = set()
        for item in items:
            stored = await asyncio.to_thread(self._stored, item) if item.deliveries > 1 else None
            if stored is not None and _was_read(stored):
                readable.append(stored)
                continue
            try:
                readable.append(await self._read(item, item.fault or unread))
            except _TooSlowError:  # it comes back when its lease ends
                late.add(item.case_id)
            except Exception as e:  # noqa: BLE001 - one payload that meets a bug must not hold up all others
                poison.append((_unread_case(item, self._policy(DEFAULT_TENANT)), e))
        readable = await asyncio.to_thread(self._in_conversations, readable)
        await asyncio.to_thread(self._cases.admit, readable + [stored for stored, _ in poison])
        for stored, error in poison:
            await self._bury(stored, error)
        # One that has ended had its run, though pen and Temporal may have forgotten it: only people ask for another.
        ended = await asyncio.to_thread(self._cases.ended, [stored.case.case_id for stored in readable])
        await self._starter.start([stored.case for stored in readable if stored.case.case_id not in ended])
        await self._inbox.ack([item.case_id for item in items if item.case_id not in late])
        human = sum(stored.case.skip_to_human is not None for stored in readable)
        return AdmitResult(admitted=len(readable), poison=len(poison), human=human)

    def _in_conversations(self, batch: Sequence[StoredCase]) -> list[StoredCase]:
        """Return the cases with the older ones that they continue; those may stand in the same batch, before them."""
        done: list[StoredCase] = []
        for stored in batch:
            done.append(self._in_conversation(stored, done))
        return done

    def _in_conversation(self, stored: StoredCase, before: Sequence[StoredCase]) -> StoredCase:
        """Return the case with the older one that it continues; a machine's message continues nothing."""
        case = stored.case
        if case.machine is not None or not case.policy.waits_for_customers:
            return stored
        about = self._cases.asked_about(stored)
        older, of_others = self._older(stored, before) if stored.signs else (None, False)
        notes = [*case.notes, SOMEBODY_ELSES] if of_others else case.notes
        update = {"continues": older, "notes": notes, "open_about": [waits for waits in about if waits != older]}
        return stored.model_copy(update={"case": case.model_copy(update=update)})

    def _older(self, stored: StoredCase, before: Sequence[StoredCase]) -> tuple[str | None, bool]:
        found = [*self._cases.earlier_cases(stored), *(e for one in before if (e := named_by(stored, one)) is not None)]
        return conversation_of(self._speaker(stored) if found else stored.speaker, found)

    def _speaker(self, stored: StoredCase) -> Speaker:
        """Return who wrote a message, with the address on record of one of whom only the customer id is named."""
        speaker = stored.speaker
        if self._records is None or speaker.address is not None or speaker.customer_id is None:
            return speaker
        try:
            known = self._records.address_of(tenant=speaker.tenant, customer_id=speaker.customer_id)
        except HeadgateError:  # records that are away hold up no message: it is a case of its own
            return speaker
        return speaker.model_copy(update={"known_address": known})

    def _stored(self, item: InboxItem) -> StoredCase | None:
        """Return the case that an earlier try stored: it keeps the input of that try, whatever would be read today."""
        with suppress(KeyError):
            return self._cases.load(item.case_id)
        return None

    async def _read(self, item: InboxItem, unread: str) -> StoredCase:
        """Read and clean one payload, in a thread that is left behind if it does not come back.

        Raises:
            PoisonError: it cannot be read, or not in time again, or is not to be (`unread` says why).
            _TooSlowError: it cannot be read in time, for the first time.
        """
        if unread:
            raise PoisonError(unread)
        reading = asyncio.get_running_loop().run_in_executor(self._reader, self._messages.read, item)
        try:
            return await asyncio.wait_for(reading, READ_WITHIN_S)
        except TimeoutError:
            self._reader.shutdown(wait=False)
            self._reader = _new_reader()
            if _vain(item) < TOO_SLOW_AFTER:
                raise _TooSlowError from None
            raise PoisonError(f"it could not be read within {READ_WITHIN_S:g} s, twice") from None

    async def _bury(self, stored: StoredCase, error: Exception) -> None:
        case, kind = stored.case, failure_kind(type(error).__name__)
        # The message of an error that nobody foresaw may quote the payload.
        why = str(error) if isinstance(error, PoisonError) else f"{type(error).__name__} while reading it"
        now = self._clock()
        letter = DeadLetter(
            dead_letter_id=letter_id(case.case_id, case.replay),
            case_id=case.case_id,
            source=case.source,
            step=_STEP,
            kind=kind,
            attempts=[Attempt(step=_STEP, error_type=type(error).__name__, message=why, at=now)],
            last_error=why,
            payload_ref=f"store:cases/{case.case_id}",
            blueprint_version=case.policy.version,
            at=now,
        )
        outcome = CaseOutcome(
            case_id=case.case_id,
            source=case.source,
            tenant=case.tenant,
            state=CaseState.DEAD_LETTERED,
            finding="its payload cannot be read",
            blueprint_version=case.policy.version,
            dead_letter_id=letter.dead_letter_id,
            received_at=case.received_at,
            closed_at=now,
        )
        await asyncio.to_thread(self._dead_letters.bury, letter)
        await asyncio.to_thread(self._cases.close, outcome, None)


def _vain(item: InboxItem) -> int:
    """Return how often a payload was taken and nobody said why it was not let in: it may kill whoever reads it."""
    return item.deliveries - item.excused


def _new_reader() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="reader")


def _unread_case(item: InboxItem, policy: CasePolicy) -> StoredCase:
    """Keep the raw bytes of a payload that cannot be read, under a case that no model sees if it is replayed."""
    case = CaseInput(
        case_id=item.case_id,
        source=item.source,
        text="",
        flags=[str(CleanFlag.UNDECODABLE)],
        received_at=item.received_at,
        policy=policy,
        skip_to_human=NOTHING_READABLE,
    )
    return StoredCase(case=case, content_type=item.content_type, body=item.body, chars_in=len(item.body))


def _was_read(stored: StoredCase) -> bool:
    return bool(stored.case.text or stored.case.subject)
