"""What will be done, exactly: one kind of action for refunds, wires and whatever else moves money.

A kind is a subclass with a `kind` of its own. Gate, ledger, audit and pages know only `Action`: what is particular to a
kind are its fields, its brief, its terms and its guard in the ledger (`adapters/store/guards.py`). The digest covers
every field, so a person's decision holds for these very bytes and no others.
"""

import hashlib
import json
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, SerializeAsAny, TypeAdapter

from domain.money.amount import Money

_KINDS: dict[str, type["Action"]] = {}


class Action(BaseModel):
    """What every action has.

    Attributes:
        kind: names the subclass.
        key: idempotency key of the effect: case id and step.
        case_id: the cause.
        payee: who gets the money, as the records or the vendor master name it.
        money: how much, minor units and currency.
        policy_version: the blueprint that allowed it.
    """

    kind: str
    key: str
    case_id: str
    payee: str
    money: Money
    policy_version: str

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """Make the kind known by its name."""
        super().__pydantic_init_subclass__(**kwargs)
        _KINDS[cls.model_fields["kind"].default] = cls

    def model_post_init(self, _context: object, /) -> None:
        """Refuse an action without a kind of its own: its digest would not cover what is particular to it."""
        if type(self) is Action:
            raise TypeError("an action has a kind: make a RefundAction or another subclass, or read it by AnyAction")

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON of every field, hex."""
        body = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(body.encode()).hexdigest()

    def same_money(self, other: "Action") -> bool:
        """Return whether both would move the same money: all is equal but the version of the policy."""
        return self.model_copy(update={"policy_version": other.policy_version}) == other


def _of_its_kind(value: object) -> object:
    if not isinstance(value, dict):
        return value
    kind = _KINDS.get(str(value.get("kind")))
    if kind is None:
        raise ValueError(f"action of kind {value.get('kind')!r}: expected one of {', '.join(sorted(_KINDS))}")
    return kind.model_validate(value)


AnyAction = Annotated[SerializeAsAny[Action], BeforeValidator(_of_its_kind)]
"""An action in a message: read as the subclass that its `kind` names, written with all its fields."""

_ANY = TypeAdapter[Action](AnyAction)


def read_action(text: str) -> Action:
    """Return an action from its JSON, as the subclass that its `kind` names. Raises ValueError for an unknown kind."""
    return _ANY.validate_json(text)


class Terms(BaseModel):
    """What an action of some kind must still fulfil when the ledger writes its intention; each kind has its own."""
