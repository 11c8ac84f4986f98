"""Whose word a decision is: signed by the surface that checked the person, and checked before it counts.

Whoever reaches Temporal's port can send any decision in anybody's name. They do not have the keys: the page's lies with
the gateway, and that of a command is made of the approver's own token.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel

from domain.money.approval import ApprovalDecision, ApprovalRequest, ApprovalResult, Seal, Standing, Surface, Verdict

CLOCKS_DIFFER = timedelta(minutes=5)
"""So far the clocks of a surface and of a worker may be apart."""
_SIGNED = b"headgate decision 1\n"
_OF_TOKEN = b"headgate approver key 1\0"


class DecisionKey(BaseModel):
    """A public key that decisions are checked with; `only_by` is the one person whose decisions it may sign."""

    key_id: str
    surface: Surface
    public: str  # hex
    only_by: str | None = None


@dataclass(frozen=True)
class SigningKey:
    """The secret of a surface: 32 bytes."""

    key_id: str
    surface: Surface
    secret: bytes = field(repr=False)

    @property
    def public(self) -> str:
        """The public half, hex."""
        return _public(self.secret)


class Flaw(StrEnum):
    """Why a signature does not count, in words for whoever decided."""

    UNSIGNED = "it is not signed: decide on the approvals page, or by `headgate approvals` with your own token"
    UNKNOWN_KEY = "the key that signed it is not known here: log in again, or ask for a new token"
    OTHER_SURFACE = "the key that signed it belongs to another way to decide"
    OTHER_PERSON = "it was signed with the token of another person"
    CHANGED = "its signature does not fit: it is another token's, or something was changed on the way"
    OTHER_TIME = "it was signed before the request was made, or in the future: look at the clocks, and decide again"
    OTHER_DECISION = "what was signed is not what is to be recorded"


def surface_key(surface: Surface, secret: bytes) -> SigningKey:
    """Return the key of a surface that checks people by itself."""
    return SigningKey(f"{surface}:{_public(secret)[:16]}", surface, secret)


def approver_key(name: str, token: str) -> SigningKey:
    """Return the key that an approver's own token (256 random bits) makes; good for decisions by that name only."""
    made_of = f"{name}\0{token.strip()}".encode("utf-8", "surrogatepass")
    return SigningKey(key_id_of_approver(name), Surface.COMMAND, hashlib.sha256(_OF_TOKEN + made_of).digest())


def key_id_of_approver(name: str) -> str:
    """Return the id of an approver's own key."""
    return f"approver:{name}"


def sign(decision: ApprovalDecision, key: SigningKey, now: datetime) -> ApprovalDecision:
    """Return the decision with a seal of this surface and time."""
    seal = Seal(surface=key.surface, at=now.astimezone(UTC), key_id=key.key_id, signature="")
    signature = Ed25519PrivateKey.from_private_bytes(key.secret).sign(_bytes(decision, seal))
    return decision.model_copy(update={"seal": seal.model_copy(update={"signature": signature.hex()})})


def flaw_in(
    decision: ApprovalDecision, keys: Sequence[DecisionKey], *, asked_at: datetime | None, now: datetime
) -> Flaw | None:
    """Return why a decision is not the word of who it names, or None if it is.

    Whether this person may decide on this action is another question: `domain.money.approval.object_to`.
    """
    seal = decision.seal
    if seal is None:
        return Flaw.UNSIGNED
    key = next((key for key in keys if key.key_id == seal.key_id), None)
    if key is None:
        return Flaw.UNKNOWN_KEY
    if key.surface != seal.surface:
        return Flaw.OTHER_SURFACE
    if key.only_by is not None and key.only_by != decision.by.strip():
        return Flaw.OTHER_PERSON
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public))
        public.verify(bytes.fromhex(seal.signature), _bytes(decision, seal))
    except (InvalidSignature, ValueError):
        return Flaw.CHANGED
    earliest = asked_at - CLOCKS_DIFFER if asked_at is not None else seal.at
    return None if earliest <= seal.at <= now + CLOCKS_DIFFER else Flaw.OTHER_TIME


def flaw_in_result(
    result: ApprovalResult,
    request: ApprovalRequest,
    decision: ApprovalDecision | None,
    keys: Callable[[], Sequence[DecisionKey]],
    now: datetime,
) -> Flaw | None:
    """Return why an ending is not what a person signed, or None: an expiry or a cancel needs nobody's signature, and no
    keys.
    """
    if result.standing not in (Standing.APPROVED, Standing.REJECTED):
        return None
    if decision is None:
        return Flaw.UNSIGNED
    said = Standing.APPROVED if decision.verdict is Verdict.APPROVE else Standing.REJECTED
    signed = (decision.approval_id, decision.digest, said, decision.by.strip(), decision.reason[:500])
    if signed != (result.approval_id, result.digest, result.standing, result.by, result.reason):
        return Flaw.OTHER_DECISION
    return flaw_in(decision, keys(), asked_at=request.requested_at, now=now)


def _bytes(decision: ApprovalDecision, seal: Seal) -> bytes:
    """Return what is signed: every field but the signature, of which the digest covers case, payee and amount."""
    said = {
        "approval_id": decision.approval_id,
        "digest": decision.digest,
        "verdict": str(decision.verdict),
        "by": decision.by,
        "reason": decision.reason,
        "surface": seal.surface,
        "at": seal.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "key_id": seal.key_id,
    }
    return _SIGNED + json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _public(secret: bytes) -> str:
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw().hex()
