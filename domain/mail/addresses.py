"""Addresses of e-mail: which are our own, which take no answers, and which a letter may go to."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StrictStr

ADDRESS = re.compile(r"[^\s@<>\"(),:;\\]{1,64}@[^\s@<>\"(),:;\\]{1,189}")
_DOMAIN = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?){0,40}")
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_NO_LETTER = re.compile(r"[\W_]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")  # and what could not be decoded

# How people name mailboxes that nobody reads, without the signs between the words.
_UNREAD = (
    "noreply|donotreply|dontreply|noresponse|nichtantworten|keineantwort|nepasrepondre|noresponder|noresponda|"
    "naoresponder|naoresponda|nonrispondere|nietantwoorden|geenantwoord|nieodpowiadaj|svarainte|svarikke|neodpovidat"
)
_NO_REPLY = re.compile(_UNREAD)
_DAEMONS = frozenset({"mailerdaemon", "maildaemon", "maildeliverydaemon", "maildeliverysubsystem", "mailersubsystem"})


def _checked(pattern: str) -> str:
    local, _, domain = pattern.rpartition("@")
    if local == "*":
        local = "all"
    if not ADDRESS.fullmatch(f"{local}@{domain}") or "*" in local or not _DOMAIN.fullmatch(domain):
        raise ValueError("expected an address such as 'support@shop.example', or '*@shop.example' for all of a domain")
    return pattern


OwnAddress = Annotated[StrictStr, AfterValidator(_checked)]


def fold_address(address: str) -> str:
    """Return an address as addresses are compared: without the case of its ASCII letters, and nothing else.

    Whoever folds more makes two mailboxes one: to `casefold`, a Kelvin sign is a k and "straße" is "strasse".

    >>> fold_address(" Ann@Shop.EXAMPLE"), fold_address("\u212aate@Straße.example")
    ('ann@shop.example', '\u212aate@straße.example')
    """
    return address.strip().translate(_SMALL)


class MailRules(BaseModel):
    """Which addresses are our own (`*@` a domain: all of it), and how many letters an address gets in 24 hours."""

    own: tuple[OwnAddress, ...] = Field(default=(), max_length=200)  # every case takes them along
    letters_per_day: int = Field(default=5, ge=1, le=10_000)


def is_own(address: str, own: Sequence[str]) -> bool:
    """Return whether an address is one of ours; what stands behind a `+` names no other mailbox.

    >>> is_own("Support+case7@Shop.example", ["support@shop.example"]), is_own("ann@shop.example", ["*@shop.example"])
    (True, True)
    """
    local, _, domain = fold_address(address).rpartition("@")
    names = (local, local.partition("+")[0], "*")
    parts = (fold_address(pattern).rpartition("@") for pattern in own)
    return any(ours in names and there == domain.rstrip(".") for ours, _, there in parts)


def vouches_for(sent_from: str, named: str, own: Sequence[str]) -> bool:
    """Return whether a mail from one address may name another one as its sender: it is ours, or of the same domain.

    >>> [vouches_for(there, "ann@home.example", []) for there in ("form@mail.home.example", "no-reply@evil.example")]
    [True, False]
    """
    there, here = (fold_address(address).rpartition("@")[2].rstrip(".") for address in (sent_from, named))
    return is_own(sent_from, own) or there == here or there.endswith(f".{here}")


def is_no_reply(address: str) -> bool:
    """Return whether an address says of itself that nobody reads what is sent there.

    >>> is_no_reply("orders.No-Reply+7@shop.example"), is_no_reply("bruno.reply@example.org")
    (True, False)
    """
    local = address.casefold().rpartition("@")[0].partition("+")[0]
    words = [word for word in _NO_LETTER.split(local) if word]
    if any(_NO_REPLY.search(word) for word in words):
        return True
    return any(_NO_REPLY.match("".join(words[first:])) for first in range(len(words)))  # not "bruno.reply"


def is_daemon(address: str) -> bool:
    """Return whether a mail server writes from this address.

    >>> is_daemon("MAILER-DAEMON@mx.example"), is_daemon("daemon.smith@example.org")
    (True, False)
    """
    return _bare(address) in _DAEMONS


def may_receive(address: str | None, own: Sequence[str] = ()) -> bool:
    """Return whether a letter may go to an address: it is one, a person may read it, and it is none of ours.

    >>> may_receive("ann@example.org"), may_receive("no-reply@example.org"), may_receive("ann@-bad-.example")
    (True, False, False)
    """
    if address is None or not ADDRESS.fullmatch(address) or _CONTROL.search(address):
        return False
    local, _, domain = address.rpartition("@")
    well_formed = _DOMAIN.fullmatch(domain) and not (local.startswith(".") or local.endswith(".") or ".." in local)
    return bool(well_formed) and not (is_own(address, own) or is_no_reply(address) or is_daemon(address))


def _bare(address: str) -> str:
    local = address.casefold().rpartition("@")[0].partition("+")[0]
    return _NO_LETTER.sub("", local)
