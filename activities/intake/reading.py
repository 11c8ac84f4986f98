"""Read a payload as the intake does: parsed strictly, cleaned, personal data replaced by tokens, its writer judged."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from domain.blueprint import CasePolicy
from domain.case import FORWARDED, MENDED, REPAIRED, SENT_FOR_ANOTHER, UNREAD, UNVOUCHED, WORDLESS, CaseInput, Machine
from domain.conversations.threads import (
    ThreadSigns,
    base_subject,
    usable_reference,
    usable_references,
    without_marks,
)
from domain.conversations.words import merged_vault, renamed
from domain.dead_letters.editing import LetterEdit, edited_input, why_not_taken
from domain.errors import PoisonError, WebhookRefusedError
from domain.inbound.cleaned import CleanDocument, CleanFlag
from domain.inbound.fields import read_fields
from domain.inbound.formats.charsets import decode_document, says_something
from domain.inbound.formats.labels import byte_order_mark
from domain.inbound.formats.mapping import SourceReading, reading_of
from domain.inbound.reference_ids import usable_id
from domain.inbound.side_fields import Notes, plain
from domain.inbound.webhook import DEFAULT_TENANT, JSON_TYPE, Attachment, Inbound, media_type, parse_webhook
from domain.repair.bodies import UNMENDED, body_of
from domain.repair.document import MendedDocument
from domain.repair.in_case import under_root
from domain.repair.kinds import DocumentKind
from domain.repair.told import personal_kind
from domain.writers.machine_words import MachineWords
from domain.writers.writer import Writer, given_address, writer_of
from ports.cleaner import MailCleaner
from ports.incoming.inbox import InboxItem
from ports.repair import DocumentMender
from ports.store import Renewed, StoredCase

PERSONAL = "(personal data)"  # stands where there was some; no id and no amount is read from it
SHORTEST_PERSONAL = 6  # characters: "a@b.de"
NO_KIND_OF_AN_ID = frozenset({"EMAIL", "PHONE", "NAME", "ADDRESS"})  # an address is never one (`usable_id`)

NOTHING_READABLE = "there is nothing readable in it"
ONLY_HIDDEN = "all of its text is hidden from a reader"
NO_WORDS = "no words of a customer came with the document: it is read by its fields"
BODY_UNREAD = "what it says, or a part of it, cannot be read: it is in a file, a picture or encrypted"
PICTURE_READ = "what it says is in a picture: a machine read it off and may have misread it"
WHOSE_WORDS = "the sender's own words cannot be told from quoted ones"
WAS_REFUSED = "it was not as a body has to be ({}), and could be read all the same"
MOSTLY_LOST = "too many of its characters cannot be decoded"


class MessageReader:
    """Reads payloads. `policy` supplies the blueprint's rules for a tenant as they are now; without a `mender` broken
    bodies are for people. `document_of` names the kind of documents that a source sends, empty where it sends none;
    one of `documents` that can ask for money by its fields needs no words of a customer.
    """

    def __init__(
        self,
        cleaner: MailCleaner,
        policy: Callable[[str], CasePolicy],
        machine_words: MachineWords,
        mender: DocumentMender | None = None,
        document_of: Callable[[str], str] = lambda _: "",
        documents: Mapping[str, DocumentKind] = MappingProxyType({}),
    ) -> None:
        self._cleaner = cleaner
        self._policy = policy
        self._machine_words = machine_words
        self._mender = mender
        self._document_of = document_of
        self._documents = documents

    def read(self, item: InboxItem) -> StoredCase:
        """Read and clean one payload.

        Raises:
            PoisonError: it cannot be read.
        """
        own = self._policy(DEFAULT_TENANT).mail.own
        for_person = None
        try:
            how = reading_of(item.reading)
            inbound = parse_webhook(item.content_type, item.body, how and how.of_the_source(), own=own)
        except WebhookRefusedError as e:
            if how is None or not how.malformed:
                raise PoisonError(str(e)) from e
            inbound, for_person = self._mended(item, how.of_the_source(), own, e.code)
        policy = self._policy(inbound.tenant)
        lang = None if inbound.lang == "und" else inbound.lang
        known = _known_values(inbound) | (_known_in_document(inbound.text) if inbound.wordless else {})
        if inbound.email:
            mail = self._cleaner.clean_email(inbound.mail or item.body, lang=lang, known=known)
            inbound.attachments = [Attachment(name=name) for name in mail.attachments]
            inbound.notes += mail.notes
            clean = mail.document
        else:
            clean = self._cleaner.clean(
                subject=inbound.subject, text=inbound.text, html=inbound.html, lang=lang, known=known
            )
        self._leave_out_personal(inbound, lang)
        writer = writer_of(inbound, clean.text, words=self._machine_words, own=own)
        if for_person is not None:
            writer = writer._replace(for_person=for_person)
        stored = _stored_case(item, inbound, clean, policy, writer)
        if not inbound.email and writer.machine is None and media_type(item.content_type) == JSON_TYPE:
            case = stored.case.model_copy(update={"document": self._document_of(item.source)})
            stored = stored.model_copy(update={"case": case})
        if how is None or not how.malformed:
            return stored
        return _tainted(stored, WORDLESS if inbound.wordless else UNREAD if for_person == UNMENDED else REPAIRED)

    def _mended(
        self, item: InboxItem, reading: SourceReading | None, own: Sequence[str], code: str
    ) -> tuple[Inbound, str | None]:
        """Return what a broken body says, and why a person has to read it, None where nobody has to.

        Its source has one tenant; a body that names another one is for a person there.
        """
        text, mark = decode_document(item.body), byte_order_mark(item.body)
        elsewise = f"it was written in {mark[1]} and has been decoded" if mark is not None else WAS_REFUSED.format(code)
        notes = [f"it could not be read ({code.replace('_', ' ')})"]
        if self._mender is not None and media_type(item.content_type) == JSON_TYPE:
            mended = self._mender.mend(text)
            body = body_of(mended, reading, whole=elsewise)
            if body.fields is None:
                notes += body.notes
            alone = None if body.fields is None else self._document_alone(item.source, mended)
            with suppress(WebhookRefusedError):
                inbound = read_fields(dict(body.fields or {}), reading, own=own, needs_words=alone is None)
                if inbound.tenant in (item.tenant, DEFAULT_TENANT):
                    inbound.tenant = item.tenant
                    if alone is not None and not (says_something(inbound.text) or says_something(inbound.html)):
                        inbound.wordless, inbound.text, inbound.html = True, alone, None
                        notes = [NO_WORDS, *(body.notes if mended.tainted else [])]
                    else:
                        notes = body.notes
                    inbound.notes = [*notes, *inbound.notes]
                    return inbound, None
        return Inbound(tenant=item.tenant, text=text, notes=notes), UNMENDED

    def _document_alone(self, source: str, body: MendedDocument) -> str | None:
        """Return a document as text where its kind can ask for money back without a word beside it, else None."""
        kind = self._documents.get(self._document_of(source))
        if kind is None or kind.claim is None:
            return None
        document = under_root(body, kind.root)
        if not document.found or not kind.is_marked(document.value):
            return None
        return json.dumps(plain(document.value, Notes()), ensure_ascii=False, indent=1)

    def read_edit(self, stored: StoredCase, edits: Sequence[LetterEdit]) -> Renewed:
        """Return a case with the newest of its edits, read and cleaned as if it had just come in.

        Raises:
            PoisonError: it cannot be read, or not in place of what the case came with.
        """
        edit = edits[-1]
        source, event_id = edit.case_id.split("/", 2)[1:]
        item = InboxItem(
            case_id=edit.case_id,
            source=source,
            event_id=event_id,
            content_type=edit.content_type,
            body=edit.body,
            digest="",
            received_at=stored.case.received_at,
            reading=edit.reading,
        )
        fresh = self.read(item)
        if why := why_not_taken(stored.case, fresh.case):
            raise PoisonError(why)
        vault, names = merged_vault(stored.vault, fresh.vault)
        texts = {name: renamed(getattr(fresh.case, name), names) for name in ("subject", "text")}
        case = edited_input(stored.case, fresh.case.model_copy(update=texts), edits)
        return Renewed(edits=len(edits), case=case, vault=vault, sender=(fresh.sender_email, fresh.sender_name))

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


def _tainted(stored: StoredCase, why: str) -> StoredCase:
    """Say on a case that its body was broken, or no message of a customer's."""
    case = stored.case.model_copy(update={"flags": [*stored.case.flags, MENDED, why]})
    return stored.model_copy(update={"case": case})


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


def _unreadable(clean: CleanDocument) -> str | None:
    """Return why nothing may be decided on these words; a subject alone does not say what the message says."""
    if CleanFlag.PICTURE_TEXT in clean.flags:
        return PICTURE_READ
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


def _known_in_document(text: str | None) -> dict[str, str]:
    """Return the values of a document's fields that are called like personal data, by kind of token."""
    fields = json.loads(text or "{}", parse_int=str, parse_float=str)  # a card's number is one, too
    kinds = {name: personal_kind(name) for name, value in fields.items() if isinstance(value, str)}
    return {f"{kind}_{name}": fields[name] for name, kind in kinds.items() if kind}


def _known_values(inbound: Inbound) -> dict[str, str]:
    """Return the sender's own data by kind of token, so that the cleaner finds them in the text too."""
    address = given_address(inbound)
    values = {"email": address, "name": inbound.customer_name, "name_at_the_end": _name_in(address)}
    return {kind: value for kind, value in values.items() if value}
