"""Who wrote a message and who a letter on it goes to, or why only a person can tell.

Nothing is guessed here: an address that stands in the text is a hint for people.
"""

from collections.abc import Sequence
from typing import NamedTuple

from domain.case import Machine
from domain.inbound.machine import MachineVerdict
from domain.inbound.webhook import Inbound
from domain.mail.addresses import ADDRESS, is_daemon, is_no_reply, is_own, may_receive, vouches_for
from domain.writers.machine_words import MachineWords, asks_for_something


class Writer(NamedTuple):
    """Who a message is from: the address that letters go to, if one may; the machine that wrote it, if one did; why a
    person looks at it first, if one must. Not `vouched` for is who is only named beside a From of strangers.
    """

    address: str | None = None
    machine: Machine | None = None
    for_person: str | None = None  # no personal data
    forwarded: bool = False
    notes: tuple[str, ...] = ()
    vouched: bool = True


def writer_of(inbound: Inbound, text: str, *, words: MachineWords, own: Sequence[str]) -> Writer:
    """Return who wrote a message.

    Args:
        inbound: the message as it came.
        text: its cleaned text, with tokens in place of personal data.
        words: the blueprint's words of machines.
        own: our own addresses.
    """
    given = given_address(inbound)
    address = given if may_receive(given, own) else None
    forwarded = words.is_forwarded(inbound.subject, text)
    verdict = _verdict(inbound, text, words)
    if verdict is not None:
        if verdict.sure:
            note = f"written by a machine: {verdict.sign}" if verdict.sign else "written by a machine"
            return Writer(address, verdict.machine, forwarded=forwarded, notes=(note,))
        perhaps = f"it may be written by a machine ({verdict.sign}): nothing was answered"
        return Writer(address, for_person=perhaps, forwarded=forwarded)
    doubt = None if address or inbound.customer_id else _nobody_known(inbound, text, words, own, forwarded=forwarded)
    hint = words.forwarded_from(text) if forwarded and doubt is None else None
    notes = (f"it was forwarded; what was forwarded may be from {hint}",) if hint else ()
    vouched = inbound.from_address is None or address is None or vouches_for(inbound.from_address, address, own)
    return Writer(address, for_person=doubt, forwarded=forwarded, notes=notes, vouched=vouched)


def given_address(inbound: Inbound) -> str | None:
    """Return the sender's address: one given as the customer's id counts when no other is there."""
    if inbound.customer_email is not None or inbound.customer_id is None:
        return inbound.customer_email
    return inbound.customer_id if ADDRESS.fullmatch(inbound.customer_id) else None


def _verdict(inbound: Inbound, text: str, words: MachineWords) -> MachineVerdict | None:
    """Join what the headers say with what the words say: two doubtful signs of different kinds are no doubt any more,
    unless a mailing list handed the message on, or it asks for something.
    """
    by_words = words.verdict(inbound.subject, text, answers=bool(inbound.references))
    if inbound.machine is None:
        if is_daemon(given_address(inbound) or ""):
            return MachineVerdict(Machine.BOUNCE, sure=True, sign="sent by a mail server")
        return by_words
    by_headers = MachineVerdict(inbound.machine, inbound.machine_sure, inbound.machine_sign)
    if by_headers.sure or by_words is None or by_headers.machine is Machine.LIST:
        return by_headers
    sign = f"{by_headers.sign}, and {by_words.sign}"
    return MachineVerdict(by_words.machine, sure=not asks_for_something(text), sign=sign)


def _nobody_known(
    inbound: Inbound, text: str, words: MachineWords, own: Sequence[str], *, forwarded: bool
) -> str | None:
    """Return why nobody is known to be the sender of a message from an address that stands for others, None if it
    comes from no such address.
    """
    sent_from = inbound.from_address or given_address(inbound) or ""
    if is_own(sent_from, own):
        why = "forwarded by a colleague" if forwarded else "sent from one of our own addresses"
    elif is_no_reply(sent_from):
        why = "sent from an address that takes no answers"
    else:
        return None
    hint = words.forwarded_from(text)
    return f"{why}; it may be from {hint}" if hint else why
