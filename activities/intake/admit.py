"""Let a batch in: take payloads from the holding pen, read and clean each, store them, start their cases.

A crash at any point leads to the same cases: nothing is acknowledged before its case was started, storing and starting
are idempotent by case id, and a payload that comes again is started with the input that was stored first.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from pydantic import BaseModel, Field
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.clock import Clock, utc_now
from activities.heartbeat import heartbeating
from domain.blueprint import CasePolicy
from domain.case import FORWARDED, SENT_FOR_ANOTHER, UNVOUCHED, CaseInput, CaseOutcome, CaseState, Machine
from domain.conversations.threads import (
    SOMEBODY_ELSES,
    Speaker,
    ThreadSigns,
    base_subject,
    conversation_of,
    usable_reference,
    usable_references,
    without_marks,
)
from domain.deadletter import Attempt, DeadLetter, letter_id
from domain.errors import HeadgateError, PoisonError, TransientError, WebhookRefusedError, failure_kind
from domain.inbound.cleaned import CleanDocument, CleanFlag
from domain.inbound.formats.mapping import reading_of
from domain.inbound.reference_ids import usable_id
from domain.inbound.webhook import DEFAULT_TENANT, Attachment, Inbound, parse_webhook
from domain.writers.machine_words import MachineWords
from domain.writers.writer import Writer, given_address, writer_of
from ports.cleaner import MailCleaner
from ports.inbox import Inbox, InboxItem
from ports.starter import CaseStarter
from ports.store import CaseStore, CustomerRecords, DeadLetterStore, StoredCase, named_by

_HEARTBEAT_S = 1.5  # a third of the workflow's heartbeat timeout
LOOK_UP_S = 1.0  # a worker that is to stop does not wait longer than this for payloads
_STEP = "admit"
PERSONAL = "(personal data)"  # stands where there was some; no id and no amount is read from it
SHORTEST_PERSONAL = 6  # characters: "a@b.de"
NO_KIND_OF_AN_ID = frozenset({"EMAIL", "PHONE", "NAME", "ADDRESS"})  # an address is never one (`usable_id`)
READ_WITHIN_S = 10.0  # cleaning promises two; beyond this a payload is given up on, and the others go on
ALONE_AFTER, BURIED_AFTER = 3, 5  # deliveries: of what was never acknowledged, something may kill the process

NOTHING_READABLE = "there is nothing readable in it"
ONLY_HIDDEN = "all of its text is hidden from a reader"
BODY_UNREAD = "what it says, or a part of it, cannot be read: it is in a file, a picture or encrypted"
WHOSE_WORDS = "the sender's own words cannot be told from quoted ones"
MOSTLY_LOST = "too many of its characters cannot be decoded"


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
        clock: Clock = utc_now,
    ) -> None:
        self._inbox = inbox
        self._cases = cases
        self._cleaner = cleaner
        self._starter = starter
        self._dead_letters = dead_letters
        self._policy = policy
        self._machine_words = machine_words
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
        for item in items:
            stored = await asyncio.to_thread(self._stored, item) if item.deliveries > 1 else None
            if stored is not None and _was_read(stored):
                readable.append(stored)
                continue
            try:
                readable.append(await self._read(item, item.fault or unread))
            except Exception as e:  # noqa: BLE001 - one payload that meets a bug must not hold up all others
                poison.append((_unread_case(item, self._policy(DEFAULT_TENANT)), e))
        readable = await asyncio.to_thread(self._in_conversations, readable)
        await asyncio.to_thread(self._cases.admit, readable + [stored for stored, _ in poison])
        for stored, error in poison:
            await self._bury(stored, error)
        # One that was replayed meanwhile had its run: its stored input is that of a replay, which only people ask for.
        await self._starter.start([stored.case for stored in readable if not stored.case.replay])
        await self._inbox.ack([item.case_id for item in items])
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
            PoisonError: it cannot be read, or not in time, or is not to be (`unread` says why).
        """
        if unread:
            raise PoisonError(unread)
        reading = asyncio.get_running_loop().run_in_executor(self._reader, self._prepare, item)
        try:
            return await asyncio.wait_for(reading, READ_WITHIN_S)
        except TimeoutError:
            self._reader.shutdown(wait=False)
            self._reader = _new_reader()
            raise PoisonError(f"it could not be read within {READ_WITHIN_S:g} s") from None

    def _prepare(self, item: InboxItem) -> StoredCase:
        """Read and clean one payload.

        Raises:
            PoisonError: it cannot be read.
        """
        own = self._policy(DEFAULT_TENANT).mail.own
        try:
            inbound = parse_webhook(item.content_type, item.body, reading_of(item.reading), own=own)
        except WebhookRefusedError as e:
            raise PoisonError(str(e)) from e
        policy = self._policy(inbound.tenant)
        lang = None if inbound.lang == "und" else inbound.lang
        known = _known_values(inbound)
        if inbound.email:
            mail = self._cleaner.clean_email(inbound.mail or item.body, lang=lang, known=known)
            inbound.attachments = [Attachment(name=name) for name in mail.attachments]
            clean = mail.document
        else:
            clean = self._cleaner.clean(
                subject=inbound.subject, text=inbound.text, html=inbound.html, lang=lang, known=known
            )
        self._leave_out_personal(inbound, lang)
        writer = writer_of(inbound, clean.text, words=self._machine_words, own=own)
        return _stored_case(item, inbound, clean, policy, writer)

    def _leave_out_personal(self, inbound: Inbound, lang: str | None) -> None:
        """Keep personal data out of the fields that stand in histories as they came; such an amount is for a person."""

        def kinds(value: str | None) -> set[str]:
            if value is None or len(value) < SHORTEST_PERSONAL:
                return set()
            found = self._cleaner.clean(subject="", text=value, html=None, lang=lang).vault
            return {token.strip("[]").rpartition("_")[0] for token in found}

        if kinds(inbound.amount):
            inbound.amount = PERSONAL
        if kinds(inbound.currency):
            inbound.currency = None
        # A long number is an id more often than a telephone's, and words of an id make no name or street.
        if kinds(inbound.order_id) - NO_KIND_OF_AN_ID:
            inbound.order_id = PERSONAL
        if kinds(inbound.customer_id) - NO_KIND_OF_AN_ID:
            inbound.customer_id = PERSONAL

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


def _stored_case(
    item: InboxItem, inbound: Inbound, clean: CleanDocument, policy: CasePolicy, writer: Writer
) -> StoredCase:
    clean = clean.model_copy(update={"subject": without_marks(clean.subject), "text": without_marks(clean.text)})
    customer_id, order_id = usable_id(inbound.customer_id), usable_id(inbound.order_id)
    flags = [str(flag) for flag in clean.flags]
    flags += ["unusable_customer_id"] if inbound.customer_id and not customer_id else []
    flags += ["unusable_order_id"] if inbound.order_id and not order_id else []
    flags += ["attachments"] if inbound.attachments else []
    flags += [FORWARDED] if writer.forwarded and FORWARDED not in flags else []
    for_another = inbound.from_address is not None and inbound.customer_email not in (None, inbound.from_address)
    flags += [SENT_FOR_ANOTHER] if for_another else []
    flags += [UNVOUCHED] if for_another and not writer.vouched else []
    flags += [str(CleanFlag.UNDECODABLE)] if inbound.undecodable and CleanFlag.UNDECODABLE not in clean.flags else []
    case = CaseInput(
        case_id=item.case_id,
        source=item.source,
        tenant=inbound.tenant,
        channel=inbound.channel,
        lang=clean.lang if clean.lang != "und" else inbound.lang,
        subject=clean.subject,
        text=clean.text,
        customer_id=customer_id,
        order_id=order_id,
        amount=inbound.amount,
        currency=inbound.currency,
        flags=flags,
        suspicious=clean.suspicious or inbound.undecodable,  # a lost "not" would turn a message round
        received_at=item.received_at,
        policy=policy,
        priority=item.priority,
        skip_to_human=None if writer.machine else writer.for_person or _unreadable(clean),
        machine=writer.machine,
        about_case=inbound.about_case if writer.machine is Machine.BOUNCE else None,
        notes=[*inbound.notes, *writer.notes],
    )
    return StoredCase(
        case=case,
        vault=clean.vault,
        sender_email=writer.address,
        sender_name=inbound.customer_name,
        content_type=item.content_type,
        body=item.body,
        tokens_in=clean.tokens_in,
        tokens_out=clean.tokens_out,
        chars_in=clean.chars_in,
        chars_out=clean.chars_out,
        message_id=usable_reference(inbound.message_id),
        thread_id=usable_reference(inbound.thread_id),
        signs=ThreadSigns(
            references=usable_references(inbound.references),
            marks=clean.marks,
            thread_id=usable_reference(inbound.thread_id),
            subject=base_subject(inbound.subject) if inbound.references else None,
        ),
    )


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


def _unreadable(clean: CleanDocument) -> str | None:
    """Return why nothing may be decided on these words; a subject alone does not say what the message says."""
    if CleanFlag.BODY_UNREAD in clean.flags:
        return BODY_UNREAD
    if CleanFlag.WHOSE_WORDS in clean.flags:
        return WHOSE_WORDS
    if clean.mostly_lost:
        return MOSTLY_LOST
    if clean.text.strip() or clean.subject.strip():
        return None
    return ONLY_HIDDEN if CleanFlag.HIDDEN_TEXT in clean.flags else NOTHING_READABLE


def _name_in(address: str | None) -> str:
    """Return the words of an address that may be its owner's name: "seun.adeyemi@…" signs as Seun."""
    words = re.findall(r"[^\W\d_]{3,}", (address or "").partition("@")[0])
    return " ".join(word.capitalize() for word in words)


def _known_values(inbound: Inbound) -> dict[str, str]:
    """Return the sender's own data by kind of token, so that the cleaner finds them in the text too."""
    address = given_address(inbound)
    values = {"email": address, "name": inbound.customer_name, "name_at_the_end": _name_in(address)}
    return {kind: value for kind, value in values.items() if value}
